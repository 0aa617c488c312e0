package tcp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"goaio.example/aio"
)

var kindServer = aio.NewKind("tcp.server")

// A Server accepts connections and serves each of them with Handler's callbacks
// or, if Stream is set, with a call of Stream. Like http.Server, it holds both
// the settings and the running server. Set the fields before Start, which may
// be called once. After Start, the methods are safe for concurrent use.
//
// A server is an operation, and its connections are its children. When the loop
// drains, it stops accepting, serves the connections that the kernel had
// queued, and goes on until its last connection has ended.
type Server struct {
	// Handler holds the callbacks of each connection.
	Handler Handler
	// Stream, if set, serves a connection in stream style, in a separate
	// goroutine, instead of Handler. ctx is the connection's. When Stream
	// returns, the connection is closed after flushing what was sent. The error
	// goes to the event handler, unless it is the peer's EOF, or only says that
	// the operation was cancelled or the loop drains.
	Stream func(ctx context.Context, c *Conn) error
	// TLS serves TLS, with this configuration, which needs a certificate. nil
	// means plain connections. A connection whose handshake fails, or takes
	// more than 10 s, is an Event and never Open.
	TLS *tls.Config
	// NotTLS, if TLS is served, is sent unchanged to a client that begins with
	// text instead of TLS, before its connection ends as after any failed
	// handshake. It tells a client that speaks the protocol without TLS what is
	// wrong.
	NotTLS string
	// MaxConns bounds the server's open connections. Further ones wait in the
	// kernel's accept queue. 0 means that all servers with MaxConns 0 share 80%
	// of the files that the process may open; negative: no bound.
	MaxConns int
	// ReadTimeout and WriteTimeout are the connections' idle timeouts (see
	// Conn.SetTimeouts). 0 means none.
	ReadTimeout, WriteTimeout time.Duration
	// DrainReads makes a Read in Stream stop waiting once the loop drains, or
	// once Shutdown is called: the Read fails with an aio.ErrExit, which is not
	// an event when Stream returns it. See Conn.DrainReads. Otherwise Stream
	// learns of a drain only from aio.Draining.
	DrainReads bool
	// HighWater is the connections' high-water mark for Send, in bytes. 0 means
	// 1 MiB.
	HighWater int
	// ReusePort makes Start open one of several listeners on one port, of this
	// process or of others of the same user (Linux: SO_REUSEPORT; FreeBSD:
	// SO_REUSEPORT_LB; on other systems Start fails with an
	// errors.ErrUnsupported). Each of them sets it, and the kernel spreads the
	// connections over them. On Linux a server that stops accepting gracefully
	// first ignores new clients for 200 ms, while it accepts connections in
	// progress, and then closes: an ignored client tries again after a second,
	// and gets to another listener. This is not needed with
	// net.ipv4.tcp_migrate_req = 1 (since 5.14), with which the kernel moves
	// the connections of a closing listener to another one.
	ReusePort bool
	// OnError is called with errors of accepting, *aio.ConnErrors: the first of
	// each series. nil means the event handler.
	OnError func(err error)

	op        aio.Promise[struct{}]
	listening listening
	started   atomic.Bool
	draining  atomic.Bool
	late      bool // started while the loop was draining
	slots     *slots
	opts      *connOptions // of all connections
	handler   Handler      // of all connections: Handler as it was at Start
	// used by the acceptor: of the connection just accepted
	from origin
	idle atomic.Bool // the acceptor has ended
}

// Serve starts a zero Server with the handler h.
func Serve(ctx context.Context, addr string, h Handler) (*Server, error) {
	s := &Server{Handler: h}
	if err := s.Start(ctx, addr); err != nil {
		return nil, err
	}
	return s, nil
}

// Start listens on addr ("HOST:PORT", ":PORT" for all addresses, "unix:PATH")
// and serves connections until the loop drains, ctx's operation is cancelled,
// or the server is closed. It returns at once. Its errors are an *aio.ConnError
// (for example, if the address is in use), ErrNoLoop and ErrLoopDone.
func (s *Server) Start(ctx context.Context, addr string) error {
	ln, err := listen(ctx, addr, s.ReusePort)
	if err != nil {
		return err
	}
	return s.startOn(ctx, ln, s.ReusePort)
}

// StartOn is Start on the caller's listener. The server takes it over, and
// closes it on error.
func (s *Server) StartOn(ctx context.Context, ln net.Listener) error {
	return s.startOn(ctx, ln, false)
}

func (s *Server) startOn(ctx context.Context, ln net.Listener, shares bool) error {
	switch {
	case s.Stream == nil && s.Handler.isZero():
		ln.Close()
		return errors.New("tcp: the server has neither Handler nor Stream set")
	case s.started.Swap(true):
		ln.Close()
		return errors.New("tcp: the server was started before")
	}
	s.listening.init(ln, shares)
	s.slots = s.slotsFor(ln)
	s.handler = s.Handler
	s.opts = &connOptions{readTimeout: s.ReadTimeout, writeTimeout: s.WriteTimeout, highWater: s.HighWater, drainReads: s.DrainReads, tls: s.TLS, server: s, slots: s.slots}
	s.listenBare() // before the loop may drain the server
	s.late = drains(ctx)
	if err := s.op.Start(ctx, kindServer, "", (*serverDriver)(s)); err != nil {
		s.listening.stop(false)
		return err
	}
	if s.listening.bare != nil {
		s.opts.pollers = pollersOf(s.op.Op())
	}
	s.op.Op().Go(s.acceptAll, func(err error) {
		s.op.Op().Cancel(err)
		s.acceptedAll()
	})
	if stopAtOnce(s.op.Op()) {
		s.StopAccepting()
	}
	return nil
}

// listenBare accepts connections bare where possible: those of a Handler, over
// system sockets.
func (s *Server) listenBare() {
	if s.Stream == nil && s.TLS == nil && bareWanted {
		s.opts.local = singleAddr(s.listening.ln)
		s.listening.bare = listenBare(s.listening.ln)
	}
}

// drains reports whether ctx's loop drains.
func drains(ctx context.Context) bool {
	select {
	case <-aio.Draining(ctx):
		return true
	default:
		return false
	}
}

// bareWanted makes connections in handler style bare where possible.
var bareWanted = true

// stopAtOnce reports whether what has just begun to accept must stop at once:
// the loop drains, and op is not part of work in progress.
func stopAtOnce(op *aio.Op) bool { return op.Draining() && op.TopLevel() }

// slotsFor returns the bound on the connections.
func (s *Server) slotsFor(ln net.Listener) *slots {
	if _, system := ln.(syscall.Conn); s.MaxConns == 0 && system {
		return processSlots()
	}
	return newSlots(s.MaxConns)
}

// serverDriver is the driver of a Server's operation.
type serverDriver Server

func (d *serverDriver) OpCancel(error) { d.listening.stop(false) }
func (d *serverDriver) OpIdle()        { (*Server)(d).endIfIdle() }
func (d *serverDriver) OpName() string { return fmt.Sprint("serve ", d.listening.ln.Addr()) }

// OpDrain makes the server leave. While the loop tells its operations one after
// the other that it drains, it may reach a server that work in progress has
// started since: that one stays.
func (d *serverDriver) OpDrain() {
	if !d.late || d.op.Op().TopLevel() {
		(*Server)(d).leave()
	}
}

// Addr returns the address that the server listens on, nil before Start.
func (s *Server) Addr() net.Addr {
	if s.listening.ln == nil {
		return nil
	}
	return s.listening.ln.Addr()
}

// Future returns the server's future. It is done when the server no longer
// accepts connections and its last connection has ended.
func (s *Server) Future() *aio.Future[struct{}] { return s.op.Future() }

// StopAccepting closes the listener, after accepting the connections that the
// kernel has queued. Connections go on.
func (s *Server) StopAccepting() {
	if s.listening.ln != nil {
		s.leave()
	}
}

// Shutdown ends the server gracefully: it stops accepting, and connections in
// handler style end when they are idle, as when the loop drains. It waits for
// that until ctx ends, and then returns an *aio.AwaitError; the server
// continues to shut down.
func (s *Server) Shutdown(ctx context.Context) error {
	if s.listening.ln == nil {
		return nil
	}
	s.draining.Store(true)
	s.leave()
	s.op.Op().Drain()
	_, err := s.Future().Await(ctx)
	return err
}

// Close ends the server at once: it closes the listener and aborts its
// connections, whose Closed is called with ErrClosed. It does not wait: see
// Future.
func (s *Server) Close() { s.op.Op().Cancel(aio.ErrClosed) }

// leave makes the server accept the connections on their way to it, and close
// the listener.
func (s *Server) leave() {
	s.listening.leave(s.op.Op(), func() { s.listening.stop(true) })
}

// acceptAll is the goroutine that accepts connections.
func (s *Server) acceptAll() {
	l := &s.listening
	a := &acceptor{ln: l.ln, accept: s.accept, stop: l.stopped.Done(), report: s.report}
	a.run(s.op.Context(), s.serve)
	s.acceptedAll()
}

// acceptedAll ends the acceptor's work. The queued connections have been
// served, unless the server was cancelled.
func (s *Server) acceptedAll() {
	s.listening.stop(false)
	s.listening.refuse()
	s.idle.Store(true)
	s.endIfIdle()
}

// accept waits for a slot, then for a connection. Connections that were queued
// when accepting stopped are served even beyond the bound.
func (s *Server) accept() (net.Conn, error) {
	stopped := s.listening.stopped
	if s.slots.take(stopped) {
		s.from = acceptedInSlot
		nc, err := s.acceptNext()
		if err == nil {
			return nc, nil
		}
		s.slots.give()
		if stopped.Err() == nil {
			return nil, err
		}
	}
	nc := s.listening.next()
	if nc == nil {
		return nil, net.ErrClosed
	}
	s.from = accepted
	if s.slots.tryTake() {
		s.from = acceptedInSlot
	}
	return nc, nil
}

// acceptNext waits for a connection. A bare one is a *Conn whose operation has
// not begun.
func (s *Server) acceptNext() (net.Conn, error) {
	if s.opts.pollers == nil { // also when the loop has ended
		return s.listening.ln.Accept()
	}
	c, err := s.listening.bare.accept(s.opts)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// serve serves an accepted connection.
func (s *Server) serve(nc net.Conn) {
	c, err := s.connOf(nc)
	if err != nil {
		return // cancelled, or the loop is done; the connection is closed
	}
	if s.Stream != nil {
		c.run(func() { s.serveStream(c) })
		return
	}
	_ = c.open(&s.handler, nil) // fails only if it was cancelled meanwhile
}

// connOf returns an accepted connection as a Conn, a child of the server.
func (s *Server) connOf(nc net.Conn) (*Conn, error) {
	if c, ok := nc.(*Conn); ok && c.opts == s.opts {
		c.origin = s.from
		return c, c.begin(s.op.Context())
	}
	return newConn(s.op.Context(), nc, s.from, s.opts)
}

// serveStream is the goroutine of a connection in stream style.
func (s *Server) serveStream(c *Conn) {
	if s.TLS != nil && !c.carryOutUpgrade() {
		c.mu.Lock()
		broken, cause := c.life.broken(), c.peek().cause
		c.mu.Unlock()
		if broken {
			c.op.Report(cause)
		}
		return
	}
	err := s.Stream(c.Context(), c)
	if aio.IsInfo(err) || isDrained(err) { // as Read returns them
		err = nil
	}
	c.mu.Lock()
	if err != nil {
		c.extra().endErr = err
	}
	c.mu.Unlock()
	c.CloseAfterFlush() // fails only if it is closed, or closing
}

// report reports an error of accepting.
func (s *Server) report(err error) {
	if s.OnError == nil {
		s.op.Op().Report(err)
		return
	}
	// a panic has been reported
	_ = s.op.Op().Call(func() { s.OnError(err) }, func(error) {})
}

// endIfIdle resolves the server's future once the server no longer accepts
// connections and has none.
func (s *Server) endIfIdle() {
	if s.idle.Load() && s.op.Op().Idle() {
		s.op.Resolve(struct{}{})
	}
}
