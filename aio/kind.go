package aio

import (
	"strings"
	"sync"
)

// Kind is a class of operations in figures and listings, such as "tcp.conn.in".
// The zero Kind is "op", no particular class.
type Kind uint16

const maxKinds = 256

// kinds holds the names of all kinds. Kinds are made when packages are
// initialised, and are never removed.
var kinds = struct {
	sync.RWMutex
	names []string
}{names: []string{"op"}}

// NewKind returns the kind with the given name. It makes the kind if there is
// none. Call it at package level. It panics when a program makes more than 255
// kinds.
func NewKind(name string) Kind {
	kinds.Lock()
	defer kinds.Unlock()
	for i, n := range kinds.names {
		if n == name {
			return Kind(i)
		}
	}
	if len(kinds.names) == maxKinds {
		panic("aio: more than 255 kinds of operation")
	}
	kinds.names = append(kinds.names, name)
	return Kind(len(kinds.names) - 1)
}

// String returns the kind's name.
func (k Kind) String() string {
	kinds.RLock()
	defer kinds.RUnlock()
	if int(k) >= len(kinds.names) {
		return "unknown"
	}
	return kinds.names[k]
}

// The kinds of this package, and those that Stats has fields for.
var (
	kindMain    = NewKind("aio.main")
	kindGo      = NewKind("aio.go")
	kindSpawn   = NewKind("aio.spawn")
	kindDaemon  = NewKind("aio.daemon")
	kindScope   = NewKind("aio.scope")
	kindPromise = NewKind("aio.promise")
	kindJoin    = NewKind("aio.join")
	kindThen    = NewKind("aio.then")
	kindLoop    = NewKind("aio.loop")

	kindConnIn   = NewKind("tcp.conn.in")
	kindConnOut  = NewKind("tcp.conn.out")
	kindLookup   = NewKind("dns.lookup")
	kindDelay    = NewKind("timer.delay")
	kindRequest  = NewKind("http.request.in")
	kindResponse = NewKind("http.request.out")
)

// isTimer reports whether operations of the kind wait for a time.
func (k Kind) isTimer() bool { return strings.HasPrefix(k.String(), "timer.") }
