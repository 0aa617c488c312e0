package httpx_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// TestDonePanics checks that a panic in Done is an event about the request, and
// that the response and the connection are as they would be without.
func TestDonePanics(t *testing.T) {
	for name, v := range map[string]any{"error": errTest, "string": "text", "nil": nil} {
		for style, s := range map[string]func() *httpx.Server{
			"Handle":  func() *httpx.Server { return &httpx.Server{Handle: answers} },
			"Handler": handler(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hai") }),
		} {
			t.Run(name+"/"+style, func(t *testing.T) {
				rec, served := new(aiotest.Recorder), 0
				inBubbles(t, func() *httpx.Server {
					s := s()
					s.ReadyPath = "/ready"
					s.Done = func(httpx.RequestStats) { panic(v) }
					return s
				}, func(b *rig) {
					b.loop.CatchPanics, b.loop.OnEvent = true, rec.OnEvent
					for _, path := range []string{"/events/a", "/ready", "/events/b"} {
						resp := b.get(b.ctx, path)
						io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
						if resp.StatusCode != 200 || resp.Close {
							b.Errorf("%s got %d, close %v", path, resp.StatusCode, resp.Close)
						}
					}
					synctest.Wait()
				})
				for _, e := range rec.Events() {
					var p *aio.PanicError
					if !errors.As(e.Err, &p) || !e.Served || e.Op.Kind.String() != "http.request.in" {
						t.Errorf("event %v about %v, served %v", e.Err, e.Op, e.Served)
						continue
					}
					if _, isNil := p.Value.(*runtime.PanicNilError); p.Value != v && !(v == nil && isNil) {
						t.Errorf("the panic's value is %v", p.Value)
					}
					served++
				}
				if served != 6 {
					t.Errorf("%d events of panics, want 3 for each version of HTTP", served)
				}
			})
		}
	}
}

// TestDonePanicOfRefused is TestDonePanics for a header that is refused.
func TestDonePanicOfRefused(t *testing.T) {
	s := &httpx.Server{Handle: answers, Done: func(httpx.RequestStats) { panic(errTest) }}
	events(t, s, func(addr string, rec *aiotest.Recorder) {
		c := dialRaw(t, addr)
		defer c.Close()
		c.say("nonsense\r\n\r\n")
		if resp, _ := c.response("GET"); resp.StatusCode != 400 {
			t.Errorf("got %d", resp.StatusCode)
		}
		c.closed()
		if e := rec.Wait(t, 1)[0]; !errors.Is(e.Err, errTest) || !e.Served {
			t.Errorf("event %v, served %v", e.Err, e.Served)
		}
	})
}

type tenantKey struct{}

// TestRequestContext checks that a request has the values of RequestContext's
// context, and so has Done, over both versions of HTTP.
func TestRequestContext(t *testing.T) {
	seen := func(ctx context.Context, w io.Writer) {
		tenant, _ := ctx.Value(tenantKey{}).(string)
		below, _ := aio.Go(ctx, "below", func(ctx context.Context) (string, error) {
			tenant, _ := ctx.Value(tenantKey{}).(string)
			return tenant, nil
		}).Await(ctx)
		io.WriteString(w, tenant+" "+below)
	}
	for style, s := range map[string]func() *httpx.Server{
		"Handle": func() *httpx.Server {
			return &httpx.Server{Handle: func(r *httpx.Request) {
				var b strings.Builder
				seen(r.Context(), &b)
				seen(r.Std().Context(), &b)
				r.RespondString(200, b.String())
			}}
		},
		"Handler": handler(func(w http.ResponseWriter, r *http.Request) {
			seen(r.Context(), w)
			seen(r.Context(), w)
		}),
	} {
		t.Run(style, func(t *testing.T) {
			calls := make(told, 10)
			inBubbles(t, func() *httpx.Server {
				s := s()
				s.Done = func(s httpx.RequestStats) { calls <- s }
				s.RequestContext = func(ctx context.Context, h httpx.RequestHead) context.Context {
					if h.Method() != "GET" || h.Path() != "/events/a%20b" || h.Query() != "q=1" || h.Host() != "server" ||
						h.Header().Get("X-Tenant") != "acme" || h.Field("x-tenant") != "acme" || h.TLS() || h.Remote() == "" ||
						!strings.HasPrefix(h.Proto(), "HTTP/") {
						t.Errorf("the head is %s %s?%s %s %s %v", h.Method(), h.Path(), h.Query(), h.Host(), h.Proto(), h.Header())
					}
					return context.WithValue(ctx, tenantKey{}, h.Field("X-Tenant"))
				}
				return s
			}, func(b *rig) {
				resp := b.get(b.ctx, "/events/a%20b?q=1", "X-Tenant: acme")
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if string(body) != "acme acmeacme acme" || err != nil {
					b.Errorf("the body is %q, %v", body, err)
				}
				if tenant := calls.next(b).Context.Value(tenantKey{}); tenant != "acme" {
					b.Errorf("Done's context has %v", tenant)
				}
			})
		})
	}
}

// TestRequestContextEnds checks that a request ends with a context returned by
// RequestContext that ends on its own.
func TestRequestContextEnds(t *testing.T) {
	calls := make(told, 10)
	var end context.CancelCauseFunc
	inBubbles(t, func() *httpx.Server {
		return &httpx.Server{
			Handle: later, Done: func(s httpx.RequestStats) { calls <- s },
			RequestContext: func(ctx context.Context, _ httpx.RequestHead) context.Context {
				ctx, end = context.WithCancelCause(ctx)
				return ctx
			},
		}
	}, func(b *rig) {
		failed := make(chan error, 1)
		go func() {
			resp, err := b.web.Get("http://server/")
			if err == nil {
				resp.Body.Close()
			}
			failed <- err
		}()
		synctest.Wait()
		end(errTest)
		if err := <-failed; err == nil {
			b.Error("the request was answered")
		}
		doneWant{0, httpx.OutcomeAborted, 0, errTest}.check(b, calls)
	})
}

// TestRequestContextPanics checks that a panic in RequestContext, and a context
// that is not derived from the given one, are answered with 500, and that Done
// is called.
func TestRequestContextPanics(t *testing.T) {
	for name, hook := range map[string]func(ctx context.Context, h httpx.RequestHead) context.Context{
		"panic":   func(context.Context, httpx.RequestHead) context.Context { panic(errTest) },
		"nil":     func(context.Context, httpx.RequestHead) context.Context { return nil },
		"foreign": func(context.Context, httpx.RequestHead) context.Context { return context.Background() },
	} {
		for style, s := range map[string]func() *httpx.Server{
			"Handle":  func() *httpx.Server { return &httpx.Server{Handle: answers} },
			"Handler": handler(func(http.ResponseWriter, *http.Request) {}),
		} {
			t.Run(name+"/"+style, func(t *testing.T) {
				calls, rec := make(told, 10), new(aiotest.Recorder)
				inBubbles(t, func() *httpx.Server {
					s := s()
					s.Done, s.RequestContext = func(s httpx.RequestStats) { calls <- s }, hook
					return s
				}, func(b *rig) {
					b.loop.CatchPanics, b.loop.OnEvent = true, rec.OnEvent
					resp := b.get(b.ctx, "/")
					resp.Body.Close()
					synctest.Wait()
					s := calls.next(b)
					if resp.StatusCode != 500 || s.Status != 500 || s.Outcome != httpx.OutcomePanicked {
						b.Errorf("got %d, Done was told of %d, %v, %v", resp.StatusCode, s.Status, s.Outcome, s.Err)
					}
				})
				for _, e := range rec.Events() {
					var p *aio.PanicError
					if !errors.As(e.Err, &p) || !e.Served || name == "panic" && !strings.Contains(string(p.Stack), "TestRequestContextPanics") {
						t.Errorf("event %v, served %v", e.Err, e.Served)
					}
				}
				if n := len(rec.Events()); n != 2 {
					t.Errorf("%d events, want one for each version of HTTP", n)
				}
			})
		}
	}
}
