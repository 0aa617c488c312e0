package otelaio

import "goaio.example/aio"

// defaultKinds are the kinds that DefaultSelect has.
var defaultKinds = kindsOf("aio.go", "aio.spawn", "aio.scope", "dns.lookup", "tcp.dial", "tcp.tls")

var kindLookup = aio.NewKind("dns.lookup")

// kindSet is a set of kinds.
type kindSet [256]bool

func kindsOf(names ...string) *kindSet {
	s := new(kindSet)
	for _, name := range names {
		s[aio.NewKind(name)] = true
	}
	return s
}

// DefaultSelect selects what programs name and wait for: functions (the kinds
// aio.go, aio.spawn and aio.scope), lookups (dns.lookup), dials (tcp.dial) and
// TLS handshakes (tcp.tls). It leaves out daemons, timers, connections, sends,
// combinators, and the requests of httpx, whose spans Server and Client make.
func DefaultSelect(op aio.Ref) bool { return defaultKinds[op.Kind()] }

// Kinds returns a function for Telemetry.Select that selects the operations of
// the kinds with these names, such as "timer.delay": see aio.Kind. A name that
// no package has is not an error. Call it when the program starts: as with
// aio.NewKind, there are 255 kinds at most.
func Kinds(names ...string) func(op aio.Ref) bool {
	s := kindsOf(names...)
	return func(op aio.Ref) bool { return s[op.Kind()] }
}
