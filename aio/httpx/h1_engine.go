package httpx

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"goaio.example/aio/tcp"
)

// h1Engine serves HTTP/1 on connections in tcp's handler style. A connection
// between two requests has no goroutine and no buffer of the engine's, and
// neither has one whose request was deferred.
type h1Engine struct {
	s        *Server
	hs       http.Server // what http.ServerContextKey has; it is never started
	idField  string      // Server.RequestIDHeader as http.Header has it
	draining atomic.Bool
	date     atomic.Pointer[dateText]

	mu    sync.Mutex
	first *h1Conn // a list of all connections
}

func newH1Engine(s *Server) *h1Engine {
	e := &h1Engine{s: s, idField: canonical(s.RequestIDHeader)}
	l := s.lim
	e.hs.Handler, e.hs.MaxHeaderBytes = s.Handler, l.headerBytes
	e.hs.ReadHeaderTimeout, e.hs.IdleTimeout = negativeIfNone(l.header), negativeIfNone(l.idle)
	return e
}

// take returns the state of a connection from which something has arrived.
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

// forget takes a connection off the list.
func (e *h1Engine) forget(k *h1Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case k.prev != nil:
		k.prev.next = k.next
	case e.first == k:
		e.first = k.next
	default:
		return // it was forgotten before
	}
	if k.next != nil {
		k.next.prev = k.prev
	}
	k.prev, k.next = nil, nil
}

// drain has connections end. One that waits for another request is given
// drainTime: its client may have sent one already, which is answered.
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

// drains reports whether connections are to end. They are once the loop drains,
// which may be a moment before it tells the server.
func (e *h1Engine) drains() bool { return e.draining.Load() || e.s.op.Op().Draining() }

// dateText is the text of a Date field, for a second.
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
