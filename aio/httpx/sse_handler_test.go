package httpx_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
)

// TestSSE checks what is on the wire, behind a router and middleware, and the
// errors of a stream that is used wrongly.
func TestSSE(t *testing.T) {
	events := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-A", "b")
		s, err := httpx.SSE(w, r, -1)
		if err != nil {
			t.Errorf("httpx.SSE: %v", err)
			return
		}
		if err := s.Send(httpx.ServerEvent{ID: "a\nb"}); !errors.Is(err, httpx.ErrBadEvent) {
			t.Errorf("a bad event: %v", err)
		}
		for _, e := range []httpx.ServerEvent{
			{Data: r.PathValue("topic")},
			{ID: s.LastEventID() + "+1", Type: "news", Data: "a\nb", Retry: 1500 * time.Millisecond},
		} {
			if err := s.Send(e); err != nil {
				t.Errorf("s.Send: %v", err)
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("s.Close: %v", err)
		}
		if err := s.Send(httpx.ServerEvent{Data: "late"}); !errors.Is(err, aio.ErrClosed) {
			t.Errorf("Send after Close: %v", err)
		}
		if err := s.Close(); !errors.Is(err, aio.ErrClosed) {
			t.Errorf("second Close: %v", err)
		}
		if r.Context().Value(ours) == nil {
			return
		}
		if _, err := httpx.SSE(w, r, -1); !errors.Is(err, httpx.ErrResponded) {
			t.Errorf("second SSE: %v", err)
		}
	}
	check := func(b *rig) {
		resp := b.get(context.Background(), "/events/weather", "Last-Event-ID: 41")
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		want := "data: weather\n\nid: 41+1\nevent: news\nretry: 1500\ndata: a\ndata: b\n\n"
		if string(body) != want || err != nil {
			b.Errorf("got %q, %v, want %q", body, err, want)
		}
		h := resp.Header
		if resp.StatusCode != 200 || h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-cache" || h.Get("X-A") != "b" {
			b.Errorf("got %d, %v", resp.StatusCode, h)
		}
	}
	t.Run("ServeHandler", func(t *testing.T) {
		inBubbles(t, handler(func(w http.ResponseWriter, r *http.Request) {
			events(w, r.WithContext(context.WithValue(r.Context(), ours, true)))
		}), check)
	})
	t.Run("net/http", func(t *testing.T) {
		onOwnServer(t, func() *http.Server { return &http.Server{Handler: behind(events)} }, check)
	})
	t.Run("recorder", func(t *testing.T) {
		w := httptest.NewRecorder()
		behind(events).ServeHTTP(w, httptest.NewRequest("GET", "/events/x", nil))
		if !w.Flushed || w.Code != 200 {
			t.Errorf("got %d, flushed %v", w.Code, w.Flushed)
		}
	})
}

// ours is the key under which a request's ctx says that the server is httpx's.
var ours = new(byte)

// TestSSEHeartbeat checks that a comment is sent when nothing was for 15 s.
func TestSSEHeartbeat(t *testing.T) {
	beat := func(w http.ResponseWriter, r *http.Request) {
		s, err := httpx.SSE(w, r, 0)
		if err != nil {
			t.Errorf("httpx.SSE: %v", err)
			return
		}
		defer s.Close()
		time.Sleep(20 * time.Second)
		if err := s.Send(httpx.ServerEvent{Data: "x"}); err != nil {
			t.Errorf("s.Send: %v", err)
		}
		<-s.Gone()
	}
	check := func(b *rig) {
		ctx, cancel := context.WithCancel(context.Background())
		begun := time.Now()
		resp := b.get(ctx, "/events/x")
		in := bufio.NewScanner(resp.Body)
		for _, want := range []struct {
			text string
			at   int // seconds
		}{{":", 15}, {"data: x", 20}, {":", 35}, {":", 50}} {
			line(b, in, want.text)
			if at := time.Since(begun); at != time.Duration(want.at)*time.Second {
				b.Errorf("%q came after %v, want %d s", want.text, at, want.at)
			}
			line(b, in, "")
		}
		cancel()
		resp.Body.Close()
	}
	t.Run("ServeHandler", func(t *testing.T) { inBubbles(t, handler(beat), check) })
	t.Run("net/http", func(t *testing.T) {
		// WriteTimeout would end the stream.
		onOwnServer(t, func() *http.Server { return &http.Server{Handler: behind(beat), WriteTimeout: 40 * time.Second} }, check)
	})
}

// TestSSEClientLeaves checks that a client that is gone ends a stream.
func TestSSEClientLeaves(t *testing.T) {
	var begun chan struct{}
	var ended chan error
	untilGone := func(w http.ResponseWriter, r *http.Request) {
		s, err := httpx.SSE(w, r, 0)
		if err != nil {
			t.Errorf("httpx.SSE: %v", err)
			return
		}
		defer s.Close()
		close(begun)
		<-s.Gone()
		ended <- s.Send(httpx.ServerEvent{Data: "x"})
	}
	leave := func(b *rig) error {
		begun, ended = make(chan struct{}), make(chan error, 1)
		ctx, cancel := context.WithCancel(context.Background())
		resp := b.get(ctx, "/events/x")
		<-begun
		cancel()
		resp.Body.Close()
		return <-ended
	}
	t.Run("ServeHandler", func(t *testing.T) {
		inBubbles(t, handler(untilGone), func(b *rig) {
			if _, ok := errors.AsType[*aio.ConnError](leave(b)); !ok {
				b.Error("Send did not fail with a condition")
			}
		})
	})
	t.Run("net/http", func(t *testing.T) {
		onOwnServer(t, func() *http.Server { return &http.Server{Handler: behind(untilGone)} }, func(b *rig) {
			if err := leave(b); !errors.Is(err, context.Canceled) {
				b.Errorf("Send: %v", err)
			}
		})
	})
}

// TestSSEDrain checks that a stream learns of the drain of its loop or its
// server, and ends cleanly.
func TestSSEDrain(t *testing.T) {
	for name, drain := range map[string]func(b *rig){
		"loop":   func(b *rig) { b.loop.Exit(nil) },
		"server": func(b *rig) { go b.server.Shutdown(context.WithoutCancel(b.ctx)) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubbles(t, handler(func(w http.ResponseWriter, r *http.Request) {
				s, err := httpx.SSE(w, r, 0)
				if err != nil {
					t.Errorf("httpx.SSE: %v", err)
					return
				}
				defer s.Close()
				select {
				case <-s.Draining():
					t.Error("Draining is closed before the drain")
				default:
				}
				s.Send(httpx.ServerEvent{Data: "hello"})
				<-s.Draining()
				time.Sleep(5 * time.Second)
				s.Send(httpx.ServerEvent{Data: "bye"})
			}), func(b *rig) {
				resp := b.get(context.Background(), "/events/x")
				defer resp.Body.Close()
				in := bufio.NewScanner(resp.Body)
				line(b, in, "data: hello")
				drain(b)
				line(b, in, "")
				line(b, in, "data: bye")
				line(b, in, "")
				if in.Scan() || in.Err() != nil {
					b.Errorf("ended with %q, %v", in.Text(), in.Err())
				}
			})
		})
	}
}

// TestSSEContextEnds checks that a ctx that middleware has ended ends a stream.
func TestSSEContextEnds(t *testing.T) {
	inBubbles(t, handler(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeoutCause(r.Context(), 10*time.Second, errEnough)
		defer cancel()
		s, err := httpx.SSE(w, r.WithContext(ctx), 0)
		if err != nil {
			t.Errorf("httpx.SSE: %v", err)
			return
		}
		defer s.Close()
		<-s.Gone()
		if err := s.Send(httpx.ServerEvent{Data: "x"}); err != errEnough {
			t.Errorf("Send: %v", err)
		}
		if _, err := httpx.SSE(w, r.WithContext(ctx), 0); err != errEnough {
			t.Errorf("SSE: %v", err)
		}
	}), func(b *rig) {
		begun := time.Now()
		resp := b.get(context.Background(), "/events/x")
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); len(body) > 0 || err != nil || time.Since(begun) != 10*time.Second {
			b.Errorf("got %q, %v after %v", body, err, time.Since(begun))
		}
	})
}

var errEnough = errors.New("enough")

// TestSSEForgotten checks that a stream that its handler has not closed ends
// with the handler, and does not write behind the response.
func TestSSEForgotten(t *testing.T) {
	var s *httpx.EventStream
	inBubbles(t, handler(func(w http.ResponseWriter, r *http.Request) {
		var err error
		if s, err = httpx.SSE(w, r, time.Second); err != nil {
			t.Errorf("httpx.SSE: %v", err)
		}
	}), func(b *rig) {
		resp := b.get(context.Background(), "/events/x")
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); len(body) > 0 || err != nil {
			b.Errorf("got %q, %v", body, err)
		}
		time.Sleep(5 * time.Second) // for a heartbeat that there should not be
		if err := s.Send(httpx.ServerEvent{Data: "x"}); !errors.Is(err, aio.ErrClosed) {
			b.Errorf("Send: %v", err)
		}
		if err := s.Close(); !errors.Is(err, aio.ErrClosed) {
			b.Errorf("Close: %v", err)
		}
	})
}

// TestSSECannotFlush checks that nothing is sent through a ResponseWriter that
// cannot flush, so that the handler can say so.
func TestSSECannotFlush(t *testing.T) {
	type opaque struct{ http.ResponseWriter } // hides all but its three methods
	inBubbles(t, handler(func(w http.ResponseWriter, r *http.Request) {
		w = opaque{w}
		if _, err := httpx.SSE(w, r, 0); errors.Is(err, http.ErrNotSupported) {
			http.Error(w, "no events here", http.StatusInternalServerError)
		}
	}), func(b *rig) {
		resp := b.get(context.Background(), "/events/x")
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if resp.StatusCode != 500 || resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" || string(body) != "no events here\n" || err != nil {
			b.Errorf("got %d, %v, %q, %v", resp.StatusCode, resp.Header, body, err)
		}
	})
}

// flusher is a ResponseWriter of middleware's that can flush, and nothing else.
type flusher struct {
	http.ResponseWriter
	http.Flusher
}

// TestSSEFlusherOnly checks that a ResponseWriter that hides the server serves.
func TestSSEFlusherOnly(t *testing.T) {
	inBubbles(t, func() *httpx.Server {
		return &httpx.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := httpx.SSE(flusher{w, w.(http.Flusher)}, r, 0)
			if err != nil {
				t.Errorf("httpx.SSE: %v", err)
				return
			}
			defer s.Close()
			time.Sleep(20 * time.Second)
			s.Send(httpx.ServerEvent{Data: "x"})
			<-s.Draining()
		})}
	}, func(b *rig) {
		resp := b.get(context.Background(), "/events/x")
		defer resp.Body.Close()
		in := bufio.NewScanner(resp.Body)
		for _, want := range []string{":", "", "data: x", ""} {
			line(b, in, want)
		}
		b.loop.Exit(nil)
		if in.Scan() || in.Err() != nil {
			b.Errorf("ended with %q, %v", in.Text(), in.Err())
		}
	})
}
