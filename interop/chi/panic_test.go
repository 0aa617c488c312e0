package chi_test

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"goaio.example/aio"
)

// failing has handlers that panic.
func failing(r chi.Router) {
	r.Get("/abort", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "part of it")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	r.Get("/panic", func(http.ResponseWriter, *http.Request) { panic("boom") })
	r.Get("/well", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "well") })
}

// http.ErrAbortHandler cuts the response off, with and without middleware that
// recovers, and is no event.
func TestAbort(t *testing.T) {
	recovering := chi.NewRouter()
	recovering.Use(middleware.Recoverer)
	for _, r := range []*chi.Mux{chi.NewRouter(), recovering} {
		failing(r)
		events := onBoth(t, r, func(c *client) {
			_, text, err := c.do("GET", "/abort", "")
			if text != "part of it" || err == nil {
				c.Errorf("got %q, %v", text, err)
			}
			c.expect("GET", "/well", "", 200, "well")
		})
		if len(events) > 0 {
			t.Errorf("events: %v", events)
		}
	}
}

// A panic that the router's middleware recovers from is nobody else's.
func TestRecoverer(t *testing.T) {
	r := chi.NewRouter()
	r.Use(middleware.Recoverer)
	failing(r)
	events := onBoth(t, r, func(c *client) {
		c.expect("GET", "/panic", "", 500, "")
		c.expect("GET", "/well", "", 200, "well")
	})
	if len(events) > 0 {
		t.Errorf("events: %v", events)
	}
}

// Without it the panic is an event of goaio's, and the client gets 500, where
// net/http's server just hangs up.
func TestPanic(t *testing.T) {
	r := chi.NewRouter()
	failing(r)
	events := onBoth(t, r, func(c *client) {
		resp, _, err := c.do("GET", "/panic", "")
		if err == nil && resp.StatusCode != 500 {
			c.Errorf("got %v", resp)
		}
		c.expect("GET", "/well", "", 200, "well")
	})
	if len(events) != 1 {
		t.Fatalf("events: %v", events)
	}
	if p, ok := errors.AsType[*aio.PanicError](events[0].Err); !ok || p.Value != "boom" {
		t.Errorf("event: %v", events[0].Err)
	}
}
