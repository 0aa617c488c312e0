package httpx_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
	"goaio.example/aio/timer"
)

// TestEvents checks what is asked for, what is received, that the stream comes
// back with the last ID after the time that the server wants, and that a 204
// ends it.
func TestEvents(t *testing.T) {
	eachWay(t, func(n int, c net.Conn) {
		switch n {
		case 1:
			io.WriteString(c, streamHead+"retry: 3000\nid: 1\ndata: a\n\n: comment\n\nevent: x\ndata: b\ndata: c\n\nid: 2\n\ndata: incomplete\n")
		case 2:
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nid\ndata: d\n\nretr\r\n3\r\ny:0\r\n1\r\n\n\r\n0\r\n\r\n")
		case 3:
			io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
		}
	}, func(ctx context.Context, t *testing.T, c *httpx.Client, s *eventServer) error {
		r := c.Events(ctx, getEvents(t))
		wantEvents(t, r, httpx.ServerEvent{ID: "1", Type: "message", Data: "a", Retry: 3 * time.Second}, httpx.ServerEvent{ID: "1", Type: "x", Data: "b\nc"})
		wantEvents(t, r, httpx.ServerEvent{Type: "message", Data: "d"})
		wantEnd(t, r, nil)
		reqs, at := s.has()
		if want := []time.Duration{0, 4 * time.Second, 5 * time.Second}; fmt.Sprint(at) != fmt.Sprint(want) {
			t.Errorf("requests at %v, not at %v", at, want)
		}
		for i, last := range []string{"", "[2]", ""} {
			h := reqs[i].Header
			if got := h["Last-Event-Id"]; fmt.Sprint(got) != fmt.Sprintf("[%s]", strings.Trim(last, "[]")) {
				t.Errorf("request %d: Last-Event-ID %q", i, got)
			}
			if h.Get("Accept") != "text/event-stream" || h.Get("Cache-Control") != "no-cache" || h.Get("Accept-Encoding") != "identity" {
				t.Errorf("request %d: %v", i, h)
			}
		}
		if r.LastEventID() != "" {
			t.Errorf("the last ID is %q", r.LastEventID())
		}
		return nil
	})
}

// TestEventsBackoff checks that the waits grow while attempts fail, up to their
// bound, and begin anew when something has come; and that their number may be
// bounded.
func TestEventsBackoff(t *testing.T) {
	eachWay(t, func(n int, c net.Conn) {
		if n == 4 {
			io.WriteString(c, streamHead+"id: 4\n\n")
		} // else it breaks off
	}, func(ctx context.Context, t *testing.T, c *httpx.Client, s *eventServer) error {
		c.Reconnect.Attempts = 5
		c.Reconnect.MaxWait = 5 * time.Second
		req := getEvents(t)
		req.Header.Set("Last-Event-ID", "before")
		r := c.Events(ctx, req)
		wantEnd(t, r, aio.ErrEOF)
		if err := r.Err(); strings.Contains(err.Error(), "secret") {
			t.Errorf("r.Err: %v", err)
		}
		reqs, at := s.has()
		const want = "[0s 1s 3s 7s 8s 10s 14s 19s 24s]"
		if fmt.Sprint(at) != want {
			t.Errorf("requests at %v, not at %s", at, want)
		}
		for i, r := range reqs {
			if got, want := r.Header.Get("Last-Event-ID"), map[bool]string{true: "before", false: "4"}[i < 4]; got != want {
				t.Errorf("request %d: Last-Event-ID %q", i, got)
			}
		}
		return nil
	})
}

// TestEventsJitter checks that a client comes back no earlier than the server
// wants, and not all at the same time.
func TestEventsJitter(t *testing.T) {
	eachWay(t, func(n int, c net.Conn) { io.WriteString(c, streamHead+"retry: 1000\n\n") },
		func(ctx context.Context, t *testing.T, c *httpx.Client, s *eventServer) error {
			c.Reconnect.Backoff = timer.Backoff{}
			r := c.Events(ctx, getEvents(t))
			time.Sleep(time.Minute)
			r.Close()
			wantEnd(t, r, nil)
			_, at := s.has()
			different := map[time.Duration]bool{}
			for i, d := range at[1:] {
				wait := d - at[i]
				if different[wait] = true; wait < time.Second || wait > 2*time.Second {
					t.Errorf("it waited %v", wait)
				}
			}
			if len(different) < 10 {
				t.Errorf("the waits are %v", different)
			}
			return nil
		})
}

// TestEventsEndedContext checks that a stream whose ctx, or whose request's own
// context, has ended makes no request, and that its error is an *httpx.Error,
// as that of Do.
func TestEventsEndedContext(t *testing.T) {
	why := errors.New("why")
	for name, own := range map[string]bool{"ctx": false, "own": true} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(int, net.Conn) {}, func(ctx context.Context, t *testing.T, c *httpx.Client, s *eventServer) error {
				ended, end := context.WithCancelCause(ctx)
				end(why)
				within, req := ended, getEvents(t)
				if own {
					within, req = ctx, req.WithContext(ended)
				}
				_, err := c.EventsFunc(within, req, func(httpx.ServerEvent) {}).Await(ctx)
				var e *httpx.Error
				if !errors.As(err, &e) || !errors.Is(err, why) {
					t.Errorf("EventsFunc: %T %v, want an *httpx.Error of %v", err, err, why)
				}
				if reqs, _ := s.has(); len(reqs) != 0 {
					t.Errorf("%d requests were made, want 0", len(reqs))
				}
				return nil
			})
		})
	}
}

// TestEventsResponses checks which responses end a stream, and with what.
func TestEventsResponses(t *testing.T) {
	const events = "Content-Type: text/event-stream\r\nContent-Length: 9\r\n\r\ndata: a\n\n"
	for name, x := range map[string]struct {
		says   string
		fails  bool
		status int
		calls  int
		after  time.Duration
	}{
		"204":                   {says: "204 No Content\r\n\r\n", calls: 1},
		"500":                   {says: "500 No\r\nContent-Length: 0\r\n\r\n", fails: true, status: 500, calls: 1},
		"404 with a body":       {says: "404 No\r\nContent-Length: 5\r\n\r\nhello", fails: true, status: 404, calls: 1},
		"201":                   {says: "201 Made\r\n" + events, fails: true, status: 201, calls: 1},
		"205":                   {says: "205 No\r\nContent-Length: 0\r\n\r\n", fails: true, status: 205, calls: 1},
		"304":                   {says: "304 No\r\n\r\n", fails: true, status: 304, calls: 1},
		"another type":          {says: "200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello", fails: true, status: 200, calls: 1},
		"no type":               {says: "200 OK\r\nContent-Length: 5\r\n\r\nhello", fails: true, status: 200, calls: 1},
		"503, which is tried":   {says: "503 No\r\nRetry-After: 10\r\nContent-Length: 0\r\n\r\n", calls: 2, after: 11 * time.Second},
		"redirect":              {says: "302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", calls: 2},
		"redirect with a body":  {says: "307 Found\r\nLocation: /other\r\nContent-Length: 5\r\n\r\nhello", calls: 2},
		"redirect to nowhere":   {says: "302 Found\r\nContent-Length: 0\r\n\r\n", fails: true, status: 302, calls: 1},
		"redirect to nonsense":  {says: "302 Found\r\nLocation: http://[/?secret\r\nContent-Length: 0\r\n\r\n", fails: true, calls: 1},
		"no HTTP":               {says: "20 OK\r\n\r\n", fails: true, calls: 1},
		"101 that was not made": {says: "101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", fails: true, calls: 1},
	} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(n int, c net.Conn) {
				if n > 1 {
					io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
					return
				}
				io.WriteString(c, "HTTP/1.1 "+x.says)
			}, func(ctx context.Context, t *testing.T, c *httpx.Client, s *eventServer) error {
				c.Reconnect.Statuses = []int{503}
				begin := time.Now()
				_, err := c.EventsFunc(ctx, getEvents(t), func(e httpx.ServerEvent) { t.Errorf("got %q", e) }).Await(ctx)
				if (err != nil) != x.fails || err != nil && strings.Contains(err.Error(), "secret") {
					t.Errorf("got %v", err)
				}
				var other *httpx.EventStreamError
				if errors.As(err, &other) != (x.status != 0) || other != nil && other.Status != x.status {
					t.Errorf("got %v, not a status of %d", err, x.status)
				}
				if d := time.Since(begin); d != x.after {
					t.Errorf("it took %v", d)
				}
				if reqs, _ := s.has(); len(reqs) != x.calls {
					t.Errorf("%d requests", len(reqs))
				}
				c.CloseIdleConnections()
				return nil
			})
		})
	}
}

// TestEventsSilence checks that a server may be silent for as long as it likes,
// or for Silence, comments not counted as silence, nor the time that the reader
// takes.
func TestEventsSilence(t *testing.T) {
	eachWay(t, func(n int, c net.Conn) {
		io.WriteString(c, streamHead+"data: a\n\n")
		if n == 1 {
			for range 10 {
				time.Sleep(40 * time.Second)
				io.WriteString(c, ":\n")
			}
		}
		rest(c)
	}, func(ctx context.Context, t *testing.T, c *httpx.Client, s *eventServer) error {
		c.Timeouts.Total = time.Second // which is for other requests
		c.Reconnect.Silence = 50 * time.Second
		f := c.EventsFunc(ctx, getEvents(t), func(httpx.ServerEvent) {
			if reqs, _ := s.has(); len(reqs) == 2 {
				time.Sleep(time.Hour)
			}
		})
		time.Sleep(451*time.Second + time.Hour + 50*time.Second + time.Millisecond)
		f.Cancel(nil)
		if _, at := s.has(); fmt.Sprint(at) != "[0s 7m31s]" {
			t.Errorf("requests at %v", at)
		}
		f.Await(ctx)
		c.Reconnect.Silence = 0
		f = c.EventsFunc(ctx, getEvents(t), func(httpx.ServerEvent) {})
		time.Sleep(100 * time.Hour)
		if reqs, _ := s.has(); len(reqs) != 3 {
			t.Errorf("%d requests", len(reqs))
		}
		f.Cancel(nil)
		f.Await(ctx)
		return nil
	})
}

// TestEventsEnd checks that a stream ends at once, in each state that it is in,
// and with what.
func TestEventsEnd(t *testing.T) {
	why := errors.New("why")
	ways := map[string]struct {
		end func(r *httpx.EventReader, cancel, own context.CancelCauseFunc, l *aio.Loop)
		is  error
	}{
		"close":         {end: func(r *httpx.EventReader, _, _ context.CancelCauseFunc, _ *aio.Loop) { r.Close(); r.Close() }},
		"drain":         {end: func(_ *httpx.EventReader, _, _ context.CancelCauseFunc, l *aio.Loop) { l.Exit(nil) }},
		"cancel":        {end: func(_ *httpx.EventReader, cancel, _ context.CancelCauseFunc, _ *aio.Loop) { cancel(why) }, is: why},
		"request's own": {end: func(_ *httpx.EventReader, _, own context.CancelCauseFunc, _ *aio.Loop) { own(why) }, is: why},
	}
	states := map[string]func(n int, c net.Conn){
		"header": func(_ int, c net.Conn) { rest(c) },
		"open":   func(_ int, c net.Conn) { io.WriteString(c, streamHead); rest(c) },
		"waits":  func(int, net.Conn) {},
		"not read": func(_ int, c net.Conn) {
			io.WriteString(c, streamHead)
			for range 1000 {
				if _, err := io.WriteString(c, "data: "+strings.Repeat("x", 1000)+"\n\n"); err != nil {
					return
				}
			}
		},
	}
	for way, x := range ways {
		for state, fn := range states {
			t.Run(way+" "+state, func(t *testing.T) {
				eachWay(t, fn, func(_ context.Context, t *testing.T, c *httpx.Client, _ *eventServer) error {
					c.Reconnect.Backoff.Initial = time.Hour
					c.Reconnect.MaxWait = -1
					begin, l := time.Now(), new(aio.Loop)
					err := l.Run(context.Background(), func(ctx context.Context) error {
						sub, cancel := context.WithCancelCause(ctx)
						own, cancelOwn := context.WithCancelCause(context.Background())
						defer cancelOwn(nil)
						r := c.Events(sub, getEvents(t).WithContext(own))
						time.Sleep(time.Minute)
						if n := l.Stats().Kinds["http.events"]; n != 1 {
							t.Errorf("%d streams", n)
						}
						x.end(r, cancel, cancelOwn, l)
						synctest.Wait()
						n := 0
						for range r.C() {
							n++
						}
						if state == "not read" && n != 16 || state != "not read" && n != 0 {
							t.Errorf("%d events", n)
						}
						synctest.Wait()
						if err := r.Err(); !errors.Is(err, x.is) || (err == nil) != (x.is == nil) {
							t.Errorf("it ended with %v", err)
						}
						cancel(nil)
						return nil
					})
					if d := time.Since(begin); err != nil || d != time.Minute {
						t.Errorf("it took %v: %v", d, err)
					}
					return nil
				})
			})
		}
	}
}

// TestEventsBackpressure checks that a reader that does not read stops the
// server, and gets all once it reads; and that the loop over All can be left.
func TestEventsBackpressure(t *testing.T) {
	const size, all = 10_000, 1000
	var sent atomic.Int64
	eachWay(t, func(n int, c net.Conn) {
		io.WriteString(c, streamHead)
		for i := range all {
			k, err := fmt.Fprintf(c, "id: %d\ndata: %s\n\n", i, strings.Repeat("x", size))
			if err != nil {
				return
			}
			sent.Add(int64(k))
		}
		rest(c)
	}, func(ctx context.Context, t *testing.T, c *httpx.Client, _ *eventServer) error {
		sent.Store(0)
		r := c.Events(ctx, getEvents(t))
		time.Sleep(time.Hour)
		if n := sent.Load(); n < 16*size || n > 100*size {
			t.Errorf("the server has sent %d bytes", n)
		}
		i := 0
		for e, err := range r.All() {
			if err != nil || e.ID != fmt.Sprint(i) || len(e.Data) != size {
				t.Fatalf("event %d: %q, %d bytes, %v", i, e.ID, len(e.Data), err)
			}
			if i++; i == all {
				break
			}
		}
		wantEnd(t, r, nil)
		return nil
	})
}

// TestEventsOnce checks that a request that cannot be repeated is made once.
func TestEventsOnce(t *testing.T) {
	eachWay(t, func(n int, c net.Conn) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9\r\n\r\ndata: a\n\n"[:80-5*(n-1)])
	}, func(ctx context.Context, t *testing.T, c *httpx.Client, s *eventServer) error {
		for _, fails := range []error{nil, io.ErrUnexpectedEOF} {
			r := c.Events(ctx, request(t, "POST", "http://origin", strings.NewReader("hello")))
			if fails == nil {
				wantEvents(t, r, httpx.ServerEvent{Type: "message", Data: "a"})
			}
			wantEnd(t, r, fails)
		}
		if reqs, _ := s.has(); len(reqs) != 2 {
			t.Errorf("%d requests", len(reqs))
		}
		return nil
	})
}

// TestEventsBody checks that a body is sent again with each request.
func TestEventsBody(t *testing.T) {
	var got atomic.Int32
	h := func(w http.ResponseWriter, r *http.Request) {
		if b, err := io.ReadAll(r.Body); string(b) != "hello" {
			t.Errorf("got %q, %v", b, err)
		}
		if got.Add(1) == 3 {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
	}
	bubble(t, h, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
		req := request(t, "POST", "http://origin", strings.NewReader("hello"))
		req.Header.Set("Idempotency-Key", "1")
		r := inMemory(new(httpx.Client), n).Events(ctx, req)
		wantEnd(t, r, nil)
		if got.Load() != 3 {
			t.Errorf("%d requests", got.Load())
		}
		return nil
	})
}

// TestEventsTooLarge checks that an event that is too large ends the stream.
func TestEventsTooLarge(t *testing.T) {
	eachWay(t, func(_ int, c net.Conn) {
		io.WriteString(c, streamHead+"data: a\n\ndata: "+strings.Repeat("x", 2000))
		rest(c)
	}, func(ctx context.Context, t *testing.T, c *httpx.Client, _ *eventServer) error {
		c.Reconnect.MaxEvent = 1000
		r := c.Events(ctx, getEvents(t))
		wantEvents(t, r, httpx.ServerEvent{Type: "message", Data: "a"})
		wantEnd(t, r, httpx.ErrEventTooLarge)
		return nil
	})
}

// TestEventsPanic checks that a panic of fn ends the stream, and is its error.
func TestEventsPanic(t *testing.T) {
	for _, jar := range []http.CookieJar{nil, httpx.NewJar()} {
		url := origin(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: a\n\n")
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
		var rec aiotest.Recorder
		aiotest.RunLoop(t, &aio.Loop{CatchPanics: true, OnEvent: rec.OnEvent}, func(ctx context.Context) error {
			c := &httpx.Client{Jar: jar}
			_, err := c.EventsFunc(ctx, request(t, "GET", url, nil), func(httpx.ServerEvent) { panic("at the disco") }).Await(ctx)
			var p *aio.PanicError
			if !errors.As(err, &p) {
				t.Errorf("got %v", err)
			}
			return nil
		})
		if n := len(rec.Events()); n != 1 {
			t.Errorf("%d events", n)
		}
	}
}

// TestEventsNoLoop checks that a stream without a loop fails.
func TestEventsNoLoop(t *testing.T) {
	r := new(httpx.Client).Events(context.Background(), getEvents(t))
	for e := range r.C() {
		t.Errorf("got %q", e)
	}
	if !errors.Is(r.Err(), aio.ErrNoLoop) {
		t.Errorf("got %v", r.Err())
	}
}

// TestEventsTLS checks that events come over TLS too, over HTTP/1.1 and over
// HTTP/2, from the events of a server.
func TestEventsTLS(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			last, _ := strconv.Atoi(r.Header.Get("Last-Event-ID"))
			out, err := httpx.SSE(w, r, 0)
			if err != nil {
				t.Errorf("httpx.SSE: %v", err)
				return
			}
			defer out.Close()
			for id := last + 1; id <= last+2; id++ {
				// the client closes a connection that it makes after the sixth event
				if err := out.Send(httpx.ServerEvent{ID: strconv.Itoa(id), Data: r.Proto}); err != nil && id <= 6 {
					t.Errorf("out.Send: %v", err)
				}
			}
		}))
		s.EnableHTTP2 = h2
		s.StartTLS()
		aiotest.Run(t, func(ctx context.Context) error {
			c := &httpx.Client{Dialer: anyTLS(), Reconnect: httpx.Reconnect{Backoff: timer.Backoff{Initial: time.Millisecond}}}
			r := c.Events(ctx, request(t, "GET", s.URL, nil))
			proto := map[bool]string{false: "HTTP/1.1", true: "HTTP/2.0"}[h2]
			for i := range 6 {
				wantEvents(t, r, httpx.ServerEvent{ID: strconv.Itoa(i + 1), Type: "message", Data: proto})
			}
			r.Close()
			return nil
		})
		s.Close()
	}
}

// TestEventsGetBody checks that a request whose body fails, or panics, fails.
func TestEventsGetBody(t *testing.T) {
	var rec aiotest.Recorder
	aiotest.RunLoop(t, &aio.Loop{CatchPanics: true, OnEvent: rec.OnEvent}, func(ctx context.Context) error {
		why := errors.New("why")
		req := request(t, "PUT", "http://127.0.0.1:1", strings.NewReader("hello"))
		req.GetBody = func() (io.ReadCloser, error) { return nil, why }
		if _, err := new(httpx.Client).EventsFunc(ctx, req, nil).Await(ctx); !errors.Is(err, why) {
			t.Errorf("got %v", err)
		}
		req.GetBody = func() (io.ReadCloser, error) { panic("at the disco") }
		var p *aio.PanicError
		if _, err := new(httpx.Client).EventsFunc(ctx, req, nil).Await(ctx); !errors.As(err, &p) {
			t.Errorf("got %v", err)
		}
		if _, err := new(httpx.Client).EventsFunc(ctx, new(http.Request), nil).Await(ctx); err == nil {
			t.Error("a request without a URL was made")
		}
		return nil
	})
	if n := len(rec.Events()); n != 1 {
		t.Errorf("%d events", n)
	}
}
