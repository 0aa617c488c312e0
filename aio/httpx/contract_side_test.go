package httpx_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"goaio.example/aio/httpx"
)

// hosts starts the servers of a suite.
type hosts struct {
	ctx   context.Context // of the loop
	cfg   *tls.Config
	conns sync.WaitGroup // of net/http's servers
}

// headerLimit is MaxHeaderBytes of both servers.
const headerLimit = 32 << 10

// quiet is a log that discards what it is given.
var quiet = log.New(io.Discard, "", 0)

// wait waits until net/http is done with its connections: a loop waits for its
// own.
func (h *hosts) wait() { h.conns.Wait() }

// side is a case as it runs on one server.
type side struct {
	*testing.T
	c     *contract
	tls   bool
	addr  string
	event sync.Map // of names to channels

	mu      sync.Mutex
	running int
	// closed when no handler runs; nil while nothing waits for that
	free    chan struct{}
	handler []string // what the handler noted
	client  []string // what the clients noted
	stop    []func()
}

// listen opens the server's listener.
func (s *side) listen() net.Listener {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatalf("net.Listen: %v", err)
	}
	s.addr = ln.Addr().String()
	return ln
}

// serveTheirs serves the case on net/http.
func (h *hosts) serveTheirs(s *side, cfg *tls.Config) {
	ln := s.listen()
	hs := &http.Server{
		Handler: s, MaxHeaderBytes: headerLimit, TLSConfig: cfg,
		ErrorLog: quiet, Protocols: new(http.Protocols),
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				h.conns.Add(1)
			case http.StateClosed, http.StateHijacked:
				h.conns.Done()
			}
		},
	}
	hs.Protocols.SetHTTP1(true)
	h.conns.Go(func() {
		if cfg == nil {
			hs.Serve(ln) // until it is closed, with an error that says so
		} else {
			hs.ServeTLS(ln, "", "")
		}
	})
	s.atEnd(func() { hs.Close() })
}

// serveOurs serves the case on Server.
func (h *hosts) serveOurs(s *side, cfg *tls.Config) {
	hs := &httpx.Server{Handler: s, MaxHeaderBytes: headerLimit, TLS: cfg}
	if err := hs.StartOn(h.ctx, s.listen()); err != nil {
		s.Fatalf("hs.StartOn: %v", err)
	}
	s.atEnd(hs.Close)
}

// atEnd has fn called at the case's end, before what was given to it earlier.
func (s *side) atEnd(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop = append(s.stop, fn)
}

// close ends the clients and the server, without waiting.
func (s *side) close() {
	s.mu.Lock()
	stop := s.stop
	s.mu.Unlock()
	for _, fn := range slices.Backward(stop) {
		fn()
	}
}

// probePath is what a client asks for to see whether its connection is open.
const probePath = "/contract-probe"

// ServeHTTP calls the case's handler.
func (s *side) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == probePath {
		w.Header().Set("X-Probe", "open")
		return
	}
	s.mu.Lock()
	s.running++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.running--; s.running == 0 && s.free != nil {
			close(s.free)
			s.free = nil
		}
	}()
	s.c.serve(s, w, r)
}

// served notes what the handler sees.
func (s *side) served(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = append(s.handler, s.note(format, args))
}

// saw notes what a client sees.
func (s *side) saw(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.client = append(s.client, s.note(format, args))
}

// note formats a note. It leaves out the server's address, and writes an error
// as its kind.
func (s *side) note(format string, args []any) string {
	for i, arg := range args {
		if err, ok := arg.(error); ok {
			args[i] = errorKind(err)
		}
	}
	_, port, _ := net.SplitHostPort(s.addr)
	text := strings.ReplaceAll(fmt.Sprintf(format, args...), s.addr, "ADDR")
	return strings.ReplaceAll(text, ":"+port, ":PORT")
}

// returned waits until no handler runs.
func (s *side) returned() {
	s.mu.Lock()
	var free chan struct{}
	if s.running > 0 {
		if s.free == nil {
			s.free = make(chan struct{})
		}
		free = s.free
	}
	s.mu.Unlock()
	if free == nil {
		return
	}
	select {
	case <-free:
	case <-time.After(patience):
		s.Error("a handler did not return")
	}
}

// notes waits for the handlers, and returns what was noted.
func (s *side) notes() (out []string) {
	s.returned()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.handler {
		out = append(out, "handler: "+line)
	}
	return append(out, s.client...)
}

// channel returns the channel that signal closes.
func (s *side) channel(event string) chan struct{} {
	c, _ := s.event.LoadOrStore(event, make(chan struct{}))
	return c.(chan struct{})
}

// signal makes present and future calls of await for the event return. It is
// called once.
func (s *side) signal(event string) { close(s.channel(event)) }

// await waits for an event.
func (s *side) await(event string) {
	select {
	case <-s.channel(event):
	case <-time.After(patience):
		s.Errorf("%q did not come", event)
	}
}

// errorKinds lists the errors that a program can match.
var errorKinds = []struct {
	err  error
	name string
}{
	{io.EOF, "EOF"},
	{io.ErrUnexpectedEOF, "unexpected EOF"},
	{io.ErrShortWrite, "short write"},
	{http.ErrAbortHandler, "ErrAbortHandler"},
	{http.ErrBodyNotAllowed, "ErrBodyNotAllowed"},
	{http.ErrBodyReadAfterClose, "ErrBodyReadAfterClose"},
	{http.ErrContentLength, "ErrContentLength"},
	{http.ErrHandlerTimeout, "ErrHandlerTimeout"},
	{http.ErrHijacked, "ErrHijacked"},
	{http.ErrMissingFile, "ErrMissingFile"},
	{http.ErrNotMultipart, "ErrNotMultipart"},
	{http.ErrNotSupported, "ErrNotSupported"},
	{context.Canceled, "context.Canceled"},
	{context.DeadlineExceeded, "context.DeadlineExceeded"},
	{os.ErrDeadlineExceeded, "ErrDeadlineExceeded"},
	{net.ErrClosed, "net.ErrClosed"},
}

// errorKind returns what an error matches.
func errorKind(err error) string {
	var tooBig *http.MaxBytesError
	if errors.As(err, &tooBig) {
		return fmt.Sprintf("MaxBytesError{%d}", tooBig.Limit)
	}
	for _, k := range errorKinds {
		if errors.Is(err, k.err) {
			return k.name
		}
	}
	return "an error"
}
