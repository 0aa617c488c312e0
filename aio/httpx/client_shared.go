//lint:file-ignore SA1019 http.Transport, which package http2 points to, cannot
//use an existing connection, and only one of crypto/tls for ALPN: this package
//would have to use its dialing and its pool.

package httpx

import (
	"container/list"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"golang.org/x/net/http2"

	"goaio.example/aio/internal/alarm"
)

// sharedConns holds the connections to a host that speaks HTTP/2. Package http2
// implements the protocol; sharedConns decides which connection a request gets:
// the first one that has room. A request that finds none waits, in order, for
// room or for the connection that is then dialed.
type sharedConns struct {
	host *host
	t    http2.Transport
	tick alarm.Alarm // looks for room while requests wait

	// The pool's lock guards these.
	conns   []*sharedConn
	waiting list.List     // of *sharedWait
	dialing *dialing      // the dial that waiting requests wait for
	every   time.Duration // current interval of the tick
	// when a request last got a connection, by the pool's clock
	moved time.Duration
}

// sharedConnsOf returns the host's connections over HTTP/2, whether or not the
// host is known to speak it. The pool's lock is held.
func (h *host) sharedConnsOf() *sharedConns {
	if h.h2 != nil {
		return h.h2
	}
	s := &sharedConns{host: h}
	s.tick.Init(s)
	s.t.ConnPool = (*sharedPool)(s)
	s.t.AllowHTTP = true
	s.t.MaxHeaderListSize = maxHeaderBytes
	s.t.IdleConnTimeout = orDefault(h.pool.client.Timeouts.Idle, 60*time.Second)
	h.h2 = s
	return s
}

// current reports whether s serves the requests to the host. It registers a
// host that was forgotten with its last connection again. The pool's lock is
// held.
func (s *sharedConns) current() bool {
	h := s.host
	if h.shared != s {
		return false
	}
	known := h.pool.hosts[h.key]
	if known == nil {
		h.pool.hosts[h.key] = h
	}
	return known == nil || known == h
}

// errNotShared is the error if the host no longer speaks HTTP/2, or is known by
// other connections.
var errNotShared = errors.New("httpx: the host does not speak HTTP/2 any more")

// sharedPool is the http2.ClientConnPool of a sharedConns.
type sharedPool sharedConns

var _ http2.ClientConnPool = (*sharedPool)(nil)

// GetClientConn returns a connection that has room for another request. Package
// http2 calls it again for a request that it repeats.
func (p *sharedPool) GetClientConn(req *http.Request, _ string) (*http2.ClientConn, error) {
	w := req.Context().Value(sharedExchangeKey{}).(*sharedExchange)
	w.leave()
	w.enter(atDial) // the trip has called the trace's GetConn
	c, err := (*sharedConns)(p).take(req.Context(), w)
	if err != nil {
		return nil, err
	}
	w.join(c)
	return c.cc, nil
}

// MarkDead forgets a connection.
func (p *sharedPool) MarkDead(cc *http2.ClientConn) {
	p.host.pool.mu.Lock()
	defer p.host.pool.mu.Unlock()
	for _, c := range p.conns {
		if c.cc == cc {
			(*sharedConns)(p).forget(c)
			return
		}
	}
}

// roundTrip makes a request over HTTP/2. It returns another request instead if
// that is to be made: the server has closed the connection, or the host no
// longer speaks HTTP/2, and repeating the request does no harm.
func (s *sharedConns) roundTrip(ex *outgoing, req *http.Request, tries *sharedTries) (resp *http.Response, again *http.Request, err error) {
	sent, err := sharedRequest(req)
	if err != nil {
		closeBodyOf(req)
		return nil, nil, err
	}
	w := newSharedExchange(ex, req, sent)
	resp, err = s.t.RoundTrip(w.req)
	// a hook of another request called Goexit in the goroutine that reads the
	// connection
	if resp == nil && err == nil {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		w.end()
		w.leave()
		if w.stale(err, tries) {
			again, err = w.again(err)
		}
		if again == nil && w.upload != nil {
			// package http2 does not close it if it got no connection
			w.upload.Close()
		}
		return nil, again, w.cause(err)
	}
	w.head()
	resp.Request = req
	resp.Body = newSharedBody(resp.Body, w)
	return resp, nil, nil
}

// closeIdle closes the connections without a request.
func (s *sharedConns) closeIdle() {
	var idle []*sharedConn
	s.host.pool.mu.Lock()
	for _, c := range append([]*sharedConn(nil), s.conns...) {
		if c.active == 0 {
			s.forget(c)
			idle = append(idle, c)
		}
	}
	s.host.pool.mu.Unlock()
	for _, c := range idle {
		c.cc.Close()
	}
}

// dialedShared ends a dial that made a connection over HTTP/2. All that wait
// for the host share it, and their other dials are given up.
func (h *host) dialedShared(ctx context.Context, d *dialing, c *sharedConn) {
	s, needed := h.needsShared(d)
	if !needed {
		c.Close()
		return
	}
	c.s = s
	stop := context.AfterFunc(ctx, func() { c.Abort() })
	cc, err := s.t.NewClientConn(c)
	if !stop() && err == nil {
		err = context.Cause(ctx) // c is being aborted
	}
	if err != nil {
		d.made = true // Close uncounts the connection
		c.Close()
		d.fail(err)
		return
	}
	h.pool.mu.Lock()
	if needed = h.stillNeeded(d); needed {
		c.cc, h.shared = cc, s
		s.conns = append(s.conns, c)
		s.dialOver(d, nil)
	}
	waiting, spare := h.allWaiting()
	next := s.serve()
	h.pool.mu.Unlock()
	next.start()
	if !needed {
		cc.Close()
	}
	for _, other := range spare {
		other.op.Cancel(errNotNeeded)
	}
	for _, t := range waiting {
		t.toShared(s)
	}
}

// retire ends the use of HTTP/2 for the host, because a dial made a connection
// that does not speak it. It returns the connections without a request, which
// the caller closes. The pool's lock is held.
func (s *sharedConns) retire(d *dialing) (idle []*sharedConn) {
	s.dialOver(d, nil)
	if s.host.shared != s {
		return nil
	}
	s.host.shared = nil
	s.failAll(errNotShared)
	for _, c := range s.conns {
		if c.active == 0 {
			idle = append(idle, c)
		}
	}
	s.conns = nil
	return idle
}

// needsShared returns the sharedConns that the dial's connection belongs to,
// and whether the connection is needed.
func (h *host) needsShared(d *dialing) (s *sharedConns, needed bool) {
	h.pool.mu.Lock()
	defer h.pool.mu.Unlock()
	return h.sharedConnsOf(), h.stillNeeded(d)
}

// stillNeeded reports whether requests need the dial's connection because there
// is no other. The pool's lock is held.
func (h *host) stillNeeded(d *dialing) bool {
	return h.shared == nil || len(h.shared.conns) == 0 || d.shared == h.shared
}

// allWaiting removes and returns all trips that wait, and the dials for them.
// The pool's lock is held.
func (h *host) allWaiting() (all []*trip, spare []*dialing) {
	for t := h.waiting.pop(); t != nil; t = h.waiting.pop() {
		d := t.dial
		if all = append(all, t); d == nil {
			continue
		}
		t.dial, d.trip, d.unwanted = nil, nil, true
		if d.started {
			spare = append(spare, d)
		}
	}
	return all, spare
}
