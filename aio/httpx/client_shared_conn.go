//lint:file-ignore SA1019 see client_shared.go

package httpx

import (
	"crypto/tls"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/net/http2"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
)

// sharedConn is a connection over HTTP/2, as the net.Conn that package http2
// uses.
type sharedConn struct {
	*tcp.Conn
	host   *host
	state  *tls.ConnectionState
	once   sync.Once
	proved atomic.Bool // it has brought a response
	lost   atomic.Bool // the server has closed it

	s *sharedConns // set once

	// The pool's lock guards these.
	cc     *http2.ClientConn
	active int // requests
}

func newSharedConn(h *host, c *tcp.Conn) *sharedConn {
	conn := &sharedConn{Conn: c, host: h}
	if state, ok := c.TLS(); ok {
		conn.state = &state
	}
	return conn
}

// ConnectionState returns the TLS state, which package http2 asks for.
func (c *sharedConn) ConnectionState() tls.ConnectionState {
	if c.state != nil {
		return *c.state
	}
	return tls.ConnectionState{}
}

func (c *sharedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.note(err)
	return n, err
}

func (c *sharedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.note(err)
	return n, err
}

// note records that the server has closed the connection.
func (c *sharedConn) note(err error) {
	if err != nil && !errors.Is(err, aio.ErrClosed) && !errors.Is(err, aio.ErrTimeout) {
		c.lost.Store(true)
	}
}

// Close closes the connection, and uncounts it.
func (c *sharedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.host.gone)
	return err
}

// forget removes a connection from the list, so that it gets no more requests.
// The pool's lock is held.
func (s *sharedConns) forget(c *sharedConn) {
	if i := slices.Index(s.conns, c); i >= 0 {
		s.conns = slices.Delete(s.conns, i, i+1)
	}
}

// reserve takes a place for a request on a connection that has room, and
// returns the connection, or nil if none has room. The pool's lock is held.
func (s *sharedConns) reserve() *sharedConn {
	for _, c := range s.conns {
		if c.cc.ReserveNewRequest() {
			c.active++
			s.moved = s.host.pool.op.Age()
			return c
		}
	}
	return nil
}

// release notes that a request on a connection is over. It closes a connection
// that has no other request and is not to be kept.
func (s *sharedConns) release(c *sharedConn) {
	s.host.pool.mu.Lock()
	c.active--
	idle := c.active == 0 && !s.keeps(c)
	if idle {
		s.forget(c)
	}
	s.every = 0
	d := s.serve()
	s.host.pool.mu.Unlock()
	d.start()
	if idle {
		c.cc.Close()
	}
}

// keeps reports whether a connection without a request is kept. The pool's lock
// is held.
func (s *sharedConns) keeps(c *sharedConn) bool {
	h := s.host
	if h.shared != s || h.pool.drained || h.pool.emptied {
		return false
	}
	idle := 0
	for _, other := range s.conns {
		if other != c && other.active == 0 {
			idle++
		}
	}
	return idle < h.pool.client.mostIdle()
}
