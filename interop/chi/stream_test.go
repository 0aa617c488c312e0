package chi_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// wrapped is a router whose middleware puts a writer of its own around the
// server's.
func wrapped() *chi.Mux {
	r := chi.NewRouter()
	r.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(middleware.NewWrapResponseWriter(w, r.ProtoMajor), r)
		})
	})
	return r
}

// What is flushed arrives before the handler goes on.
func TestStream(t *testing.T) {
	more := make(chan struct{})
	r := wrapped()
	r.Get("/stream", func(w http.ResponseWriter, _ *http.Request) {
		for _, part := range []string{"one\n", "two\n", "three\n"} {
			io.WriteString(w, part)
			w.(http.Flusher).Flush()
			<-more
		}
	})
	onBoth(t, r, func(c *client) {
		resp, err := c.web.Get("http://" + c.addr + "/stream")
		if err != nil {
			c.Fatalf("c.web.Get: %v", err)
		}
		defer resp.Body.Close()
		lines := bufio.NewReader(resp.Body)
		for _, want := range []string{"one\n", "two\n", "three\n"} {
			if got, err := lines.ReadString('\n'); got != want || err != nil {
				c.Errorf("got %q, %v, want %q", got, err, want)
			}
			more <- struct{}{}
		}
		if rest, err := io.ReadAll(lines); len(rest) > 0 || err != nil {
			c.Errorf("at the end: %q, %v", rest, err)
		}
	})
}

// io.Copy to a response uses its ReadFrom, through the middleware.
func TestReadFrom(t *testing.T) {
	r := wrapped()
	r.Get("/copy", func(w http.ResponseWriter, _ *http.Request) {
		if _, ok := w.(io.ReaderFrom); !ok {
			t.Error("the writer has no ReadFrom")
		}
		if n, err := io.Copy(w, strings.NewReader(strings.Repeat("x", 300_000))); n != 300_000 || err != nil {
			t.Errorf("copied %d, %v", n, err)
		}
	})
	onBoth(t, r, func(c *client) {
		if _, text, err := c.do("GET", "/copy", ""); len(text) != 300_000 || err != nil {
			c.Errorf("%d bytes, %v", len(text), err)
		}
	})
}

// A handler takes the connection over, with what was sent on it already.
func TestHijack(t *testing.T) {
	r := wrapped()
	r.Get("/hijack", func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Errorf("Hijack: %v", err)
			return
		}
		defer conn.Close()
		line, err := rw.ReadString('\n')
		if err != nil {
			t.Errorf("rw.ReadString: %v", err)
		}
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: line\r\n\r\n"+line)
	})
	onBoth(t, r, func(c *client) {
		conn, in := c.raw("GET /hijack HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: line\r\n\r\nearly line\n")
		defer conn.Close()
		resp, err := http.ReadResponse(in, nil)
		if err != nil || resp.StatusCode != 101 {
			c.Fatalf("got %v, %v", resp, err)
		}
		if rest, err := io.ReadAll(in); string(rest) != "early line\n" || err != nil {
			c.Errorf("got %q, %v", rest, err)
		}
	})
}

// http.ResponseController finds the connection's deadlines through the
// middleware.
func TestDeadlines(t *testing.T) {
	r := wrapped()
	r.Post("/read", func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		if err := rc.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
			t.Errorf("rc.SetReadDeadline: %v", err)
		}
		if _, err := io.ReadAll(r.Body); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the body ended with %v", err)
		}
		io.WriteString(w, "too slow")
	})
	r.Get("/write", func(w http.ResponseWriter, _ *http.Request) {
		rc := http.NewResponseController(w)
		if err := rc.SetWriteDeadline(time.Now().Add(-time.Second)); err != nil {
			t.Errorf("rc.SetWriteDeadline: %v", err)
		}
		_, err := w.Write(make([]byte, 100_000))
		if err = errors.Join(err, rc.Flush()); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the write ended with %v", err)
		}
	})
	r.Post("/duplex", func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			t.Errorf("EnableFullDuplex: %v", err)
		}
		io.Copy(w, r.Body)
	})
	onBoth(t, r, func(c *client) {
		conn, in := c.raw("POST /read HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf.")
		defer conn.Close()
		if resp, err := http.ReadResponse(in, nil); err != nil || resp.StatusCode != 200 {
			c.Errorf("got %v, %v", resp, err)
		}
		if resp, text, err := c.do("GET", "/write", ""); err == nil {
			c.Errorf("got %v, %d bytes of a response that could not be written", resp, len(text))
		}
		c.expect("POST", "/duplex", strings.Repeat("y", 100_000), 200, strings.Repeat("y", 100_000))
	})
}
