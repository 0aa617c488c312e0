package httpx

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
)

var kindServer = aio.NewKind("http.server")

// A Server serves HTTP/1 and HTTP/2. It passes each request to Handle, as
// cl-async's http-server does, or to an http.Handler. Like http.Server, it
// holds both the settings and the running server. Set the fields before Start,
// which may be called once. After Start, the methods are safe for concurrent
// use.
//
// For each duration and bound, 0 means the default and a negative value none. A
// server is an operation. Its connections are its children, and the requests
// are children of the connections (kind "http.request.in", named "GET /path").
type Server struct {
	// Handle is called with each request once its body has arrived. It answers
	// the request with Request.Respond, then or later, from any goroutine.
	// Calls run concurrently, except those for one HTTP/1 connection, and may
	// block.
	Handle func(r *Request)
	// Handler serves requests if Handle is nil: routers and middleware that are
	// written for net/http. It reads bodies as they arrive, and MaxBody does
	// not bound them.
	Handler http.Handler

	// TLS is the configuration for serving TLS. HTTP/2 is offered in addition
	// to HTTP/1.1 unless NextProtos is set. MinVersion is TLS 1.2 if it is not
	// set.
	TLS *tls.Config
	// CertFile and KeyFile name a certificate and its key, in PEM, for TLS. The
	// files are read again when they have changed, which is checked during
	// handshakes, at most every 2 s.
	CertFile, KeyFile string
	// H2C serves HTTP/2 without TLS to clients that begin with it (RFC 9113,
	// section 3.3), in addition to HTTP/1.1.
	H2C bool

	// HalfOpen makes the server answer a client that has ended its sending
	// side. Without it such a client is considered gone, since a closed
	// connection looks the same. With it the server notices that a client has
	// closed its connection only when it sends something to the client.
	HalfOpen bool

	// MaxConns bounds the open connections; see tcp.Server. Further ones wait
	// in the accept queue.
	MaxConns int
	// ReusePort makes Start open one of several listeners on one port; see
	// tcp.Server.
	ReusePort bool
	// MaxInFlight bounds the requests being handled, including deferred ones.
	// Further ones get 503 with a Retry-After. Default: none.
	MaxInFlight int
	// HeaderTimeout is how long the whole header may take. Default: 10 s
	HeaderTimeout time.Duration
	// BodyTimeout is how long to wait for more of a request's body while it is
	// read. Default: 30 s
	BodyTimeout time.Duration
	// IdleTimeout is how long a connection is kept for another request.
	// Default: 60 s
	IdleTimeout time.Duration
	// WriteTimeout is how long sending may make no progress. Then the
	// connection ends. Over HTTP/2 each stream has that time for every 64 KiB;
	// then it is reset. Default: 30 s
	WriteTimeout time.Duration
	// ResponseTimeout is how long a Request may remain without a response after
	// Handle is called. Then it is answered with 503, and ErrAbandoned is an
	// event. Default: 60 s
	ResponseTimeout time.Duration
	// RequestTimeout is how long a request may take from its header to the end
	// of its response. Then its context ends, with aio.ErrTimeout as the cause.
	// If nothing was sent it is answered with 503: at once, or when Handler
	// returns. Default: none
	RequestTimeout time.Duration
	// MaxHeaderBytes and MaxHeaderFields bound a request's header; a larger one
	// is refused with 431. Default: 32 KiB, 100
	MaxHeaderBytes, MaxHeaderFields int
	// MaxBody bounds Request.Body, in bytes; a request with a larger body is
	// refused with 413. Default: 1 MiB
	MaxBody int64

	// AccessLog, if set, logs each request when it is done, at level Info:
	// method, path, status, sizes and duration. It never logs query strings,
	// bodies, Authorization or cookies.
	AccessLog *slog.Logger
	// RequestContext, if set, is called with each request before its operation
	// begins. It returns ctx, the connection's context, or a context derived
	// from it. The operation, and so the request's Context and that of its
	// http.Request, has the values of the returned context, and ends when that
	// context ends. RequestContext is called in the goroutine that serves the
	// connection. It must not block. If it panics, or returns a context that is
	// not derived from ctx, the request is answered with 500, and the panic is
	// an event of the request. RequestContext is not called for requests whose
	// header is refused, nor, over HTTP/2, for those for ReadyPath. Done is
	// called for each request for which RequestContext was called.
	RequestContext func(ctx context.Context, h RequestHead) context.Context
	// Done, if set, is called once for each finished request, no matter whether
	// Handle, Handler or the server itself answered it. This includes requests
	// for ReadyPath and those beyond MaxInFlight. For a request whose header is
	// refused, only Status, Remote, TLS and Outcome are set. Done is not called
	// for what ends without a request: a connection on which nothing arrived, a
	// header that took longer than HeaderTimeout, a failed TLS handshake, and
	// streams of HTTP/2 that net/http's server refuses.
	//
	// Done is called before the request's operation ends, so that all calls are
	// over when Run returns. It is called in the goroutine that ends the
	// request, which may be the one that serves the connection or the one that
	// has called Respond, without a lock of the loop; calls run concurrently.
	// It must be fast, must not block or call runtime.Goexit, and must not use
	// the request any more. A panic in it is an event of the request, whose
	// response is sent unchanged; without Loop.CatchPanics it ends the loop.
	// Without Done nothing is measured.
	Done func(RequestStats)
	// RequestIDHeader names the field that carries a request's ID, such as
	// "X-Request-Id". The server sends it in responses, and accepts an ID from
	// the request if it is plain text. "" means that IDs are neither sent nor
	// accepted.
	RequestIDHeader string
	// ReadyPath, such as "/readyz", is a path that the server itself answers:
	// with 200 while the server accepts requests, and with 503 when it drains
	// or Ready returns an error. It is 503 already while the loop is leaving:
	// with aio.Loop.DrainDelay a load balancer can see that on connections that
	// are still accepted. "" means no such path.
	ReadyPath string
	// Ready is called for each request for ReadyPath. nil: always ready.
	Ready func() error
	// OnError is called with errors of accepting; see tcp.Server. nil means the
	// event handler.
	OnError func(err error)

	op       aio.Promise[struct{}]
	started  atomic.Bool
	lim      limits
	tcp      tcp.Server
	h1       *h1Engine
	h2       *h2Engine
	inFlight atomic.Int64
	dropped  droppedList
	drainOne sync.Once
	draining chan struct{}
	ids      idSource
}

// Serve starts a server that passes each request to h. addr is as for
// tcp.Serve: "HOST:PORT", ":PORT" for all addresses, or "unix:PATH".
func Serve(ctx context.Context, addr string, h func(r *Request)) (*Server, error) {
	s := &Server{Handle: h}
	return s, s.Start(ctx, addr)
}

// ServeHandler starts a server that passes each request to h.
func ServeHandler(ctx context.Context, addr string, h http.Handler) (*Server, error) {
	s := &Server{Handler: h}
	return s, s.Start(ctx, addr)
}

// Start listens on addr and serves connections until the loop drains, ctx's
// operation is cancelled, or the server is shut down or closed. It returns at
// once. Its errors are an *aio.ConnError (for example, if the address is in
// use), those of reading the certificate, aio.ErrNoLoop and aio.ErrLoopDone.
func (s *Server) Start(ctx context.Context, addr string) error {
	return s.start(ctx, func(ctx context.Context) error { return s.tcp.Start(ctx, addr) })
}

// StartOn is Start on the caller's listener. The server takes it over, and
// closes it on error.
func (s *Server) StartOn(ctx context.Context, ln net.Listener) error {
	err := s.start(ctx, func(ctx context.Context) error { return s.tcp.StartOn(ctx, ln) })
	if err != nil {
		ln.Close()
	}
	return err
}

// StartInherited is Start on a listener that the process has inherited, if
// there is one. It tells a predecessor that this process serves: see
// tcp.Server.StartInherited. After an error no listener was taken, or it is
// closed.
func (s *Server) StartInherited(ctx context.Context, addr string) error {
	return s.start(ctx, func(ctx context.Context) error { return s.tcp.StartInherited(ctx, addr) })
}

// start starts the server. listen starts the tcp.Server.
func (s *Server) start(ctx context.Context, listen func(ctx context.Context) error) error {
	switch {
	case s.Handle == nil && s.Handler == nil:
		return errors.New("httpx: the server has neither Handle nor Handler set")
	case s.started.Swap(true):
		return errors.New("httpx: the server was started before")
	}
	cfg, err := s.tlsConfig()
	if err != nil {
		return err
	}
	s.lim = s.limits()
	s.draining = make(chan struct{})
	s.ids.init()
	s.tcp.Handler = tcp.Handler{Data: s.data, Event: s.event, Closed: s.closed, HalfOpen: true}
	s.tcp.NotTLS = notTLS
	s.tcp.TLS, s.tcp.MaxConns, s.tcp.ReusePort, s.tcp.OnError = cfg, s.MaxConns, s.ReusePort, s.OnError
	s.tcp.ReadTimeout, s.tcp.WriteTimeout = s.lim.header, s.lim.write
	if err := s.op.Start(ctx, kindServer, "", (*serverDriver)(s)); err != nil {
		return err
	}
	s.h1, s.h2 = newH1Engine(s), newH2Engine(s)
	if err := listen(s.op.Context()); err != nil {
		s.h2.close()
		s.op.Op().Told() // Start returns it
		s.op.Reject(err)
		return err
	}
	s.op.Op().Go(s.untilEnd, func(err error) { s.op.Reject(err) })
	if s.op.Op().Draining() && s.op.Op().TopLevel() {
		s.drain()
	}
	return nil
}

// untilEnd waits in a goroutine for the server's last connection to end, and
// ends the server.
func (s *Server) untilEnd() {
	<-s.tcp.Future().Done()
	s.h2.close()
	s.dropped.stop()
	s.op.Resolve(struct{}{})
}

// serverDriver is the driver of a Server's operation.
type serverDriver Server

var _ aio.Drainer = (*serverDriver)(nil)

func (d *serverDriver) OpCancel(error) {} // cancelling its children ends it
func (d *serverDriver) OpDrain()       { (*Server)(d).drain() }

func (d *serverDriver) OpName() string {
	if addr := d.tcp.Addr(); addr != nil {
		return "http server " + addr.String()
	}
	return "http server" // it is not listening yet
}

// Addr returns the address that the server listens on, nil before Start.
func (s *Server) Addr() net.Addr { return s.tcp.Addr() }

// File returns a duplicate of the listening socket, for another process; see
// tcp.Listener.File and tcp.HandOver.
func (s *Server) File() (*os.File, error) { return s.tcp.File() }

// Future returns the server's future. It is done when the server no longer
// accepts connections and its last connection, including upgraded ones, has
// ended.
func (s *Server) Future() *aio.Future[struct{}] { return s.op.Future() }

// StopAccepting closes the listener, after accepting the connections that the
// kernel has queued. Connections go on.
func (s *Server) StopAccepting() { s.tcp.StopAccepting() }

// Shutdown ends the server gracefully, as the loop's drain does. The server
// stops accepting connections. It closes connections that wait for a request,
// and the others after their next response, which says so. It answers the
// requests being handled, including deferred ones. Request.Draining tells
// streams to end. Shutdown waits for all this until ctx ends, and then returns
// an *aio.AwaitError; the server continues to shut down.
func (s *Server) Shutdown(ctx context.Context) error {
	if s.tcp.Addr() == nil {
		return nil
	}
	s.drain()
	if err := s.tcp.Shutdown(ctx); err != nil {
		return err
	}
	_, err := s.Future().Await(ctx)
	return err
}

// Close ends the server at once: it closes the listener, aborts the connections
// and cancels the requests. It does not wait: see Future.
func (s *Server) Close() { s.op.Op().Cancel(aio.ErrClosed) }

// drain makes connections end when they are idle.
func (s *Server) drain() {
	s.drainOne.Do(func() {
		close(s.draining)
		if s.h2 != nil {
			s.h1.drain()
			s.h2.drain()
		}
	})
}

// drains reports whether the server drains.
func (s *Server) drains() bool {
	select {
	case <-s.draining:
		return true
	default:
		return false
	}
}

// log returns the logger of the server's loop.
func (s *Server) log() *slog.Logger {
	if l := s.op.Op().Loop().Logger; l != nil {
		return l
	}
	return slog.Default()
}

// enter counts a request that is about to be handled. It reports false, and
// counts nothing, if there are Server.MaxInFlight of them.
func (s *Server) enter() bool {
	if s.MaxInFlight <= 0 {
		return true
	}
	if s.inFlight.Add(1) > int64(s.MaxInFlight) {
		s.inFlight.Add(-1)
		return false
	}
	return true
}

// leave undoes enter.
func (s *Server) leave() {
	if s.MaxInFlight > 0 {
		s.inFlight.Add(-1)
	}
}
