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

// stdEngine is the engine on net/http's Server. It has one for each version of HTTP, because they end differently: an
// HTTP/2 connection says by itself that it ends.
type stdEngine struct {
	s        *Server
	h1, h2   *stdServer
	draining atomic.Bool

	mu    sync.Mutex
	wires map[*wire]struct{}
	open  sync.WaitGroup // the connections that net/http serves
}

// stdServer is an http.Server that is given its connections.
type stdServer struct {
	hs    http.Server
	conns chan net.Conn
	once  sync.Once
	over  chan struct{} // closed by Close
	done  chan struct{} // closed when Serve has returned
}

func newStdEngine(s *Server) *stdEngine {
	e := &stdEngine{s: s, wires: map[*wire]struct{}{}}
	e.h1, e.h2 = e.newServer(false), e.newServer(true)
	return e
}

// newServer starts one of the two servers.
func (e *stdEngine) newServer(h2 bool) *stdServer {
	d := &stdServer{conns: make(chan net.Conn), over: make(chan struct{}), done: make(chan struct{})}
	ps := new(http.Protocols)
	ps.SetHTTP1(!h2)
	ps.SetUnencryptedHTTP2(h2) // which it is to net/http, beneath which tcp does TLS
	l := e.s.lim
	d.hs = http.Server{
		Handler:           http.HandlerFunc(e.serve),
		Protocols:         ps,
		ReadHeaderTimeout: negativeIfNone(l.header),
		IdleTimeout:       negativeIfNone(l.idle),
		MaxHeaderBytes:    l.headerBytes,
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, wireKey, c) },
		ConnState:         e.state,
		ErrorLog:          slog.NewLogLogger(e.s.log().Handler(), slog.LevelDebug),
		HTTP2:             &http.HTTP2Config{WriteByteTimeout: l.write, PermitProhibitedCipherSuites: true},

		DisableGeneralOptionsHandler: e.s.Handle != nil, // which gets "OPTIONS *" too
	}
	e.s.op.Op().Go(func() {
		defer close(d.done)
		d.hs.Serve(d) // returns when d is closed, with an error that says so
	}, func(error) {})
	return d
}

func (d *stdServer) Accept() (net.Conn, error) {
	select {
	case c := <-d.conns:
		return c, nil
	case <-d.over:
		return nil, net.ErrClosed
	}
}

func (d *stdServer) Close() error {
	d.once.Do(func() { close(d.over) })
	return nil
}

// Addr returns an address that says nothing: net/http only puts it into a ctx, where that of the connection follows.
func (d *stdServer) Addr() net.Addr { return &net.TCPAddr{} }

func (e *stdEngine) take(c *tcp.Conn, first []byte, h2 bool) {
	w := newWire(e, c, first, h2)
	e.open.Add(1)
	e.mu.Lock()
	e.wires[w] = struct{}{}
	e.mu.Unlock()
	if h2 && e.draining.Load() {
		w.leave()
	}
	d := e.server(h2)
	select {
	case d.conns <- w:
	case <-d.over:
		c.Close()
		e.forget(w)
	}
}

// server returns the server of a version of HTTP.
func (e *stdEngine) server(h2 bool) *stdServer {
	if h2 {
		return e.h2
	}
	return e.h1
}

// state is told by net/http what it does with a connection.
func (e *stdEngine) state(nc net.Conn, state http.ConnState) {
	w := nc.(*wire)
	switch state {
	case http.StateIdle:
		w.setIdle(true)
	case http.StateActive:
		w.setIdle(false)
	case http.StateClosed, http.StateHijacked:
		e.forget(w)
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

// drain does not use Shutdown, which drops requests of HTTP/1 that have been read, and connections of HTTP/2 that are still
// to come.
func (e *stdEngine) drain() {
	e.draining.Store(true)
	e.mu.Lock()
	wires := slices.Collect(maps.Keys(e.wires))
	e.mu.Unlock()
	for _, w := range wires {
		if w.h2 {
			w.leave()
		} else {
			w.kick()
		}
	}
}

func (e *stdEngine) close() {
	e.open.Wait()
	for _, d := range []*stdServer{e.h1, e.h2} {
		d.Close()
		<-d.done
		d.hs.Close()
	}
}

// serve is the http.Handler that net/http calls.
func (e *stdEngine) serve(rw http.ResponseWriter, r *http.Request) {
	w, _ := r.Context().Value(wireKey).(*wire)
	e.s.exchange(rw, r, w)
}
