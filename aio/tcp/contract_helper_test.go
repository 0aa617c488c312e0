package tcp_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// The contract tests run over each of these transports. Those that a poller can
// serve are served by each engine; the others have the same one anyway.
var transports = []string{"tcp", "unix", "tls", "memory", "memory tls"}

// polled reports whether connections over the transport can be bare.
func polled(transport string) bool { return transport == "tcp" || transport == "unix" }

// overPairs runs a test with each engine over each transport that it can serve.
func overPairs(t *testing.T, test func(t *testing.T, transport string)) {
	t.Helper()
	for _, engine := range slices.Sorted(maps.Keys(tcp.Engines)) {
		overTransports(t, engine, test)
	}
}

// overTransports runs a test with one engine over each transport that it can
// serve, in parallel. What the tests leave behind is looked at together.
func overTransports(t *testing.T, engine string, test func(t *testing.T, transport string)) {
	t.Helper()
	t.Run(engine, func(t *testing.T) {
		aiotest.CheckLeaks(t)
		t.Cleanup(tcp.UseEngine(engine)) // when the parallel tests have ended
		for _, transport := range transports {
			if tcp.Engines[engine] && !polled(transport) {
				continue
			}
			t.Run(transport, func(t *testing.T) {
				t.Parallel()
				test(t, transport)
			})
		}
	})
}

// world is a loop with one transport.
type world struct {
	*testing.T
	ctx       context.Context
	loop      *aio.Loop
	transport string
	net       *aiotest.Network // of the in-memory transports
	server    *tls.Config      // of the TLS ones
	dialer    tcp.Dialer
	rec       aiotest.Recorder // of overAllLoops
	overdue   bool             // Grace cuts something off
	streams   bool             // the test is about stream style
}

// overAll runs a test in a loop over each transport.
func overAll(t *testing.T, test func(w *world)) {
	t.Helper()
	overPairs(t, func(t *testing.T, transport string) { newWorld(t, transport).run(new(aio.Loop), test) })
}

// overStreams is overAll for tests whose connections are accepted or dialed in
// stream style. No poller serves those, so there is one engine to test.
func overStreams(t *testing.T, test func(w *world)) {
	t.Helper()
	overTransports(t, "park", func(t *testing.T, transport string) {
		w := newWorld(t, transport)
		w.streams = true
		w.run(new(aio.Loop), test)
	})
}

// overAllLoops is overAll in loops of the test's own. The events of one without
// an OnEvent are recorded.
func overAllLoops(t *testing.T, loop func() *aio.Loop, test func(w *world)) {
	t.Helper()
	overPairs(t, func(t *testing.T, transport string) {
		w, l := newWorld(t, transport), loop()
		if l.OnEvent == nil {
			l.OnEvent = w.rec.OnEvent
		}
		// such a loop is to cut something off
		w.overdue = l.Grace > 0 && l.Grace < time.Second
		w.run(l, test)
	})
}

// inBubbles runs a test in a loop over each in-memory transport, in a synctest
// bubble.
func inBubbles(t *testing.T, loop func() *aio.Loop, test func(w *world)) {
	t.Helper()
	overPairs(t, func(t *testing.T, transport string) {
		if newWorld(t, transport).memory() {
			synctest.Test(t, func(t *testing.T) { newWorld(t, transport).run(loop(), test) })
		}
	})
}

// inBubblesOverdue is inBubbles for tests in which Grace cuts something off.
func inBubblesOverdue(t *testing.T, loop func() *aio.Loop, test func(w *world)) {
	t.Helper()
	overPairs(t, func(t *testing.T, transport string) {
		if newWorld(t, transport).memory() {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, transport)
				w.overdue = true
				w.run(loop(), test)
			})
		}
	})
}

// run runs a test in a loop, which then exits.
func (w *world) run(loop *aio.Loop, test func(w *world)) {
	w.Helper()
	w.loop = loop
	aiotest.Runner{Loop: loop, Parallel: true, Overdue: w.overdue}.Run(w.T, func(ctx context.Context) error {
		w.ctx = ctx
		test(w)
		w.loop.Exit(nil)
		return nil
	})
}

// zeroLoop is the loop of tests without demands of their own.
func zeroLoop() *aio.Loop { return new(aio.Loop) }

func newWorld(t *testing.T, transport string) *world {
	w := &world{T: t, transport: transport}
	if w.secure() {
		w.server = &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}
		w.dialer.TLS = &tls.Config{InsecureSkipVerify: true}
	}
	if w.memory() {
		w.net = new(aiotest.Network)
		w.dialer.DialContext = w.net.DialContext
	}
	return w
}

func (w *world) memory() bool { return w.transport[0] == 'm' }
func (w *world) secure() bool { return w.transport[len(w.transport)-1] == 's' }

// start starts a server and returns its address.
func (w *world) start(s *tcp.Server) string {
	w.Helper()
	if w.streams && s.Stream == nil {
		w.Fatal("a server with a Handler in a test over streams: it would not be served by a poller, use overAll")
	}
	s.TLS = w.server
	addr := "127.0.0.1:0"
	if w.transport == "unix" {
		addr = "unix:" + filepath.Join(w.TempDir(), "s")
	}
	if !w.memory() {
		if err := s.Start(w.ctx, addr); err != nil {
			w.Fatalf("s.Start: %v", err)
		}
		if w.transport == "unix" {
			return addr
		}
		return s.Addr().String()
	}
	ln, err := w.net.Listen("")
	if err != nil {
		w.Fatalf("w.net.Listen: %v", err)
	}
	if err := s.StartOn(w.ctx, ln); err != nil {
		w.Fatalf("s.StartOn: %v", err)
	}
	return s.Addr().String()
}

// serve starts a server with a handler and dials it.
func (w *world) serve(h tcp.Handler) *tcp.Conn {
	w.Helper()
	return w.dial(w.start(&tcp.Server{Handler: h}))
}

// dial connects a client in stream style, which waits for nothing forever.
func (w *world) dial(addr string) *tcp.Conn {
	w.Helper()
	c, err := w.dialer.Dial(w.ctx, addr).Await(w.ctx)
	if err != nil {
		w.Fatalf("w.dialer.Dial: %v", err)
	}
	c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

// pair returns the two ends of a connection, both in stream style, the client's
// first.
func (w *world) pair() (client, server *tcp.Conn) {
	w.Helper()
	in := make(chan *tcp.Conn, 1)
	s := &tcp.Server{Stream: func(_ context.Context, c *tcp.Conn) error {
		in <- c
		<-c.Done()
		return nil
	}}
	client = w.dial(w.start(s))
	server = soon(w, in)
	s.StopAccepting()
	return client, server
}

// tape records a connection's callbacks, and that they do not overlap.
type tape struct {
	t      testing.TB
	mu     sync.Mutex
	log    []string
	data   bytes.Buffer
	inside bool
	conn   chan *tcp.Conn // the connection, from Open
	closed chan error     // what Closed was called with
	events chan error
}

func newTape(t testing.TB) *tape {
	return &tape{t: t, conn: make(chan *tcp.Conn, 1), closed: make(chan error, 1), events: make(chan error, 10)}
}

// enter notes a callback. The function it returns is to be called at the
// callback's end.
func (p *tape) enter(what string) (leave func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inside {
		p.t.Errorf("%s while another callback runs, after %q", what, p.log)
	}
	if n := len(p.log); n > 0 && p.log[n-1] == "closed" {
		p.t.Errorf("%s after closed", what)
	}
	if n := len(p.log); what != "data" || n == 0 || p.log[n-1] != "data" {
		p.log = append(p.log, what)
	}
	p.inside = true
	return func() {
		p.mu.Lock()
		p.inside = false
		p.mu.Unlock()
	}
}

// handler records and goes on to h.
func (p *tape) handler(h tcp.Handler) tcp.Handler {
	return tcp.Handler{
		HalfOpen: h.HalfOpen,
		Open: func(c *tcp.Conn) {
			defer p.enter("open")()
			p.conn <- c
			if h.Open != nil {
				h.Open(c)
			}
		},
		Data: func(c *tcp.Conn, data []byte) {
			defer p.enter("data")()
			p.mu.Lock()
			p.data.Write(data)
			p.mu.Unlock()
			if h.Data != nil {
				h.Data(c, data)
			}
		},
		Event: func(c *tcp.Conn, err error) {
			defer p.enter(condition(err))()
			p.events <- err
			if h.Event != nil {
				h.Event(c, err)
			}
		},
		Closed: func(c *tcp.Conn, err error) {
			defer func() { p.closed <- err }()
			defer p.enter("closed")()
			if h.Closed != nil {
				h.Closed(c, err)
			}
		},
	}
}

// condition names an error.
func condition(err error) string {
	for _, c := range []error{aio.ErrEOF, aio.ErrTimeout, aio.ErrRefused, aio.ErrDNS, aio.ErrClosed, aio.ErrReset} {
		if errors.Is(err, c) {
			return c.Error()[len("aio: "):]
		}
	}
	return fmt.Sprint(err)
}

// got returns what was received.
func (p *tape) got() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.data.String()
}

// want wants these callbacks to have been, and the connection to be closed with
// cond.
func (p *tape) want(cond error, log ...string) {
	p.t.Helper()
	if err := soon(p.t, p.closed); cond == nil && err != nil || cond != nil && !errors.Is(err, cond) {
		p.t.Errorf("Closed with %v, want %v", err, cond)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Equal(p.log, log) {
		p.t.Errorf("callbacks %q, want %q", p.log, log)
	}
}

// wantData waits for data to have been received in all.
func (p *tape) wantData(want string) {
	p.t.Helper()
	aiotest.Eventually(p.t, func() bool { return len(p.got()) >= len(want) })
	if got := p.got(); got != want {
		p.t.Errorf("received %q, want %q", got, want)
	}
}

// wantErr wants an error to be a condition of a connection, with all that
// belongs to it.
func wantErr(t testing.TB, err, cond error, op string) {
	t.Helper()
	var e *aio.ConnError
	if !errors.As(err, &e) {
		t.Fatalf("%v (%T) is no ConnError", err, err)
	}
	if !errors.Is(err, cond) || op != "" && e.Op != op {
		t.Errorf("%v (op %q), want %v of %q", err, e.Op, cond, op)
	}
	if e.Net == "" || e.Addr == "" || e.Msg == "" || e.Code == 0 {
		t.Errorf("incomplete: %+v", *e)
	}
}

// readAll reads until EOF.
func readAll(t testing.TB, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Errorf("read %d bytes, then %v", len(b), err)
	}
	return string(b)
}
