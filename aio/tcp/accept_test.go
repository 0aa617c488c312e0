package tcp_test

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// faultyListener fails to accept as often as it is told to.
type faultyListener struct {
	net.Listener
	mu    sync.Mutex
	fails int
	err   error
	at    []time.Time // of calls that failed
}

func (l *faultyListener) Accept() (net.Conn, error) {
	l.mu.Lock()
	fail := l.fails > 0
	if fail {
		l.fails--
		l.at = append(l.at, time.Now())
	}
	err := l.err
	l.mu.Unlock()
	if fail {
		if err == nil {
			panic("accept")
		}
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.Addr(), Err: err}
	}
	return l.Listener.Accept()
}

func (l *faultyListener) fail(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fails = n
}

// failures returns and forgets the calls that failed.
func (l *faultyListener) failures() []time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() { l.at = nil }()
	return l.at
}

// acceptErrors is what accept may say while the listener goes on.
var acceptErrors = []error{syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED, syscall.ENOBUFS, syscall.EPERM, errors.New("odd")}

// Successive errors of accepting are reported once and followed by pauses of 5
// ms to 1 s.
func TestAcceptBacksOff(t *testing.T) {
	for _, cause := range acceptErrors {
		for _, how := range []string{"OnError", "event"} {
			t.Run(cause.Error()+" "+how, func(t *testing.T) {
				var told []error
				var rec aiotest.Recorder
				inBubble(t, &aio.Loop{OnEvent: rec.OnEvent}, func(b *bubble) {
					ln := &faultyListener{Listener: b.listen(), err: cause}
					s := &tcp.Server{Handler: echo}
					if how == "OnError" {
						s.OnError = func(err error) { told = append(told, err) }
					}
					ln.fail(12)
					if err := s.StartOn(b.ctx, ln); err != nil {
						b.Fatalf("s.StartOn: %v", err)
					}
					c := b.dial(ln.Addr().String())
					ask(b, c, "hello") // served in the end
					wantPauses(b, ln.failures(), 12)
					ln.fail(2)
					// wakes the accept that goes before the failing ones
					c2 := b.dial(ln.Addr().String())
					time.Sleep(time.Minute)
					ask(b, c2, "hello")
					wantPauses(b, ln.failures(), 2)
					b.dial(ln.Addr().String()).Close()
					synctest.Wait()
					s.Close()
				})
				told = append(told, errorsOf(&rec)...)
				var e *aio.ConnError
				if len(told) != 2 || !errors.Is(told[0], cause) || !errors.As(told[1], &e) || e.Op != "accept" || e.FD != -1 {
					t.Errorf("told %v", told)
				}
			})
		}
	}
}

// wantPauses wants n failures with pauses that double from 5 ms to 1 s.
func wantPauses(t testing.TB, at []time.Time, n int) {
	t.Helper()
	if len(at) != n {
		t.Fatalf("%d failures, want %d", len(at), n)
	}
	want := 5 * time.Millisecond
	for i := 1; i < n; i++ {
		if d := at[i].Sub(at[i-1]); d != want {
			t.Errorf("pause %d took %v, want %v", i, d, want)
		}
		want = min(2*want, time.Second)
	}
}

// A server that is told to stop during a pause serves what is queued, and ends.
func TestAcceptStopsDuringPause(t *testing.T) {
	for name, stop := range map[string]func(b *bubble, s *tcp.Server){
		"StopAccepting": func(_ *bubble, s *tcp.Server) { s.StopAccepting() },
		"Exit":          func(b *bubble, _ *tcp.Server) { b.loop.Exit(nil) },
		"Close":         func(_ *bubble, s *tcp.Server) { s.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, new(aio.Loop), func(b *bubble) {
				ln := &faultyListener{Listener: b.listen(), err: syscall.ENOBUFS}
				ln.fail(1 << 30)
				s := &tcp.Server{Handler: echo, OnError: func(error) {}}
				if err := s.StartOn(b.ctx, ln); err != nil {
					b.Fatalf("s.StartOn: %v", err)
				}
				time.Sleep(10*time.Second + time.Millisecond)
				start := time.Now()
				stop(b, s)
				if _, err := s.Future().Await(b.ctx); err != nil {
					b.Errorf("s.Future: %v", err)
				}
				if d := time.Since(start); d > 10*time.Millisecond {
					b.Errorf("it took %v", d)
				}
			})
		})
	}
}

// A panic in OnError is contained; one in the listener ends the server, and its
// future.
func TestAcceptPanics(t *testing.T) {
	var rec aiotest.Recorder
	inBubble(t, &aio.Loop{OnEvent: rec.OnEvent, CatchPanics: true}, func(b *bubble) {
		ln := &faultyListener{Listener: b.listen(), err: syscall.ENOBUFS}
		s := &tcp.Server{Handler: echo, OnError: func(error) { panic("OnError") }}
		ln.fail(1)
		if err := s.StartOn(b.ctx, ln); err != nil {
			b.Fatalf("s.StartOn: %v", err)
		}
		c := b.dial(ln.Addr().String())
		ask(b, c, "hello")
		c.Close()

		ln.mu.Lock()
		ln.fails, ln.err = 1, nil // the next Accept panics
		ln.mu.Unlock()
		b.dial(ln.Addr().String())
		s.Future().Await(b.ctx)
		synctest.Wait()
		events := errorsOf(&rec)
		var p, q *aio.PanicError
		if len(events) != 2 || !errors.As(events[0], &p) || !errors.As(events[1], &q) || p.Value != "OnError" || q.Value != "accept" {
			b.Errorf("events: %v", events)
		}
	})
}

// A listener that somebody else has closed ends its server quietly, once the
// connections have ended.
func TestAcceptFromClosed(t *testing.T) {
	inBubble(t, new(aio.Loop), func(b *bubble) {
		ln := b.listen()
		s := &tcp.Server{Handler: echo}
		if err := s.StartOn(b.ctx, ln); err != nil {
			b.Fatalf("s.StartOn: %v", err)
		}
		c := b.dial(ln.Addr().String())
		ask(b, c, "hello")
		ln.Close()
		ask(b, c, "hello")
		c.Close()
		if _, err := s.Future().Await(b.ctx); err != nil {
			b.Errorf("s.Future: %v", err)
		}
	})
}
