package otelaio_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/semconv/v1.43.0/dnsconv"
	"go.opentelemetry.io/otel/semconv/v1.43.0/httpconv"
	"go.opentelemetry.io/otel/trace"

	"goaio.example/aio"
	"goaio.example/aio/aiotest/dnsserver"
	"goaio.example/aio/dnsx"
	"goaio.example/aio/httpx"
	"goaio.example/aio/timer"
)

// origin is a server that is not watched, and what it has got.
type origin struct {
	mu  sync.Mutex
	got []http.Header
	url string
}

// ask runs a loop with an origin, and calls client in it.
func (r *rig) ask(h2 bool, h http.HandlerFunc, c *httpx.Client, client func(ctx context.Context, o *origin)) {
	r.Helper()
	c.H2C = h2
	r.Select = func(aio.Ref) bool { return false }
	r.Client(c)
	o := new(origin)
	r.run(new(aio.Loop), func(ctx context.Context) error {
		s := &httpx.Server{H2C: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			o.mu.Lock()
			o.got = append(o.got, q.Header)
			o.mu.Unlock()
			h(w, q)
		})}
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		defer s.Close()
		defer c.CloseIdleConnections()
		o.url = "http://" + s.Addr().String()
		client(ctx, o)
		return nil
	})
}

// A client's request is a span, which goes out with tracestate and baggage, and
// a span of its own for each time that it is sent.
func TestClient(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		t.Run(map[bool]string{false: "HTTP/1", true: "HTTP/2"}[h2], func(t *testing.T) {
			r := newRig(t)
			busy := true
			c := &httpx.Client{Retry: httpx.Retry{Attempts: 2, Backoff: timer.Backoff{Initial: time.Millisecond}}}
			r.ask(h2, func(w http.ResponseWriter, q *http.Request) {
				switch {
				case q.URL.Path == "/moved":
					http.Redirect(w, q, "/here?secret=2", http.StatusFound)
				case busy:
					busy = false
					w.WriteHeader(http.StatusServiceUnavailable)
				}
				io.WriteString(w, "hai")
			}, c, func(ctx context.Context, o *origin) {
				state, _ := trace.ParseTraceState("vendor=1")
				member, _ := baggage.NewMember("user", "ann")
				bag, _ := baggage.New(member)
				id, _ := trace.TraceIDFromHex(traceID)
				span, _ := trace.SpanIDFromHex(parentID)
				remote := trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: span, TraceFlags: trace.FlagsSampled, TraceState: state})
				ctx = baggage.ContextWithBaggage(trace.ContextWithSpanContext(ctx, remote), bag)
				resp, err := c.Get(ctx, o.url+"/moved?secret=1").Await(ctx)
				if err != nil || resp.Status != 200 {
					t.Fatal(resp, err)
				}
				r.wantClient(o, h2)
			})
		})
	}
}

// wantClient looks at what TestClient has brought: the redirect, what that led
// to, and both again.
func (r *rig) wantClient(o *origin, h2 bool) {
	r.want(
		"GET: client in unknown",
		`GET: client in unknown, Error ""`,
		"GET: client in unknown",
		"GET: client in unknown",
	)
	spans := r.all()
	for i, want := range []struct{ path, resend, status, err string }{
		{"/moved", "", "302", ""}, {"/here", "1", "503", "503"}, {"/moved", "2", "302", ""}, {"/here", "3", "200", ""},
	} {
		s := spans[i]
		r.wantAttrs(s, "url.full", o.url+want.path+"?REDACTED", "http.request.resend_count", want.resend,
			"http.response.status_code", want.status, "error.type", want.err, "http.request.method", "GET", "server.address", "127.0.0.1",
			"network.protocol.version", map[bool]string{false: "1.1", true: "2"}[h2])
		h := o.got[i]
		if want := "00-" + traceID + "-" + s.SpanContext.SpanID().String() + "-01"; len(h["Traceparent"]) != 1 || h["Traceparent"][0] != want {
			r.Errorf("request %d: traceparent %q, want %q", i, h["Traceparent"], want)
		}
		if s.Parent.SpanID().String() != parentID || h.Get("Tracestate") != "vendor=1" || h.Get("Baggage") != "user=ann" {
			r.Errorf("request %d: below %v, %v", i, s.Parent, h)
		}
	}
}

// All kinds of requests are spans, and end with their bodies.
func TestClientBodies(t *testing.T) {
	r := newRig(t)
	c := new(httpx.Client)
	r.ask(false, func(w http.ResponseWriter, q *http.Request) {
		switch q.URL.Path {
		case "/stream", "/trip":
			w.(http.Flusher).Flush()
			io.WriteString(w, "hai")
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: x\n\n")
		case "/broken":
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "hai")
		}
	}, c, func(ctx context.Context, o *origin) {
		ctx, root := r.own.Start(ctx, "root")
		defer root.End()
		get := func(method, path string) *http.Request {
			req, err := http.NewRequestWithContext(ctx, method, o.url+path, nil)
			if err != nil {
				t.Fatalf("http.NewRequestWithContext: %v", err)
			}
			return req
		}
		s, err := c.Stream(ctx, get("GET", "/stream")).Await(ctx)
		if err != nil {
			t.Fatalf("c.Stream: %v", err)
		}
		if n := strings.Count(r.tree(), "client in"); n != 0 {
			t.Errorf("%d spans have ended before the body has", n)
		}
		io.ReadAll(s.Body)
		if n := strings.Count(r.tree(), "client in"); n != 1 {
			t.Errorf("%d spans have ended with the body's end", n)
		}
		s.Body.Close()
		resp, err := c.RoundTrip(get("POST", "/trip"))
		if err != nil {
			t.Fatalf("c.RoundTrip: %v", err)
		}
		resp.Body.Close() // unread
		c.Do(ctx, get("HEAD", "/head")).Await(ctx)
		c.Reconnect.Attempts = -1
		c.EventsFunc(ctx, get("GET", "/events"), func(httpx.ServerEvent) {}).Await(ctx)
		if _, err := c.Get(ctx, o.url+"/broken").Await(ctx); err == nil {
			t.Error("no error")
		}
		c.Do(ctx, get("BREW", "/coffee")).Await(ctx)
	})
	r.want(
		"root: internal in none", "GET: client in root", "POST: client in root", "HEAD: client in root", "GET: client in root",
		`GET: client in root, Error "unexpected EOF", exception "unexpected EOF"`, "HTTP: client in root",
	)
	spans := r.all()
	r.wantAttrs(spans[1], "http.response.body.size", "3")
	r.wantAttrs(spans[5], "error.type", "*errors.errorString", "http.response.status_code", "200")
	r.wantAttrs(spans[6], "http.request.method", "_OTHER", "http.request.method_original", "BREW")
}

// What fails has an error.type, and what was given up is no error.
func TestClientErrors(t *testing.T) {
	r := newRig(t)
	r.MaxHosts = 2
	c := &httpx.Client{Timeouts: httpx.Timeouts{Header: 50 * time.Millisecond}}
	arrived := make(chan struct{}, 1)
	r.ask(false, func(_ http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/given-up" {
			arrived <- struct{}{}
		}
		<-q.Context().Done()
	}, c, func(ctx context.Context, o *origin) {
		c.Get(ctx, "http://127.0.0.1:1/?secret=1").Await(ctx)
		c.Get(ctx, o.url+"/slow").Await(ctx)
		f := c.Get(ctx, o.url+"/given-up")
		select {
		case <-arrived: // a request that is cancelled before has no span
		case <-f.Done(): // it took too long
		}
		f.Cancel(nil)
		f.Await(ctx)
		c.Get(ctx, "http://127.0.0.3:1/").Await(ctx)
	})
	spans := r.all()
	if len(spans) != 4 {
		t.Fatalf("%d spans", len(spans))
	}
	r.wantAttrs(spans[0], "error.type", "connection_refused", "server.port", "1")
	r.wantAttrs(spans[1], "error.type", "timeout")
	for _, s := range spans {
		for _, text := range []string{s.Status.Description, attr(s.Attributes, "url.full")} {
			if strings.Contains(text, "secret=1") {
				t.Errorf("a span has the query: %s", text)
			}
		}
	}
	_, points := r.metric("http.client.request.duration")
	refused := "error.type=connection_refused,http.request.method=GET,server.address=127.0.0.1,server.port=1,url.scheme=http: 1"
	beyond := "error.type=connection_refused,http.request.method=GET,server.address=_OTHER,url.scheme=http: 1"
	if all := strings.Join(points, "\n"); !strings.Contains(all, refused) || !strings.Contains(all, beyond) {
		t.Errorf("the metric is\n%s\nwant with\n%s\n%s", all, refused, beyond)
	}
}

// The metric of a client has the convention's name and unit.
func TestClientMetric(t *testing.T) {
	r := newRig(t)
	c := new(httpx.Client)
	var port string
	r.ask(false, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, c, func(ctx context.Context, o *origin) {
		port = o.url[strings.LastIndexByte(o.url, ':')+1:]
		c.Get(ctx, o.url+"/").Await(ctx)
	})
	m := r.wantMetric("http.client.request.duration",
		"error.type=404,http.request.method=GET,http.response.status_code=404,network.protocol.version=1.1,server.address=127.0.0.1,server.port="+port+",url.scheme=http: 1")
	if m.Unit != (httpconv.ClientRequestDuration{}).Unit() || m.Name != (httpconv.ClientRequestDuration{}).Name() {
		t.Errorf("the metric is %s in %q", m.Name, m.Unit)
	}
}

// The body of a response that ends HTTP is passed on as it is.
func TestClientUpgrade(t *testing.T) {
	r := newRig(t)
	c := new(httpx.Client)
	r.Select = func(aio.Ref) bool { return false }
	r.Client(c)
	r.run(new(aio.Loop), func(ctx context.Context) error {
		s, err := httpx.Serve(ctx, "127.0.0.1:0", func(q *httpx.Request) {
			if up, err := q.Upgrade(nil); err == nil {
				up.SendString("hai")
				up.CloseAfterFlush()
			}
		})
		if err != nil {
			return err
		}
		defer s.Close()
		req, err := http.NewRequest("GET", "http://"+s.Addr().String()+"/", nil)
		if err != nil {
			return err
		}
		req.Header.Set("Connection", "upgrade")
		req.Header.Set("Upgrade", "mine")
		st, err := c.Stream(ctx, req).Await(ctx)
		if err != nil {
			return err
		}
		defer st.Body.Close()
		if _, ok := st.Body.(interface{ CloseWrite() error }); !ok {
			t.Errorf("the body is a %T", st.Body)
		}
		text, err := io.ReadAll(st.Body)
		if string(text) != "hai" {
			t.Errorf("got %q", text)
		}
		return err
	})
	r.want("GET: client in none")
	r.wantAttrs(r.all()[0], "http.response.status_code", "101", "error.type", "")
}

// A request that passes from server to server is one trace, with the lookups
// and dials of clients in it.
func TestEndToEnd(t *testing.T) {
	r := newRig(t)
	c := new(httpx.Client)
	r.Client(c)
	var back, front httpx.Server
	back.Handle = func(q *httpx.Request) { q.RespondString(200, "hai") }
	front.Handle = func(q *httpx.Request) {
		aio.Spawn(q.Context(), "forward", func(ctx context.Context) error {
			resp, err := c.Get(ctx, "http://"+back.Addr().String()+"/").Await(ctx)
			if err != nil {
				return err
			}
			q.Respond(resp.Status, nil, resp.Body)
			return nil
		})
	}
	r.Server(&back)
	r.Server(&front)
	r.run(new(aio.Loop), func(ctx context.Context) error {
		for _, s := range []*httpx.Server{&back, &front} {
			if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
				return err
			}
			defer s.Close()
		}
		defer c.CloseIdleConnections()
		resp, err := c.Get(ctx, "http://"+front.Addr().String()+"/").Await(ctx)
		if err == nil && string(resp.Body) != "hai" {
			t.Errorf("got %q", resp.Body)
		}
		return err
	})
	var kinds []string
	up := map[trace.SpanID]trace.SpanID{}
	for _, s := range r.all() {
		up[s.SpanContext.SpanID()] = s.Parent.SpanID()
		kinds = append(kinds, s.SpanKind.String())
		if s.SpanContext.TraceID() != r.all()[0].SpanContext.TraceID() {
			t.Errorf("%s is in another trace", s.Name)
		}
	}
	// that of the second server
	last := r.all()[len(r.all())-1].SpanContext.SpanID()
	depth := 0
	for at := last; at.IsValid(); at = up[at] {
		depth++
	}
	if all := strings.Join(kinds, " "); depth != 5 || strings.Count(all, "client") != 2 || strings.Count(all, "server") != 2 {
		t.Errorf("a trace %d deep:\n%s", depth, r.tree())
	}
	if n := strings.Count(r.tree(), "127.0.0.1:"); n < 2 {
		t.Errorf("%d dials:\n%s", n, r.tree())
	}
}

// Lookups are spans within a trace, and are counted in any case, with their
// errors, and with their names if that is wanted.
func TestLookups(t *testing.T) {
	for _, named := range []bool{false, true} {
		r := newRig(t)
		r.LookupNames = named
		r.run(new(aio.Loop), func(ctx context.Context) error {
			s := &dnsserver.Server{Zone: "a.test. 7 A 192.0.2.7"}
			if err := s.Start(); err != nil {
				return err
			}
			defer s.Close()
			res := &dnsx.Resolver{Servers: []string{s.Addr()}}
			res.Lookup(ctx, "a.test.").Await(ctx)
			ctx, root := r.own.Start(ctx, "root")
			defer root.End()
			if _, err := res.Lookup(ctx, "none.test.").Await(ctx); err == nil {
				t.Error("no error")
			}
			return nil
		})
		r.wantAttrs(r.find("lookup none.test."), "dns.question.name", "none.test", "error.type", "dns")
		if got := r.find("lookup none.test.").Parent.SpanID(); got != r.find("root").SpanContext.SpanID() {
			t.Errorf("the lookup's span is below %v", got)
		}
		want := []string{": 1", "error.type=dns: 1"}
		if named {
			want = []string{"dns.question.name=a.test: 1", "dns.question.name=none.test,error.type=dns: 1"}
		}
		m := r.wantMetric("dns.lookup.duration", want...)
		if m.Unit != (dnsconv.LookupDuration{}).Unit() {
			t.Errorf("the unit is %q", m.Unit)
		}
	}
}
