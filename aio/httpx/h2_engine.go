package httpx

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"goaio.example/aio/tcp"
)

// h2Engine serves HTTP/2 by passing connections to net/http's Server.
type h2Engine struct {
	s        *Server
	hs       http.Server
	conns    chan net.Conn
	once     sync.Once
	over     chan struct{} // closed by Close
	done     chan struct{} // closed when Serve has returned
	draining atomic.Bool

	mu    sync.Mutex
	wires map[*h2Wire]struct{}
	open  sync.WaitGroup // connections that net/http serves
}

// newH2Engine starts the engine.
func newH2Engine(s *Server) *h2Engine {
	e := &h2Engine{
		s: s, wires: map[*h2Wire]struct{}{},
		conns: make(chan net.Conn), over: make(chan struct{}), done: make(chan struct{}),
	}
	ps := new(http.Protocols)
	ps.SetUnencryptedHTTP2(true) // net/http sees no TLS: tcp does it
	l := s.lim
	e.hs = http.Server{
		Handler:           http.HandlerFunc(e.serve),
		Protocols:         ps,
		ReadHeaderTimeout: negativeIfNone(l.header),
		IdleTimeout:       negativeIfNone(l.idle),
		MaxHeaderBytes:    l.headerBytes,
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, h2WireKey, c) },
		ConnState:         e.state,
		ErrorLog:          slog.NewLogLogger(s.log().Handler(), slog.LevelDebug),
		HTTP2:             &http.HTTP2Config{WriteByteTimeout: l.write, PermitProhibitedCipherSuites: true},

		// Handle gets "OPTIONS *" too
		DisableGeneralOptionsHandler: s.Handle != nil,
	}
	s.op.Op().Go(func() {
		defer close(e.done)
		e.hs.Serve((*h2Listener)(e)) // returns only when the listener is closed
	}, func(error) {})
	return e
}

// h2Listener is the listener from which net/http accepts an engine's
// connections.
type h2Listener h2Engine

// Accept returns a connection that was passed to the engine.
func (d *h2Listener) Accept() (net.Conn, error) {
	select {
	case c := <-d.conns:
		return c, nil
	case <-d.over:
		return nil, net.ErrClosed
	}
}

// Close makes Accept return.
func (d *h2Listener) Close() error {
	d.once.Do(func() { close(d.over) })
	return nil
}

// Addr returns a meaningless address: net/http only puts it into a context,
// which the connection's own address follows.
func (d *h2Listener) Addr() net.Addr { return &net.TCPAddr{} }

// take serves a connection on which first has arrived. The connection has
// neither a handler nor a read timeout any more.
func (e *h2Engine) take(c *tcp.Conn, first []byte) {
	w := newH2Wire(e, c, first)
	e.open.Add(1)
	e.mu.Lock()
	e.wires[w] = struct{}{}
	e.mu.Unlock()
	if e.draining.Load() {
		w.leave()
	}
	select {
	case e.conns <- w:
	case <-e.over:
		c.Close()
		e.forget(w)
	}
}

// state is net/http's ConnState hook.
func (e *h2Engine) state(nc net.Conn, state http.ConnState) {
	if state == http.StateClosed || state == http.StateHijacked {
		e.forget(nc.(*h2Wire))
	}
}

// forget removes a connection that net/http has finished with.
func (e *h2Engine) forget(w *h2Wire) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.wires[w]; ok {
		delete(e.wires, w)
		e.open.Done()
	}
}

// drain makes connections announce that they end. It does not use Shutdown,
// which drops connections that are still to come.
func (e *h2Engine) drain() {
	e.draining.Store(true)
	e.mu.Lock()
	wires := slices.Collect(maps.Keys(e.wires))
	e.mu.Unlock()
	for _, w := range wires {
		w.leave()
	}
}

// close waits for the engine's goroutines after all connections have ended.
func (e *h2Engine) close() {
	e.open.Wait()
	(*h2Listener)(e).Close()
	<-e.done
	e.hs.Close()
}

// serve is the http.Handler that net/http calls.
func (e *h2Engine) serve(rw http.ResponseWriter, r *http.Request) {
	w, _ := r.Context().Value(h2WireKey).(*h2Wire)
	e.s.exchange(rw, r, w)
}
