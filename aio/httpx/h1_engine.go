package httpx

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"goaio.example/aio/tcp"
)

// h1Engine serves HTTP/1 on connections in tcp's handler style. The engine has
// no goroutine and no buffer for a connection between two requests, or for one
// whose request was deferred.
type h1Engine struct {
	s        *Server
	hs       http.Server // value of http.ServerContextKey; never started
	idField  string      // Server.RequestIDHeader in canonical form
	draining atomic.Bool
	date     atomic.Pointer[dateText]

	mu    sync.Mutex
	first *h1Conn // list of all connections
}

func newH1Engine(s *Server) *h1Engine {
	e := &h1Engine{s: s, idField: canonical(s.RequestIDHeader)}
	l := s.lim
	e.hs.Handler, e.hs.MaxHeaderBytes = s.Handler, l.headerBytes
	e.hs.ReadHeaderTimeout, e.hs.IdleTimeout = negativeIfNone(l.header), negativeIfNone(l.idle)
	return e
}

// take returns the state of a connection on which the first bytes have arrived.
func (e *h1Engine) take(c *tcp.Conn) *h1Conn {
	k := &h1Conn{connCtx: connCtx{c, &e.hs}, e: e}
	e.mu.Lock()
	if k.next = e.first; k.next != nil {
		k.next.prev = k
	}
	e.first = k
	e.mu.Unlock()
	return k
}

// forget removes a connection from the list.
func (e *h1Engine) forget(k *h1Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case k.prev != nil:
		k.prev.next = k.next
	case e.first == k:
		e.first = k.next
	default:
		return // it was removed before
	}
	if k.next != nil {
		k.next.prev = k.prev
	}
	k.prev, k.next = nil, nil
}

// drain makes connections end. A connection that waits for another request gets
// drainTime, because its client may already have sent one, which is then
// answered.
func (e *h1Engine) drain() {
	e.draining.Store(true)
	e.mu.Lock()
	var all []*h1Conn
	for k := e.first; k != nil; k = k.next {
		all = append(all, k)
	}
	e.mu.Unlock()
	for _, k := range all {
		k.drain()
	}
}

// drains reports whether connections are to end. The loop may drain a moment
// before it tells the server.
func (e *h1Engine) drains() bool { return e.draining.Load() || e.s.op.Op().Draining() }

// dateText caches the text of a Date field for a second.
type dateText struct {
	second int64
	text   string
}

// now returns the text of a Date field.
func (e *h1Engine) now() string {
	now := time.Now()
	second := now.Unix()
	if d := e.date.Load(); d != nil && d.second == second {
		return d.text
	}
	d := &dateText{second, now.UTC().Format(http.TimeFormat)}
	e.date.Store(d)
	return d.text
}
