package httpx_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
	"goaio.example/aio/timer"
)

// TestRespondTwice checks that a request has one response, and that its future
// resolves with it.
func TestRespondTwice(t *testing.T) {
	serve(t, &httpx.Server{Handle: func(r *httpx.Request) {
		first := r.RespondString(200, "first")
		second := r.RespondString(200, "second")
		if _, err := second.Result(); !errors.Is(err, httpx.ErrResponded) {
			t.Errorf("second response: %v", err)
		}
		if _, err := r.Start(200, nil); !errors.Is(err, httpx.ErrResponded) {
			t.Errorf("Start after a response: %v", err)
		}
		aio.Spawn(r.Context(), "look", func(ctx context.Context) error {
			if n, err := first.Await(ctx); n != 5 || err != nil {
				t.Errorf("first response: %d, %v", n, err)
			}
			return nil
		})
	}}, func(addr string) {
		c := newClient(t, nil)
		defer c.CloseIdleConnections()
		if status, body := get(t, c, "http://"+addr); status != 200 || body != "first" {
			t.Errorf("got %d %q", status, body)
		}
	})
}

// TestDeferredResponses checks that 10,000 responses may be pending at once,
// and that each is sent once.
func TestDeferredResponses(t *testing.T) {
	conns, each := 100, 100 // streams on each of the connections
	if raceEnabled {
		conns = 10
	}
	var mu sync.Mutex
	var pending []*httpx.Request
	full := make(chan struct{})
	s := &httpx.Server{H2C: true, MaxConns: -1, Handle: func(r *httpx.Request) {
		if r.Resource() == "/open" {
			r.RespondString(200, "")
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if pending = append(pending, r); len(pending) == conns*each {
			close(full)
		}
	}}
	l := new(aio.Loop)
	serveLoop(t, l, s, func(addr string) {
		var all sync.WaitGroup
		bodies := make(chan string, conns*each)
		for range conns {
			c := newClient(t, nil, "h2c")
			c.Timeout = time.Minute
			// else each of the many that follow would dial
			get(t, c, "http://"+addr+"/open")
			var mine sync.WaitGroup
			for range each {
				mine.Go(func() {
					_, body := get(t, c, "http://"+addr)
					bodies <- body
				})
			}
			all.Go(func() {
				mine.Wait()
				c.CloseIdleConnections()
			})
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			all.Wait()
		}()
		select {
		case <-full:
		case <-ended:
			t.Fatal("requests ended without a response")
		}
		if n := l.Stats().Kinds["http.request.in"]; n != int64(conns*each) {
			t.Errorf("%d requests in flight", n)
		}
		mu.Lock()
		for i, r := range pending {
			go r.RespondString(200, fmt.Sprint(i))
		}
		pending = nil
		mu.Unlock()
		<-ended
		close(bodies)
		seen := map[string]bool{}
		for b := range bodies {
			if seen[b] {
				t.Errorf("%q came twice", b)
			}
			seen[b] = true
		}
		if len(seen) != conns*each {
			t.Errorf("%d answers", len(seen))
		}
	})
}

// events runs a server in a loop that catches panics and records events.
func events(t *testing.T, s *httpx.Server, client func(addr string, rec *aiotest.Recorder)) {
	t.Helper()
	rec := new(aiotest.Recorder)
	serveLoop(t, &aio.Loop{CatchPanics: true, OnEvent: rec.OnEvent}, s, func(addr string) { client(addr, rec) })
}

// TestDroppedRequests checks that a request that cannot be answered any more
// gets 500, and is an event.
func TestDroppedRequests(t *testing.T) {
	events(t, &httpx.Server{Handle: func(r *httpx.Request) {
		if r.Resource() == "/stream" {
			w, err := r.Start(200, nil)
			if err != nil {
				t.Errorf("r.Start: %v", err)
			}
			w.Write([]byte("part"))
			w.Flush()
		}
	}}, func(addr string, rec *aiotest.Recorder) {
		stop := make(chan struct{})
		var gc sync.WaitGroup
		gc.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					runtime.GC()
				}
			}
		})
		defer gc.Wait()
		defer close(stop)
		c := dialRaw(t, addr)
		defer c.Close()
		c.say(ok)
		if resp, _ := c.response("GET"); resp.StatusCode != 500 {
			t.Errorf("got %d", resp.StatusCode)
		}
		c.closed()
		if e := rec.Wait(t, 1)[0]; !errors.Is(e.Err, httpx.ErrAbandoned) || e.Op.Name != "GET /ok" {
			t.Errorf("event: %v of %v", e.Err, e.Op)
		}
		c = dialRaw(t, addr)
		defer c.Close()
		c.say("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n")
		resp, err := http.ReadResponse(c.Reader, nil)
		if err != nil {
			t.Fatalf("http.ReadResponse: %v", err)
		}
		if body, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("a stream that was dropped looks whole: %q", body)
		}
		if e := rec.Wait(t, 2)[1]; !errors.Is(e.Err, httpx.ErrAbandoned) {
			t.Errorf("event: %v", e.Err)
		}
	})
}

// TestLateResponses checks that a request has a response in time: 503 if the
// user gives none.
func TestLateResponses(t *testing.T) {
	var r *httpx.Request
	events(t, &httpx.Server{ResponseTimeout: 10 * time.Millisecond, Handle: func(req *httpx.Request) { r = req }},
		func(addr string, rec *aiotest.Recorder) {
			c := newClient(t, nil)
			defer c.CloseIdleConnections()
			if status, _ := get(t, c, "http://"+addr); status != 503 {
				t.Errorf("got %d", status)
			}
			if e := rec.Wait(t, 1)[0]; !errors.Is(e.Err, httpx.ErrAbandoned) || !errors.Is(e.Err, aio.ErrTimeout) {
				t.Errorf("event: %v", e.Err)
			}
			f := r.RespondString(200, "too late")
			<-f.Done()
			if _, err := f.Result(); !errors.Is(err, httpx.ErrAbandoned) {
				t.Errorf("Respond: %v", err)
			}
			if n := len(rec.Events()); n != 1 {
				t.Errorf("%d events", n)
			}
		})
}

// TestRequestTimeout checks that a request's ctx ends in time, and what is
// answered then, in both modes.
func TestRequestTimeout(t *testing.T) {
	check := func(s *httpx.Server) {
		s.RequestTimeout = 10 * time.Millisecond
		events(t, s, func(addr string, _ *aiotest.Recorder) {
			c := newClient(t, nil)
			defer c.CloseIdleConnections()
			if status, _ := get(t, c, "http://"+addr); status != 503 {
				t.Errorf("got %d", status)
			}
		})
	}
	var keep *httpx.Request
	check(&httpx.Server{Handle: func(r *httpx.Request) { keep = r }})
	runtime.KeepAlive(keep)
	check(&httpx.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		if !errors.Is(context.Cause(r.Context()), aio.ErrTimeout) {
			t.Errorf("cause: %v", context.Cause(r.Context()))
		}
	})})
}

// TestPanics checks that a panic in any function of the user's is an event,
// answered with 500 if nothing was sent, and ends the connection; and that
// http.ErrAbortHandler is none.
func TestPanics(t *testing.T) {
	boom := errors.New("boom")
	for name, die := range map[string]func(){
		"error":  func() { panic(boom) },
		"string": func() { panic("boom") },
		"nil":    func() { panic(nil) },
		"Goexit": runtime.Goexit,
		"abort":  func() { panic(http.ErrAbortHandler) },
	} {
		handlers := map[string]*httpx.Server{
			"Handle":           {Handle: func(*httpx.Request) { die() }},
			"Handle, answered": {Handle: func(r *httpx.Request) { r.RespondString(200, "x"); die() }},
			"Handle, started": {Handle: func(r *httpx.Request) {
				if _, err := r.Start(200, nil); err != nil {
					t.Errorf("r.Start: %v", err)
				}
				die()
			}},
			"Handler": {Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { die() })},
			"Handler, wrote": {Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(200)
				w.(http.Flusher).Flush()
				die()
			})},
		}
		for where, s := range handlers {
			t.Run(name+"/"+where, func(t *testing.T) {
				events(t, s, func(addr string, rec *aiotest.Recorder) {
					c := dialRaw(t, addr)
					defer c.Close()
					c.say(ok)
					resp, err := http.ReadResponse(c.Reader, nil)
					begun := strings.HasSuffix(where, "started") || strings.HasSuffix(where, "wrote")
					switch {
					case where == "Handle, answered":
						if err != nil || resp.StatusCode != 200 {
							t.Fatal(resp, err)
						}
						io.Copy(io.Discard, resp.Body)
						c.closed()
					case name == "abort" && !begun:
						if err == nil {
							t.Errorf("an aborted request got %d", resp.StatusCode)
						}
					case err != nil:
						t.Fatalf("http.ReadResponse: %v", err)
					case begun:
						if _, err := io.ReadAll(resp.Body); err == nil {
							t.Error("the response looks whole")
						}
					case resp.StatusCode != 500 || !resp.Close:
						t.Errorf("got %d, close %v", resp.StatusCode, resp.Close)
					default:
						io.Copy(io.Discard, resp.Body)
						c.closed()
					}
					want := 1
					if name == "abort" {
						want = 0
					}
					if strings.HasPrefix(where, "Handle, ") && name == "Goexit" {
						// reported by the response's future, which was not
						// looked at
						return
					}
					if got := rec.Wait(t, want); len(got) != want {
						t.Errorf("%d events, want %d: %v", len(got), want, got)
					}
				})
			})
		}
	}
}

// TestPanicWithoutCatch checks that a panic ends a loop that does not catch
// them.
func TestPanicWithoutCatch(t *testing.T) {
	defer func() {
		if p, ok := recover().(*aio.PanicError); !ok || p.Value != "boom" {
			t.Errorf("Run panicked with %v", p)
		}
	}()
	l := &aio.Loop{Logger: discard}
	l.Run(t.Context(), func(ctx context.Context) error {
		s, err := httpx.Serve(ctx, "127.0.0.1:0", func(*httpx.Request) { panic("boom") })
		if err != nil {
			return err
		}
		c := dialRaw(t, s.Addr().String())
		defer c.Close()
		c.say(ok)
		io.Copy(io.Discard, c)
		return nil
	})
}

// TestClientGone checks that a request is cancelled, with a cause, when its
// client leaves.
func TestClientGone(t *testing.T) {
	for _, proto := range []string{"h1", "h2c"} {
		cause := make(chan error, 1)
		begun := make(chan struct{})
		serve(t, &httpx.Server{H2C: true, Handle: func(r *httpx.Request) {
			aio.Spawn(r.Context(), "wait", func(ctx context.Context) error {
				close(begun)
				<-r.Gone()
				<-ctx.Done()
				cause <- context.Cause(ctx)
				f := r.RespondString(200, "nobody")
				<-f.Done()
				f.Result() // the kernel may still take a response to nobody
				return nil
			})
		}}, func(addr string) {
			c := newClient(t, nil, proto)
			defer c.CloseIdleConnections()
			ctx, cancel := context.WithCancel(t.Context())
			req, _ := http.NewRequestWithContext(ctx, "GET", "http://"+addr, nil)
			go func() {
				<-begun
				cancel()
			}()
			if _, err := c.Do(req); err == nil {
				t.Error("no error")
			}
			var e *aio.ConnError
			if err := <-cause; !errors.As(err, &e) {
				t.Errorf("%s: the cause is %v", proto, err)
			}
		})
	}
}

// TestMaxInFlight checks that what is too much is refused at once.
func TestMaxInFlight(t *testing.T) {
	held := make(chan *httpx.Request, 1)
	serve(t, &httpx.Server{MaxInFlight: 1, Handle: func(r *httpx.Request) { held <- r }}, func(addr string) {
		c := dialRaw(t, addr)
		defer c.Close()
		c.say(ok)
		r := <-held
		d := dialRaw(t, addr)
		defer d.Close()
		d.say(ok)
		if resp, _ := d.response("GET"); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
			t.Errorf("got %d %v", resp.StatusCode, resp.Header)
		}
		r.RespondString(200, "")
		if resp, _ := c.response("GET"); resp.StatusCode != 200 {
			t.Errorf("got %d", resp.StatusCode)
		}
	})
}

// TestDeferredByTimer checks that a response after a delay is sent although the
// loop exits meanwhile.
func TestDeferredByTimer(t *testing.T) {
	begun := make(chan struct{})
	aiotest.Run(t, func(ctx context.Context) error {
		s, err := httpx.Serve(ctx, "127.0.0.1:0", func(r *httpx.Request) {
			timer.Delay(r.Context(), 50*time.Millisecond, func(context.Context) error {
				r.RespondString(200, "later")
				return nil
			})
			close(begun)
		})
		if err != nil {
			return err
		}
		c := dialRaw(t, s.Addr().String())
		defer c.Close()
		c.say(ok)
		<-begun
		aio.LoopOf(ctx).Exit(nil)
		if _, body := c.response("GET"); body != "later" {
			t.Errorf("got %q", body)
		}
		return nil
	})
}
