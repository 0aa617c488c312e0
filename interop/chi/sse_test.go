package chi_test

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// events sends the topic that was asked for, and the next number, until the
// client is gone or the server drains.
func events(t *testing.T, ended chan<- error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s, err := httpx.SSE(w, r, 0)
		if err != nil {
			t.Errorf("httpx.SSE: %v", err)
			return
		}
		defer s.Close()
		if err := s.Send(httpx.ServerEvent{ID: s.LastEventID() + "1", Data: chi.URLParam(r, "topic")}); err != nil {
			t.Errorf("s.Send: %v", err)
		}
		select {
		case <-s.Gone():
			ended <- s.Send(httpx.ServerEvent{Data: "nobody"})
		case <-s.Draining():
			ended <- s.Send(httpx.ServerEvent{Data: "bye"})
		}
	}
}

// streaming is a router of h with middleware that wraps the writer: a
// compressor, which has Unwrap, and chi's own wrapper.
func streaming(h http.HandlerFunc) *chi.Mux {
	r := wrapped()
	r.Use(middleware.Recoverer, middleware.Compress(5, "text/plain"))
	r.Route("/events", func(r chi.Router) { r.Get("/{topic}", h) })
	return r
}

// listen asks for events, and checks the first.
func (c *client) listen() (in *bufio.Scanner, leave func()) {
	c.Helper()
	req, err := http.NewRequest("GET", "http://"+c.addr+"/events/weather", nil)
	if err != nil {
		c.Fatalf("http.NewRequest: %v", err)
	}
	req.Header.Set("Last-Event-ID", "4")
	resp, err := c.web.Do(req)
	if err != nil {
		c.Fatalf("c.web.Do: %v", err)
	}
	if ct := resp.Header.Get("Content-Type"); ct != "text/event-stream" {
		c.Errorf("Content-Type %q", ct)
	}
	in = bufio.NewScanner(resp.Body)
	for _, want := range []string{"id: 41", "data: weather", ""} {
		if !in.Scan() || in.Text() != want {
			c.Errorf("got %q, %v, want %q", in.Text(), in.Err(), want)
		}
	}
	return in, func() { resp.Body.Close() }
}

// Events come through chi's middleware, and the client's leaving is noticed.
func TestEvents(t *testing.T) {
	ended := make(chan error, 2)
	got := onBoth(t, streaming(events(t, ended)), func(c *client) {
		_, leave := c.listen()
		leave()
		err := <-ended
		if _, ok := errors.AsType[*aio.ConnError](err); !ok && !errors.Is(err, context.Canceled) {
			c.Errorf("Send to nobody: %v", err)
		}
	})
	if len(got) > 0 {
		t.Errorf("events: %v", got)
	}
}

// A drain of the loop reaches the handler, and the stream ends well.
func TestEventsDrain(t *testing.T) {
	ended := make(chan error, 1)
	l := new(aio.Loop)
	aiotest.RunLoop(t, l, func(ctx context.Context) error {
		s, err := httpx.ServeHandler(ctx, "127.0.0.1:0", streaming(events(t, ended)))
		if err != nil {
			return err
		}
		(&client{T: t, addr: s.Addr().String()}).run(func(c *client) {
			in, leave := c.listen()
			defer leave()
			l.Exit(nil)
			for _, want := range []string{"data: bye", ""} {
				if !in.Scan() || in.Text() != want {
					c.Errorf("got %q, %v, want %q", in.Text(), in.Err(), want)
				}
			}
			if in.Scan() || in.Err() != nil {
				c.Errorf("ended with %q, %v", in.Text(), in.Err())
			}
			if err := <-ended; err != nil {
				c.Errorf("Send: %v", err)
			}
		})
		return nil
	})
}
