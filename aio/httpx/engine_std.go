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

// stdEngine serves HTTP/2 on net/http's Server, which is given its connections.
type stdEngine struct {
	s        *Server
	hs       http.Server
	conns    chan net.Conn
	once     sync.Once
	over     chan struct{} // closed by Close
	done     chan struct{} // closed when Serve has returned
	draining atomic.Bool

	mu    sync.Mutex
	wires map[*wire]struct{}
	open  sync.WaitGroup // the connections that net/http serves
}

// newStdEngine starts the engine.
func newStdEngine(s *Server) *stdEngine {
	e := &stdEngine{
		s: s, wires: map[*wire]struct{}{},
		conns: make(chan net.Conn), over: make(chan struct{}), done: make(chan struct{}),
	}
	ps := new(http.Protocols)
	ps.SetUnencryptedHTTP2(true) // which it is to net/http, beneath which tcp does TLS
	l := s.lim
	e.hs = http.Server{
		Handler:           http.HandlerFunc(e.serve),
		Protocols:         ps,
		ReadHeaderTimeout: negativeIfNone(l.header),
		IdleTimeout:       negativeIfNone(l.idle),
		MaxHeaderBytes:    l.headerBytes,
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, wireKey, c) },
		ConnState:         e.state,
		ErrorLog:          slog.NewLogLogger(s.log().Handler(), slog.LevelDebug),
		HTTP2:             &http.HTTP2Config{WriteByteTimeout: l.write, PermitProhibitedCipherSuites: true},

		DisableGeneralOptionsHandler: s.Handle != nil, // which gets "OPTIONS *" too
	}
	s.op.Op().Go(func() {
		defer close(e.done)
		e.hs.Serve((*stdListener)(e)) // until the listener is closed, as the error says
	}, func(error) {})
	return e
}

// stdListener is an engine as the listener that net/http accepts from.
type stdListener stdEngine

// Accept returns a connection that was given to the engine.
func (d *stdListener) Accept() (net.Conn, error) {
	select {
	case c := <-d.conns:
		return c, nil
	case <-d.over:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (d *stdListener) Close() error {
	d.once.Do(func() { close(d.over) })
	return nil
}

// Addr returns an address that says nothing: net/http only puts it into a ctx,
// where that of the connection follows.
func (d *stdListener) Addr() net.Addr { return &net.TCPAddr{} }

// take serves a connection from which first has arrived. It has neither a
// handler nor a read timeout any more.
func (e *stdEngine) take(c *tcp.Conn, first []byte) {
	w := newWire(e, c, first)
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

// state is told by net/http what it does with a connection.
func (e *stdEngine) state(nc net.Conn, state http.ConnState) {
	if state == http.StateClosed || state == http.StateHijacked {
		e.forget(nc.(*wire))
	}
}

// forget notes that net/http is done with a connection.
func (e *stdEngine) forget(w *wire) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.wires[w]; ok {
		delete(e.wires, w)
		e.open.Done()
	}
}

// drain has connections say that they end. It does not use Shutdown, which
// drops those that are still to come.
func (e *stdEngine) drain() {
	e.draining.Store(true)
	e.mu.Lock()
	wires := slices.Collect(maps.Keys(e.wires))
	e.mu.Unlock()
	for _, w := range wires {
		w.leave()
	}
}

// close waits for the engine's goroutines, when all connections have ended.
func (e *stdEngine) close() {
	e.open.Wait()
	(*stdListener)(e).Close()
	<-e.done
	e.hs.Close()
}

// serve is the http.Handler that net/http calls.
func (e *stdEngine) serve(rw http.ResponseWriter, r *http.Request) {
	w, _ := r.Context().Value(wireKey).(*wire)
	e.s.exchange(rw, r, w)
}
