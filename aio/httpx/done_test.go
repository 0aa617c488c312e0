package httpx_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// told receives the calls of Server.Done.
type told chan httpx.RequestStats

// next returns the next call's argument.
func (d told) next(t testing.TB) httpx.RequestStats {
	t.Helper()
	select {
	case s := <-d:
		return s
	case <-time.After(patience):
		t.Fatal("Done was not called")
		return httpx.RequestStats{}
	}
}

// doneCase is a request, the functions that serve it in either style, and the
// wanted argument of Done.
type doneCase struct {
	name, method, body string
	handle             func(r *httpx.Request)
	handler            func(w http.ResponseWriter, r *http.Request)
	want               httpx.RequestStats
	err                error // that Err is; nil for none
	h1                 bool  // not over HTTP/2
}

const tenBytes = "0123456789"

var doneCases = []doneCase{
	{
		name: "plain", method: "GET",
		handle:  func(r *httpx.Request) { r.RespondString(200, tenBytes) },
		handler: func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, tenBytes) },
		want:    httpx.RequestStats{Status: 200, BytesOut: 10},
	},
	{
		name: "head", method: "HEAD",
		handle:  func(r *httpx.Request) { r.RespondString(200, tenBytes) },
		handler: func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, tenBytes) },
		want:    httpx.RequestStats{Status: 200},
	},
	{
		name: "body", method: "POST", body: strings.Repeat("b", 100<<10),
		handle: func(r *httpx.Request) { r.RespondString(201, tenBytes) },
		handler: func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			w.WriteHeader(201)
			io.WriteString(w, tenBytes)
		},
		want: httpx.RequestStats{Status: 201, BytesIn: 100 << 10, BytesOut: 10},
	},
	{
		name: "body unread", method: "POST", body: tenBytes,
		handler: func(w http.ResponseWriter, r *http.Request) {
			r.Body.Read(make([]byte, 4))
			w.WriteHeader(204)
		},
		want: httpx.RequestStats{Status: 204, BytesIn: 4},
	},
	{
		name: "deferred", method: "GET",
		handle: func(r *httpx.Request) {
			aio.Spawn(r.Context(), "later", func(context.Context) error {
				r.RespondString(404, tenBytes)
				return nil
			})
		},
		want: httpx.RequestStats{Status: 404, BytesOut: 10},
	},
	{
		name: "stream", method: "GET",
		handle: func(r *httpx.Request) {
			w, err := r.Start(200, nil)
			if err != nil {
				return
			}
			aio.Spawn(r.Context(), "pieces", func(context.Context) error {
				defer w.Close()
				for range 3 {
					io.WriteString(w, tenBytes)
					w.Flush()
				}
				return nil
			})
		},
		handler: func(w http.ResponseWriter, _ *http.Request) {
			for range 3 {
				io.WriteString(w, tenBytes)
				w.(http.Flusher).Flush()
			}
		},
		want: httpx.RequestStats{Status: 200, BytesOut: 30},
	},
	{
		name: "large", method: "GET",
		handle:  func(r *httpx.Request) { r.Respond(200, nil, bytes.Repeat([]byte("l"), 4<<20)) },
		handler: func(w http.ResponseWriter, _ *http.Request) { w.Write(bytes.Repeat([]byte("l"), 4<<20)) },
		want:    httpx.RequestStats{Status: 200, BytesOut: 4 << 20},
	},
	{
		name: "route", method: "GET",
		handle: func(r *httpx.Request) {
			r.SetRoute("/mine")
			r.RespondString(200, "")
		},
		handler: func(w http.ResponseWriter, _ *http.Request) { httpx.SetRoute(unwrapper{w}.Unwrap(), "/mine") },
		want:    httpx.RequestStats{Status: 200, Route: "/mine"},
	},
	{
		name: "ready", method: "GET", // which no function is called for
		handle:  func(r *httpx.Request) { r.RespondString(500, "") },
		handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		want:    httpx.RequestStats{Status: 200, BytesOut: 6, Route: "/ready"},
	},
	{
		name: "panic", method: "GET",
		handle:  func(*httpx.Request) { panic(errTest) },
		handler: func(http.ResponseWriter, *http.Request) { panic(errTest) },
		want:    httpx.RequestStats{Status: 500, BytesOut: 22, Outcome: httpx.OutcomePanicked},
		err:     errTest,
	},
	{
		name: "panic within a stream", method: "GET",
		handle: func(r *httpx.Request) {
			w, err := r.Start(200, nil)
			if err == nil {
				io.WriteString(w, tenBytes)
				w.Flush()
			}
			panic(errTest)
		},
		handler: func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, tenBytes)
			w.(http.Flusher).Flush()
			panic(errTest)
		},
		want: httpx.RequestStats{Status: 200, BytesOut: 10, Outcome: httpx.OutcomePanicked},
		err:  errTest,
	},
	{
		name: "abort", method: "GET",
		handle:  func(*httpx.Request) { panic(http.ErrAbortHandler) },
		handler: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		want:    httpx.RequestStats{Outcome: httpx.OutcomeAborted},
		err:     http.ErrAbortHandler,
	},
	{
		name: "abort behind a header that was not sent", method: "GET", h1: true,
		handler: func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, tenBytes)
			panic(http.ErrAbortHandler)
		},
		want: httpx.RequestStats{Outcome: httpx.OutcomeAborted},
		err:  http.ErrAbortHandler,
	},
	{
		name: "cancelled", method: "GET",
		handle: func(r *httpx.Request) {
			w, err := r.Start(200, nil)
			if err == nil {
				w.Future().Cancel(errTest)
			}
		},
		want: httpx.RequestStats{Status: 200, Outcome: httpx.OutcomeAborted},
		err:  errTest,
	},
	{
		name: "bad header", method: "GET",
		handle: func(r *httpx.Request) {
			_, err := r.Respond(200, http.Header{"X": {"a\nb"}}, nil).Result()
			_ = err // the future is looked at: no event
		},
		want: httpx.RequestStats{Status: 500, BytesOut: 22},
		err:  httpx.ErrBadHeader,
	},
	{
		name: "too large", method: "POST", body: strings.Repeat("b", 2<<20),
		handle: func(r *httpx.Request) { r.RespondString(200, "") },
		want:   httpx.RequestStats{Status: 413, BytesOut: 25, Outcome: httpx.OutcomeRefused},
	},
	{
		name: "busy", method: "GET",
		handle:  func(*httpx.Request) {},
		handler: func(http.ResponseWriter, *http.Request) {},
		want:    httpx.RequestStats{Status: 503, BytesOut: 20, Outcome: httpx.OutcomeRefused},
	},
	{
		name: "hijacked", method: "GET", h1: true,
		handle: func(r *httpx.Request) {
			if c, err := r.Upgrade(nil); err == nil {
				c.CloseAfterFlush()
			}
		},
		handler: func(w http.ResponseWriter, _ *http.Request) {
			if c, rw, err := http.NewResponseController(w).Hijack(); err == nil {
				rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
				rw.Flush()
				c.Close()
			}
		},
		want: httpx.RequestStats{Status: 101, Outcome: httpx.OutcomeHijacked},
	},
}

var errTest = errors.New("test error")

// doneWire is a version of HTTP, without or with TLS.
type doneWire struct {
	client, proto string
	tls           bool
}

var doneWires = []doneWire{{"h1", "HTTP/1.1", false}, {"h1", "HTTP/1.1", true}, {"h2c", "HTTP/2.0", false}, {"h2", "HTTP/2.0", true}}

// TestDone checks the argument of Done for a request, in both styles and over
// each engine, and that it is called once.
func TestDone(t *testing.T) {
	for _, wire := range doneWires {
		for _, style := range []string{"Handle", "Handler"} {
			for _, c := range doneCases {
				if style == "Handle" && c.handle == nil || style == "Handler" && c.handler == nil || c.h1 && wire.proto != "HTTP/1.1" {
					continue
				}
				t.Run(fmt.Sprintf("%s, TLS %v/%s/%s", wire.client, wire.tls, style, c.name), func(t *testing.T) {
					c.check(t, wire, style)
				})
			}
		}
	}
}

// server returns the server of the case.
func (c *doneCase) server(style string, calls told) *httpx.Server {
	s := &httpx.Server{H2C: true, ReadyPath: "/ready", Done: func(s httpx.RequestStats) { calls <- s }}
	if c.name == "busy" {
		s.MaxInFlight = 1
	}
	if style == "Handle" {
		s.Handle = func(r *httpx.Request) {
			if r.Resource() == "/occupied" {
				w, err := r.Start(200, nil)
				if err == nil {
					aio.Spawn(r.Context(), "occupy", func(ctx context.Context) error {
						<-ctx.Done()
						w.Close()
						return nil
					})
				}
				return
			}
			c.handle(r)
		}
		return s
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/occupied", func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/{name}", c.handler)
	s.Handler = mux
	return s
}

// check makes the case's request and checks the argument of Done.
func (c *doneCase) check(t *testing.T, wire doneWire, style string) {
	calls := make(told, 10)
	s := c.server(style, calls)
	scheme := "http://"
	if wire.tls {
		s.TLS, scheme = serverTLS(t), "https://"
	}
	events(t, s, func(addr string, _ *aiotest.Recorder) {
		client := newClient(t, anyCert, wire.client)
		defer client.CloseIdleConnections()
		ctx, leave := context.WithCancel(context.Background())
		defer leave()
		if c.name == "busy" {
			req, _ := http.NewRequestWithContext(ctx, "GET", scheme+addr+"/occupied", nil)
			resp, err := client.Do(req)
			if err != nil {
				t.Fatalf("client.Do: %v", err)
			}
			defer resp.Body.Close()
		}
		req, _ := http.NewRequest(c.method, scheme+addr+"/"+strings.ReplaceAll(c.name, " ", "-")+"?q=1", strings.NewReader(c.body))
		if c.name == "hijacked" {
			req.Header.Set("Connection", "upgrade")
			req.Header.Set("Upgrade", "x")
		}
		resp, err := client.Do(req)
		if err == nil {
			io.Copy(io.Discard, resp.Body) // which may break off
			resp.Body.Close()
		} else if c.want.Status != 0 && c.want.Outcome == httpx.OutcomeAnswered {
			t.Errorf("client.Do: %v", err)
		}
		got := calls.next(t)
		c.compare(t, got, wire, style, addr)
		leave()
		if c.name == "busy" {
			calls.next(t)
		}
	})
	if len(calls) > 0 {
		t.Errorf("Done was called again: %+v", <-calls)
	}
}

// compare compares the argument of Done with the wanted one.
func (c *doneCase) compare(t *testing.T, got httpx.RequestStats, wire doneWire, style, addr string) {
	t.Helper()
	want := c.want
	want.Method, want.Path, want.Host, want.Proto, want.TLS = c.method, "/"+strings.ReplaceAll(c.name, " ", "-"), addr, wire.proto, wire.tls
	if style == "Handler" && want.Route == "" {
		want.Route = "/{name}"
	}
	if c.name == "busy" {
		want.Route = "" // nothing has routed it
	}
	if got.Context == nil || aio.LoopOf(got.Context) == nil {
		t.Errorf("Context is %v", got.Context)
	}
	if !strings.HasPrefix(got.Remote, "127.0.0.1:") || got.Duration < 0 || got.ID != "" {
		t.Errorf("Remote %q, Duration %v, ID %q", got.Remote, got.Duration, got.ID)
	}
	if !errors.Is(got.Err, c.err) {
		t.Errorf("Err is %v, want %v", got.Err, c.err)
	}
	got.Context, got.Remote, got.Duration, got.Err = nil, "", 0, nil
	if c.name == "too large" && got.BytesIn <= 2<<20 { // as much as has come
		got.BytesIn = 0
	}
	if got != want {
		t.Errorf("Done was told\n%+v, want\n%+v", got, want)
	}
}
