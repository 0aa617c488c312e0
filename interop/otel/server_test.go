package otelaio_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/semconv/v1.43.0/httpconv"
	"go.opentelemetry.io/otel/trace"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
)

const (
	traceID  = "0af7651916cd43dd8448eb211c80319c"
	parentID = "b7ad6b7169203331"
	sampled  = "00-" + traceID + "-" + parentID + "-01"
)

// serve runs a server in a loop, both watched, and calls client with its
// address. All requests have ended when it returns.
func (r *rig) serve(s *httpx.Server, client func(addr string)) {
	r.Helper()
	s.H2C = true
	r.Server(s)
	l := &aio.Loop{CatchPanics: true, OnEvent: func(aio.Event) {}}
	r.run(l, func(ctx context.Context) error {
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		defer l.Exit(nil)
		client(s.Addr().String())
		return nil
	})
}

// request makes a request by one version of HTTP. fields are "name: value".
func request(t testing.TB, h2 bool, method, url string, fields ...string) int {
	t.Helper()
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetHTTP1(!h2)
	tr.Protocols.SetUnencryptedHTTP2(h2)
	defer tr.CloseIdleConnections()
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader("a body")
	}
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatalf("http.NewRequest: %v", err)
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		req.Header.Set(name, value)
	}
	resp, err := (&http.Client{Transport: tr, Timeout: patience}).Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// inside is what a handler does with a request's ctx: it starts an operation,
// and returns what it sees.
func inside(ctx context.Context) string {
	f := aio.Go(ctx, "work", func(ctx context.Context) (string, error) {
		sc := trace.SpanContextFromContext(ctx)
		return fmt.Sprintf("%s %s %s", sc.TraceID(), sc.TraceState(), baggage.FromContext(ctx).Member("user").Value()), nil
	})
	seen, _ := f.Await(ctx)
	return seen
}

// styles are the two styles of a server, with what is to be done in it.
func styles(fn func(ctx context.Context, path string) (status int)) map[string]func() *httpx.Server {
	return map[string]func() *httpx.Server{
		"Handle": func() *httpx.Server {
			return &httpx.Server{Handle: func(r *httpx.Request) {
				r.SetRoute("GET /users/{id}")
				r.RespondString(fn(r.Context(), r.Resource()), "hai")
			}}
		},
		"Handler": func() *httpx.Server {
			mux := http.NewServeMux()
			mux.HandleFunc("/users/{id}", func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(fn(r.Context(), r.URL.Path))
				io.WriteString(w, "hai")
			})
			return &httpx.Server{Handler: mux}
		},
	}
}

// A request's span is below the client's, its operations' spans below that, in
// both styles and over both versions of HTTP.
func TestServer(t *testing.T) {
	for style, server := range styles(func(ctx context.Context, path string) int {
		if seen := inside(ctx); seen != traceID+" vendor=1 ann" {
			t.Errorf("an operation of the request sees %q", seen)
		}
		return 200
	}) {
		for _, h2 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, HTTP/2 %v", style, h2), func(t *testing.T) {
				r := newRig(t)
				var addr string
				r.serve(server(), func(a string) {
					addr = a
					request(t, h2, "GET", "http://"+addr+"/users/7?token=s3cret", "traceparent: "+sampled, "tracestate: vendor=1", "baggage: user=ann", "User-Agent: test\xff")
				})
				r.want("GET /users/{id}: server in remote", "work: internal in GET /users/{id}")
				s, version := r.find("GET /users/{id}"), map[bool]string{false: "1.1", true: "2"}[h2]
				if s.Parent.SpanID().String() != parentID || s.SpanContext.TraceID().String() != traceID {
					t.Errorf("the parent is %v", s.Parent)
				}
				_, port, _ := net.SplitHostPort(addr)
				r.wantAttrs(s,
					"http.request.method", "GET", "http.route", "/users/{id}", "http.response.status_code", "200", "url.path", "/users/7",
					"url.query", "", "url.scheme", "http", "server.address", "127.0.0.1", "server.port", port, "client.address", "127.0.0.1",
					"network.protocol.version", version, "user_agent.original", "test\uFFFD", "http.response.body.size", "3",
					"error.type", "", "goaio.request.outcome", "")
				for _, a := range s.Attributes {
					if strings.Contains(a.Value.String(), "s3cret") {
						t.Errorf("%s has the query", a.Key)
					}
				}
				m := r.wantMetric("http.server.request.duration",
					"http.request.method=GET,http.response.status_code=200,http.route=/users/{id},network.protocol.version="+version+",url.scheme=http: 1")
				if m.Unit != (httpconv.ServerRequestDuration{}).Unit() || m.Name != (httpconv.ServerRequestDuration{}).Name() {
					t.Errorf("the metric is %s in %q", m.Name, m.Unit)
				}
				p := m.Data.(metricdata.Histogram[float64]).DataPoints[0]
				if want := []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}; !slices.Equal(p.Bounds, want) || p.Sum <= 0 {
					t.Errorf("the histogram has the sum %v and the bounds %v", p.Sum, p.Bounds)
				}
				if e := p.Exemplars; len(e) != 1 || fmt.Sprintf("%x", e[0].SpanID) != s.SpanContext.SpanID().String() {
					t.Errorf("the exemplars are %v", e)
				}
				r.wantMetric("http.server.active_requests", "http.request.method=GET,url.scheme=http: 0")
			})
		}
	}
}

// While a request is handled it counts as active.
func TestServerActive(t *testing.T) {
	r := newRig(t)
	r.ServerAddress = "api.example"
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		r.wantMetric("http.server.active_requests", "http.request.method=_OTHER,server.address=api.example,url.scheme=http: 1")
	})
	r.serve(&httpx.Server{Handler: mux}, func(addr string) { request(t, false, "BREW", "http://"+addr+"/coffee") })
	r.want("HTTP /: server in none")
	r.wantAttrs(r.find("HTTP /"), "http.request.method", "_OTHER", "http.request.method_original", "BREW")
	r.wantMetric("http.server.active_requests", "http.request.method=_OTHER,server.address=api.example,url.scheme=http: 0")
}

// How requests end.
func TestServerEnds(t *testing.T) {
	for _, c := range []struct {
		path     string
		do       func(r *httpx.Request)
		want     string
		status   string
		err, end string // error.type, goaio.request.outcome
	}{
		{"/404", func(r *httpx.Request) { r.RespondString(404, "") }, "GET: server in none", "404", "", ""},
		{"/503", func(r *httpx.Request) { r.RespondString(503, "") }, `GET: server in none, Error ""`, "503", "503", ""},
		{
			"/panic", func(*httpx.Request) { panic(errTest) },
			`GET: server in none, Error "", exception "aio: panic: test error"`, "500", "500", "panicked",
		},
		{
			"/panic-late", func(r *httpx.Request) {
				r.Start(200, nil)
				panic(errTest)
			},
			`GET: server in none, Error "", exception "aio: panic: test error"`, "200", "panic", "panicked",
		},
		{
			"/abort", func(*httpx.Request) { panic(http.ErrAbortHandler) },
			`GET: server in none, Error "", exception "net/http: abort Handler"`, "", "aborted", "aborted",
		},
		{"/large", func(r *httpx.Request) {}, "POST: server in none", "413", "", "refused"},
	} {
		t.Run(c.path, func(t *testing.T) {
			r := newRig(t)
			r.serve(&httpx.Server{MaxBody: 1, Handle: c.do}, func(addr string) {
				method := "GET"
				if c.path == "/large" {
					method = "POST"
				}
				request(t, false, method, "http://"+addr+c.path)
			})
			r.want(c.want)
			r.wantAttrs(r.all()[0], "http.response.status_code", c.status, "error.type", c.err, "goaio.request.outcome", c.end)
			if _, points := r.metric("http.server.request.duration"); len(points) != 1 || strings.Contains(points[0], "error.type="+c.err) != (c.err != "") {
				t.Errorf("the metric is %v", points)
			}
		})
	}
}

// What is refused counts, with nothing of what the client has sent, and probes
// make no span.
func TestServerRefused(t *testing.T) {
	r := newRig(t)
	r.serve(&httpx.Server{ReadyPath: "/ready", Handle: func(*httpx.Request) {}}, func(addr string) {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatalf("net.Dial: %v", err)
		}
		defer c.Close()
		io.WriteString(c, "GET / HTTP/1.1\r\nHost : evil\r\n\r\n")
		io.Copy(io.Discard, bufio.NewReader(c))
		for _, h2 := range []bool{false, true} {
			request(t, h2, "GET", "http://"+addr+"/ready")
		}
	})
	r.want()
	r.wantMetric("http.server.request.duration",
		"http.request.method=_OTHER,http.response.status_code=400,url.scheme=http: 1",
		"http.request.method=GET,http.response.status_code=200,http.route=/ready,network.protocol.version=1.1,url.scheme=http: 1",
		"http.request.method=GET,http.response.status_code=200,http.route=/ready,network.protocol.version=2,url.scheme=http: 1")
	if _, points := r.metric("http.server.active_requests"); len(points) != 0 {
		t.Errorf("active requests: %v", points)
	}
}

// A public server does not follow its clients, but links to them.
func TestServerPublic(t *testing.T) {
	for _, sampler := range []sdktrace.Sampler{sdktrace.AlwaysSample(), sdktrace.ParentBased(sdktrace.NeverSample())} {
		r := newRig(t, sdktrace.WithSampler(sampler))
		r.Public = true
		r.serve(&httpx.Server{Handle: func(q *httpx.Request) {
			if trace.SpanContextFromContext(q.Context()).TraceID().String() == traceID {
				t.Error("the request goes on with the client's trace")
			}
			inside(q.Context())
			q.RespondString(200, "")
		}}, func(addr string) { request(t, false, "GET", "http://"+addr+"/", "traceparent: "+sampled) })
		if sampler.Description() == "AlwaysOnSampler" {
			r.want("GET: server in none, linked to remote", "work: internal in GET")
		} else {
			r.want() // though the client has asked for it
		}
	}
}

// A trace that the client does not sample is not sampled here, and a malformed
// one is none.
func TestServerParentBased(t *testing.T) {
	r := newRig(t)
	r.serve(&httpx.Server{Handle: func(q *httpx.Request) {
		inside(q.Context())
		q.RespondString(200, "")
	}}, func(addr string) {
		request(t, false, "GET", "http://"+addr+"/", "traceparent: "+strings.TrimSuffix(sampled, "1")+"0")
		request(t, false, "GET", "http://"+addr+"/", "traceparent: 00-nonsense")
	})
	r.want("GET: server in none", "work: internal in GET")
	r.wantMetric("http.server.request.duration",
		"http.request.method=GET,http.response.status_code=200,network.protocol.version=1.1,url.scheme=http: 2")
}

// Functions of the program's that are set before are called too.
func TestServerChains(t *testing.T) {
	r := newRig(t)
	done := 0
	s := &httpx.Server{
		Handle: func(q *httpx.Request) { q.RespondString(200, "") },
		RequestContext: func(ctx context.Context, _ httpx.RequestHead) context.Context {
			ctx, span := r.own.Start(ctx, "mine")
			span.End()
			return ctx
		},
		Done: func(s httpx.RequestStats) {
			done++
			if !trace.SpanContextFromContext(s.Context).IsValid() {
				t.Error("Done's context has no span")
			}
		},
	}
	r.serve(s, func(addr string) { request(t, false, "GET", "http://"+addr+"/") })
	r.want("mine: internal in none", "GET: server in mine")
	if done != 1 {
		t.Errorf("Done was called %d times", done)
	}
}
