package dnsx

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"goaio.example/aio/internal/bell"
)

// The transport layer: it brings one query to one server, and back what that
// server answers to this very query. Whatever else arrives is ignored. It knows
// nothing of caches, of other servers, or of what an answer means.

// transport is how servers are reached.
type transport struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error) // nil: package net's
	tls  *tls.Config                                                       // nil: the defaults
}

// call is one query on its way to one server.
type call struct {
	*wire
	t        *transport
	up       *upstream
	ctx      context.Context // for what can be ended by a context only
	stop     *interrupt      // ends what waits on a connection
	deadline time.Time
	pool     *pool
	count    *counters
	udp      net.Conn      // the socket of a query by UDP that is under way
	age      time.Duration // how old the answer is already, by HTTP's Age
}

var (
	errShort     = errors.New("the message is shorter than a header")
	errTruncated = errors.New("the answer is truncated")
	errMismatch  = errors.New("the answer is to another question")
)

// do brings the query to the server, and returns the answer. It is valid until
// the call's wire is used again. soft is when to give up for the time being,
// with errLate: then resume goes on with it. The zero soft is never.
func (c *call) do(soft time.Time) ([]byte, error) {
	switch c.up.scheme {
	case schemeTCP:
		return c.overTCP()
	case schemeTLS:
		return c.overTLS()
	case schemeHTTPS:
		return c.overHTTPS()
	}
	msg, err := c.overUDP(soft)
	if errors.Is(err, errTruncated) {
		return c.overTCP()
	}
	return msg, err
}

// connect opens a connection or socket to the server.
func (c *call) connect(network string) (net.Conn, error) {
	if c.t.dial != nil {
		ctx, cancel := context.WithDeadline(c.ctx, c.deadline)
		defer cancel()
		return c.t.dial(ctx, network, c.up.addr)
	}
	if network == "udp" && c.up.udp.IsValid() {
		return openSocket(c.up.udp)
	}
	d := net.Dialer{Deadline: c.deadline}
	return d.DialContext(c.ctx, network, c.up.addr)
}

// setDeadline sets a connection's deadline. Where that fails, the connection is
// closed, and reads fail too.
func setDeadline(c net.Conn, t time.Time) { _ = c.SetDeadline(t) }

// interrupt ends what waits on connections. The zero interrupt is ready.
type interrupt struct {
	mu    sync.Mutex
	conns []net.Conn
	room  [2]net.Conn
	cause error
}

// hold has the interrupt end c's waits too, from now on until release. If there
// has been an interrupt already, hold returns its cause. c's deadlines are not
// to be changed while it is held.
func (i *interrupt) hold(c net.Conn) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.cause != nil {
		return i.cause
	}
	if i.conns == nil {
		i.conns = i.room[:0]
	}
	i.conns = append(i.conns, c)
	return nil
}

// release has the interrupt leave c alone.
func (i *interrupt) release(c net.Conn) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for k := range i.conns {
		if i.conns[k] == c {
			last := len(i.conns) - 1
			i.conns[k], i.conns[last] = i.conns[last], nil
			i.conns = i.conns[:last]
			return
		}
	}
}

// fire ends what waits, and what will, with the cause. The first counts.
func (i *interrupt) fire(cause error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.cause != nil {
		return
	}
	i.cause = cause
	for _, c := range i.conns {
		setDeadline(c, bell.Past)
	}
}

// fired returns the cause if there was an interrupt.
func (i *interrupt) fired() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.cause
}
