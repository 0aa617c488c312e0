package memnet

import (
	"net"
	"os"
	"syscall"
	"time"

	"goaio.example/aio/internal/bell"
)

// Listener is a net.Listener of a Network, made by Network.Listen.
type Listener struct {
	net  *Network
	at   endpoint
	addr net.Addr

	// Guarded by net.mu; bell is rung when one of them changes.
	bell   bell.Bell
	queue  []*Conn
	dl     deadline
	closed bool
}

// Accept returns the next connection, a *Conn; it blocks until there is one.
// Errors: net.ErrClosed, os.ErrDeadlineExceeded.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.accept()
	if err != nil {
		return nil, opError("accept", "accept", nil, l.addr, err)
	}
	return c, nil
}

func (l *Listener) accept() (*Conn, error) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	if !l.closed && l.dl.passed() {
		return nil, os.ErrDeadlineExceeded
	}
	for {
		switch {
		case l.closed:
			return nil, net.ErrClosed
		case len(l.queue) > 0:
			return l.take(), nil
		case l.dl.passed():
			return nil, os.ErrDeadlineExceeded
		}
		l.bell.Wait(&l.net.mu)
	}
}

// TryAccept is Accept for a connection that is already queued. If there is none
// it returns syscall.EAGAIN, bare. It ignores deadlines.
func (l *Listener) TryAccept() (net.Conn, error) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	switch {
	case l.closed:
		return nil, opError("accept", "accept", nil, l.addr, net.ErrClosed)
	case len(l.queue) == 0:
		return nil, syscall.EAGAIN
	}
	return l.take(), nil
}

// take takes the first connection out of the queue.
func (l *Listener) take() *Conn {
	c := l.queue[0]
	l.queue[0] = nil
	l.queue = l.queue[1:]
	l.bell.Ring()
	return c
}

// Close frees the address and ends Accept; it does not block. Connections that
// were not accepted are reset, and dials that wait for room in the queue are
// refused. Accepted connections go on. A second call returns net.ErrClosed.
func (l *Listener) Close() error {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	if l.closed {
		return opError("close", "close", nil, l.addr, net.ErrClosed)
	}
	l.closed = true
	l.dl.stop()
	hosts := l.net.listeners[l.at.port]
	delete(hosts, l.at.host)
	if len(hosts) == 0 {
		delete(l.net.listeners, l.at.port)
	}
	for _, c := range l.queue {
		_ = c.Abort() // it has no other user, so it is not closed
	}
	l.queue = nil
	l.bell.Ring()
	return nil
}

// Addr returns the address listened on, with the port that was picked: a
// *net.TCPAddr, or an Addr if the host is a name.
func (l *Listener) Addr() net.Addr { return l.addr }

// SetDeadline makes Accept, including a call in progress, fail with
// os.ErrDeadlineExceeded from t on. The zero time means never. Its only error
// is net.ErrClosed.
func (l *Listener) SetDeadline(t time.Time) error {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	if l.closed {
		return opError("set", "set", nil, l.addr, net.ErrClosed)
	}
	l.dl.set(t, &l.net.mu, &l.bell)
	return nil
}

// Pending returns how many connections wait to be accepted.
func (l *Listener) Pending() int {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	return len(l.queue)
}
