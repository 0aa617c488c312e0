package httpx_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
	"goaio.example/aio/timer"
)

// numbering is a RoundTripper of Client.Wrap that numbers operations and the
// requests of each, in a field that it adds.
type numbering struct {
	next http.RoundTripper
	n    int // of the operation
	log  *wrapLog

	mu    sync.Mutex
	sends int
}

type wrapLog struct {
	mu    sync.Mutex
	ops   int
	lines []string
}

func (l *wrapLog) wrap(next http.RoundTripper) http.RoundTripper {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ops++
	return &numbering{next: next, n: l.ops, log: l}
}

func (w *numbering) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.sends++
	id := fmt.Sprintf("%d.%d", w.n, w.sends)
	w.mu.Unlock()
	kind := ""
	for op := range aio.LoopOf(r.Context()).Ops() {
		if op.Kind.String() == "http.request.out" || op.Kind.String() == "http.events" {
			kind = op.Kind.String()
		}
	}
	value, _ := r.Context().Value(tenantKey{}).(string)
	again := r.Clone(context.WithValue(r.Context(), nameKey{}, id))
	again.Header.Set("X-Id", id)
	resp, err := w.next.RoundTrip(again)
	status := 0
	if err == nil {
		status = resp.StatusCode
	}
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	w.log.lines = append(w.log.lines, fmt.Sprintf("%s %s %s %d, %s in %q", id, r.Method, r.URL.Path, status, kind, value))
	return resp, err
}

type nameKey struct{}

// TestClientWrap checks that all requests of all kinds of operations go through
// what Wrap returns, with the operation's values, over both versions of HTTP.
func TestClientWrap(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		t.Run(map[bool]string{false: "HTTP/1", true: "HTTP/2"}[h2], func(t *testing.T) {
			log, sent := new(wrapLog), wrapVisits(t, h2)
			got := sent(log)
			want := []string{
				`1.1 GET /plain 200, http.request.out in "acme"`,
				`2.1 GET /moved 302, http.request.out in "acme"`,
				`2.2 GET /here 200, http.request.out in "acme"`,
				`3.1 GET /busy 503, http.request.out in "acme"`,
				`3.2 GET /busy 200, http.request.out in "acme"`,
				`4.1 GET /stream 200, http.request.out in "acme"`,
				`5.1 GET /trip 200, http.request.out in "acme"`,
				`6.1 GET /events 200, http.events in "acme"`,
			}
			if !slices.Equal(log.lines, want) {
				t.Errorf("requests:\n%s\nwant:\n%s", strings.Join(log.lines, "\n"), strings.Join(want, "\n"))
			}
			for i, id := range got {
				if !strings.HasPrefix(want[i], id+" ") {
					t.Errorf("the server got the IDs %v", got)
				}
			}
			if len(got) != len(want) {
				t.Errorf("the server got %d requests", len(got))
			}
		})
	}
}

// wrapVisits returns a function that makes requests of all kinds, and returns
// what the server has got.
func wrapVisits(t *testing.T, h2 bool) func(log *wrapLog) []string {
	var mu sync.Mutex
	var got []string
	busy := true
	h := func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r.Header.Get("X-Id"))
		switch {
		case r.URL.Path == "/moved":
			http.Redirect(w, r, "/here", http.StatusFound)
		case r.URL.Path == "/busy" && busy:
			busy = false
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.URL.Path == "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: x\n\n")
		}
	}
	return func(log *wrapLog) []string {
		aiotest.Run(t, func(ctx context.Context) error {
			s := &httpx.Server{Handler: http.HandlerFunc(h), H2C: true}
			if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
				return err
			}
			defer s.Close()
			again := timer.Backoff{Initial: time.Millisecond}
			c := &httpx.Client{Wrap: log.wrap, H2C: h2, Retry: httpx.Retry{Attempts: 2, Backoff: again}, Reconnect: httpx.Reconnect{Attempts: -1}}
			defer c.CloseIdleConnections()
			url := "http://" + s.Addr().String()
			ctx = context.WithValue(ctx, tenantKey{}, "acme")
			for _, path := range []string{"/plain", "/moved", "/busy"} {
				if r, err := c.Get(ctx, url+path).Await(ctx); err != nil || r.Status != 200 {
					t.Errorf("%s: %v, %v", path, r, err)
				}
			}
			st, err := c.Stream(ctx, request(t, "GET", url+"/stream", nil)).Await(ctx)
			if err != nil {
				return err
			}
			st.Body.Close()
			resp, err := c.RoundTrip(request(t, "GET", url+"/trip", nil).WithContext(ctx))
			if err != nil {
				return err
			}
			resp.Body.Close()
			events := 0
			if _, err := c.EventsFunc(ctx, request(t, "GET", url+"/events", nil), func(httpx.ServerEvent) { events++ }).Await(ctx); err != nil || events != 1 {
				t.Errorf("%d events, %v", events, err)
			}
			return nil
		})
		return got
	}
}

// failing is a RoundTripper that does not ask the next one.
type failing struct{ err error }

func (r failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, r.err }

// TestClientWrapFails checks that an error of Wrap's RoundTripper fails the
// request, and a panic in it is the operation's.
func TestClientWrapFails(t *testing.T) {
	l := &aio.Loop{CatchPanics: true, OnEvent: func(aio.Event) {}}
	aiotest.RunLoop(t, l, func(ctx context.Context) error {
		c := &httpx.Client{Wrap: func(http.RoundTripper) http.RoundTripper { return failing{errTest} }}
		var failed *httpx.Error
		if _, err := c.Get(ctx, "http://127.0.0.1:9/").Await(ctx); !errors.Is(err, errTest) || !errors.As(err, &failed) {
			t.Errorf("got %v, want an Error of %v", err, errTest)
		}
		c = &httpx.Client{Wrap: func(http.RoundTripper) http.RoundTripper { panic(errTest) }}
		var p *aio.PanicError
		if _, err := c.Get(ctx, "http://127.0.0.1:9/").Await(ctx); !errors.As(err, &p) {
			t.Errorf("got %v, want a panic", err)
		}
		return nil
	})
}

// ExampleClient_wrap signs each request that is sent.
func ExampleClient_wrap() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		s, err := httpx.Serve(ctx, "127.0.0.1:0", func(r *httpx.Request) { r.RespondString(200, r.Header().Get("X-Signature")) })
		if err != nil {
			return err
		}
		defer s.Close()
		c := &httpx.Client{Wrap: func(next http.RoundTripper) http.RoundTripper { return signing{next} }}
		r, err := c.Get(ctx, "http://"+s.Addr().String()+"/").Await(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("%s\n", r.Body)
		return nil
	})
	// Output: signed GET /
}

type signing struct{ next http.RoundTripper }

func (s signing) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context()) // a RoundTripper leaves its request as it is
	r.Header.Set("X-Signature", "signed "+r.Method+" "+r.URL.Path)
	return s.next.RoundTrip(r)
}
