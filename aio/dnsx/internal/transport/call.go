package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Network holds what is common to all connections to servers.
type Network struct {
	// nil: a net.Dialer
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// nil: the zero Config, and TLS 1.2 or later
	TLS *tls.Config
}

// NewNetwork returns a Network with its own copy of cfg, which may be nil. TLS
// sessions are resumed.
func NewNetwork(dial func(ctx context.Context, network, addr string) (net.Conn, error), cfg *tls.Config) Network {
	if cfg == nil {
		cfg = new(tls.Config)
	} else {
		cfg = cfg.Clone()
	}
	if cfg.ClientSessionCache == nil {
		cfg.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	return Network{Dial: dial, TLS: cfg}
}

// Counters counts messages.
type Counters struct {
	Queries atomic.Int64 // sent
	Ignored atomic.Int64 // received, but not the answer to the query
}

// Call is one query to one server. The user sets the exported fields, calls
// Pack and Do, also repeatedly, and Release in the end.
type Call struct {
	Network  *Network
	Server   *Server
	Context  context.Context // ends dials and HTTP requests
	Stop     *Interrupt      // ends reads and writes
	Deadline time.Time
	Pool     *Pool
	Counters *Counters

	*wire
	udp net.Conn      // the socket of a query by UDP that Do has left open
	age time.Duration // the Age of an HTTP response
}

var (
	errShort     = errors.New("the message is shorter than a header")
	errTruncated = errors.New("the answer is truncated")
	errMismatch  = errors.New("the answer is to another question")
)

// IsMalformed reports whether err says that a server sent something that is no
// answer to the query.
func IsMalformed(err error) bool {
	for _, e := range []error{errShort, errMismatch, errTooBig, errNotDNS, io.ErrUnexpectedEOF} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Pack makes the query, with a new random ID: for the records of a type that
// name has, a lower-case name with a trailing dot. edns adds EDNS(0), ad sets
// the AD bit, which asks for the server's opinion on the answer's authenticity
// (RFC 6840, section 5.7). Pack fails if name is not a domain name.
func (c *Call) Pack(name string, typ dnsmessage.Type, edns, ad bool) error {
	if c.wire == nil {
		c.wire = wires.Get().(*wire)
	}
	return c.pack(ids.next(), name, typ, edns, ad, c.Server.encrypted())
}

// EDNS reports whether the query has EDNS(0).
func (c *Call) EDNS() bool { return c.edns }

// Age returns for how long caches on the way have kept the answer (the header
// Age of HTTP).
func (c *Call) Age() time.Duration { return c.age }

// Release ends the use of what Do and Resume returned.
func (c *Call) Release() {
	if c.wire != nil {
		wires.Put(c.wire)
		c.wire = nil
	}
}

// Do sends the query to the server and returns the answer, which is valid until
// the next call of Do or Release. A query by UDP that has no answer at the time
// soft ends with ErrLate, and Resume continues it. The zero soft is never.
func (c *Call) Do(soft time.Time) ([]byte, error) {
	switch c.Server.scheme {
	case schemeTCP:
		return c.overTCP()
	case schemeTLS:
		return c.overTLS()
	case schemeHTTPS:
		return c.overHTTPS()
	}
	return c.orTCP(c.overUDP(soft))
}

// Resume continues to wait for an answer after Do has returned ErrLate.
func (c *Call) Resume() ([]byte, error) { return c.orTCP(c.resumeUDP()) }

// orTCP returns what a query by UDP brought, or asks by TCP if the answer is
// truncated.
func (c *Call) orTCP(msg []byte, err error) ([]byte, error) {
	if errors.Is(err, errTruncated) {
		return c.overTCP()
	}
	return msg, err
}

// connect opens a connection or socket to the server.
func (c *Call) connect(network string) (net.Conn, error) {
	if c.Network.Dial != nil {
		ctx, cancel := context.WithDeadline(c.Context, c.Deadline)
		defer cancel()
		return c.Network.Dial(ctx, network, c.Server.addr)
	}
	if network == "udp" && c.Server.udp.IsValid() {
		return openSocket(c.Server.udp)
	}
	d := net.Dialer{Deadline: c.Deadline}
	return d.DialContext(c.Context, network, c.Server.addr)
}

// setDeadline sets a connection's deadline. It fails only on a closed
// connection, whose reads fail too.
func setDeadline(c net.Conn, t time.Time) { _ = c.SetDeadline(t) }
