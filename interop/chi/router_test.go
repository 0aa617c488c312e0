package chi_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
	"goaio.example/aio/timer"
)

// site is a router as people write them: middleware, subrouters, parameters.
func site() *chi.Mux {
	r := chi.NewRouter()
	r.Use(middleware.RequestID, middleware.Recoverer, middleware.CleanPath, middleware.Heartbeat("/ping"))
	r.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Request", fmt.Sprint(middleware.GetReqID(r.Context()) != ""))
			next.ServeHTTP(w, r)
		})
	})
	r.Route("/users/{user}", func(r chi.Router) {
		r.Get("/", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s %s", chi.URLParam(r, "user"), r.PathValue("user"))
		})
		r.Get("/files/*", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s of %s", chi.URLParam(r, "*"), chi.URLParam(r, "user"))
		})
		r.With(middleware.AllowContentType("text/plain")).Put("/", func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 8))
			if err != nil {
				http.Error(w, "too large", http.StatusRequestEntityTooLarge)
				return
			}
			w.WriteHeader(http.StatusCreated)
			w.Write(body)
		})
	})
	r.With(middleware.BasicAuth("site", map[string]string{"anna": "secret"})).
		Get("/private", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello anna") })
	r.Mount("/number", numbers())
	r.With(middleware.Compress(5)).Get("/long", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, strings.Repeat("long ", 10_000))
	})
	r.NotFound(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "nothing at "+r.URL.Path, 404) })
	return r
}

// numbers is a router that is mounted in another.
func numbers() *chi.Mux {
	r := chi.NewRouter()
	r.Get("/{n:[0-9]+}", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, chi.URLParam(r, "n")) })
	return r
}

func TestRouter(t *testing.T) {
	events := onBoth(t, site(), func(c *client) {
		if resp := c.expect("GET", "/users/anna", "", 200, "anna anna"); resp.Header.Get("X-Request") != "true" {
			c.Errorf("header: %v", resp.Header)
		}
		c.expect("GET", "/users/a%20b//files/x/y.txt?q=1", "", 200, "x/y.txt of a b")
		c.expect("PUT", "/users/anna/", "8 bytes.", 201, "8 bytes.", "Content-Type: text/plain")
		c.expect("PUT", "/users/anna/", "9 bytes..", 413, "too large\n", "Content-Type: text/plain")
		c.expect("PUT", "/users/anna/", "{}", 415, "", "Content-Type: application/json")
		c.expect("GET", "/number/42", "", 200, "42")
		c.expect("GET", "/number/x", "", 404, "nothing at /number/x\n")
		c.expect("GET", "/ping", "", 200, ".")
		c.expect("HEAD", "/ping", "", 200, "")
		c.expect("GET", "/private", "", 401, "")
		c.expect("GET", "/private", "", 200, "hello anna", "Authorization: Basic YW5uYTpzZWNyZXQ=")
		if resp := c.expect("DELETE", "/users/anna", "", 405, ""); len(resp.Header["Allow"]) == 0 {
			c.Errorf("405 without Allow: %v", resp.Header)
		}
	})
	if len(events) > 0 {
		t.Errorf("events: %v", events)
	}
}

func TestCompress(t *testing.T) {
	onBoth(t, site(), func(c *client) {
		resp, text, err := c.do("GET", "/long", "", "Accept-Encoding: gzip")
		if err != nil || resp.Header.Get("Content-Encoding") != "gzip" || len(text) > 1000 {
			c.Fatalf("%d bytes, %v, %v", len(text), resp, err)
		}
		z, err := gzip.NewReader(strings.NewReader(text))
		if err != nil {
			c.Fatalf("gzip.NewReader: %v", err)
		}
		if plain, err := io.ReadAll(z); len(plain) != 50_000 || err != nil {
			c.Errorf("%d bytes, %v", len(plain), err)
		}
	})
}

// What a handler starts with its request's ctx, which chi and middleware have
// wrapped by then, belongs to the request; and a request that is being handled
// when the loop drains is answered.
func TestContext(t *testing.T) {
	l := new(aio.Loop)
	r := chi.NewRouter()
	r.Use(middleware.WithValue("key", "value"), middleware.Timeout(time.Minute))
	r.Get("/later/{what}", func(w http.ResponseWriter, r *http.Request) {
		wait := timer.After(r.Context(), 10*time.Millisecond)
		l.Exit(nil) // drops timers that are nobody's
		if _, err := wait.Await(r.Context()); err != nil {
			t.Errorf("wait.Await: %v", err)
		}
		for op := range l.Ops() {
			if op.Kind.String() == "http.request.in" && op.Name != "GET /later/it" {
				t.Errorf("a request's name is %q", op.Name)
			}
		}
		fmt.Fprint(w, chi.URLParam(r, "what"), r.Context().Value("key"))
	})
	aiotest.RunLoop(t, l, func(ctx context.Context) error {
		s, err := httpx.ServeHandler(ctx, "127.0.0.1:0", r)
		if err != nil {
			return err
		}
		(&client{T: t, addr: s.Addr().String()}).run(func(c *client) {
			if resp := c.expect("GET", "/later/it", "", 200, "itvalue"); !resp.Close {
				c.Error("the last answer of a connection does not say so")
			}
		})
		return nil
	})
}

var kindNever = aio.NewKind("test.never")

// Middleware that ends the ctx of a request that takes too long has it end in
// goaio's operations too.
func TestTimeout(t *testing.T) {
	r := chi.NewRouter()
	r.Use(middleware.Timeout(10 * time.Millisecond))
	r.Get("/", func(w http.ResponseWriter, r *http.Request) {
		if aio.LoopOf(r.Context()) != nil {
			p := aio.NewPromise[int](r.Context(), kindNever, "never")
			if _, err := p.Future().Result(); err != aio.ErrPending {
				t.Errorf("got %v before the end", err)
			}
			<-p.Future().Done() // cancelled with the ctx
		}
		<-r.Context().Done()
	})
	onBoth(t, r, func(c *client) { c.expect("GET", "/", "", 504, "") })
}

// HTTP/2 without TLS has the same router.
func TestHTTP2(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		s := &httpx.Server{Handler: site(), H2C: true}
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		defer aio.LoopOf(ctx).Exit(nil)
		(&client{T: t, addr: s.Addr().String()}).run(func(c *client) {
			p := new(http.Protocols)
			p.SetUnencryptedHTTP2(true)
			c.web.Transport.(*http.Transport).Protocols = p
			if resp := c.expect("GET", "/users/anna", "", 200, "anna anna"); resp.ProtoMajor != 2 {
				c.Errorf("protocol %s", resp.Proto)
			}
			c.expect("PUT", "/users/anna/", "8 bytes.", 201, "8 bytes.", "Content-Type: text/plain")
			c.expect("GET", "/number/x", "", 404, "nothing at /number/x\n")
		})
		return nil
	})
}
