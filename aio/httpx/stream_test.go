package httpx_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// TestStream checks that what is flushed arrives before the response ends.
func TestStream(t *testing.T) {
	next := make(chan struct{})
	serve(t, &httpx.Server{Handle: func(r *httpx.Request) {
		w, err := r.Start(200, http.Header{"X-A": {"b"}})
		if err != nil {
			t.Errorf("r.Start: %v", err)
			return
		}
		aio.Spawn(r.Context(), "stream", func(context.Context) error {
			for _, part := range []string{"one ", "two ", "three"} {
				<-next
				if _, err := w.Write([]byte(part)); err != nil {
					return err
				}
				if err := w.Flush(); err != nil {
					return err
				}
			}
			if err := w.Close(); err != nil {
				return err
			}
			if _, err := w.Write([]byte("more")); !errors.Is(err, aio.ErrClosed) {
				t.Errorf("Write after Close: %v", err)
			}
			if err := w.Close(); !errors.Is(err, aio.ErrClosed) {
				t.Errorf("second Close: %v", err)
			}
			return nil
		})
	}}, func(addr string) {
		c := newClient(t, nil)
		defer c.CloseIdleConnections()
		resp, err := c.Get("http://" + addr)
		if err != nil {
			t.Fatalf("c.Get: %v", err)
		}
		defer resp.Body.Close()
		for _, part := range []string{"one ", "two ", "three"} {
			next <- struct{}{}
			got := make([]byte, len(part))
			if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != part {
				t.Fatalf("got %q, %v", got, err)
			}
		}
		if rest, err := io.ReadAll(resp.Body); len(rest) > 0 || err != nil || resp.Header.Get("X-A") != "b" {
			t.Errorf("got %q, %v, %v", rest, err, resp.Header)
		}
	})
}

// TestStreamClientGone checks that writing to a client that is gone fails with
// the reason.
func TestStreamClientGone(t *testing.T) {
	failed := make(chan error, 1)
	serve(t, &httpx.Server{Handle: func(r *httpx.Request) {
		w, err := r.Start(200, nil)
		if err != nil {
			t.Errorf("r.Start: %v", err)
			return
		}
		<-w.Gone()
		for err == nil {
			if _, err = w.Write(make([]byte, 1<<10)); err == nil {
				err = w.Flush()
			}
		}
		failed <- err
		w.Close()
	}}, func(addr string) {
		c := dialRaw(t, addr)
		c.say(ok)
		http.ReadResponse(c.Reader, nil)
		c.Close()
		var e *aio.ConnError
		if err := <-failed; !errors.As(err, &e) {
			t.Errorf("Write: %v", err)
		}
	})
}

// TestServerSentEvents checks what is on the wire, and that a client that comes
// back says where it was.
func TestServerSentEvents(t *testing.T) {
	serve(t, &httpx.Server{Handle: func(r *httpx.Request) {
		s, err := r.SSE(nil, -1)
		if err != nil {
			t.Errorf("r.SSE: %v", err)
			return
		}
		defer s.Close()
		for _, bad := range []httpx.ServerEvent{{ID: "a\nb"}, {ID: "a\x00"}, {Type: "a\rdata: x"}} {
			if err := s.Send(bad); !errors.Is(err, httpx.ErrBadEvent) {
				t.Errorf("%+v: %v", bad, err)
			}
		}
		for _, e := range []httpx.ServerEvent{
			{Data: "plain"},
			{ID: r.LastEventID() + "+1", Type: "news", Data: "a\nb\r\nc\rd\n\ndata: e", Retry: 1500 * time.Millisecond},
			{Type: "empty"},
		} {
			if err := s.Send(e); err != nil {
				t.Errorf("s.Send: %v", err)
			}
		}
	}}, func(addr string) {
		c := dialRaw(t, addr)
		defer c.Close()
		c.say("GET / HTTP/1.1\r\nHost: h\r\nLast-Event-ID: 41\r\n\r\n")
		resp, body := c.response("GET")
		want := "data: plain\n\n" +
			"id: 41+1\nevent: news\nretry: 1500\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \ndata: data: e\n\n" +
			"event: empty\ndata: \n\n"
		if body != want {
			t.Errorf("got\n%s\nwant\n%s", body, want)
		}
		if ct := resp.Header.Get("Content-Type"); ct != "text/event-stream" {
			t.Errorf("Content-Type %q", ct)
		}
	})
}

// TestHeartbeat checks that a stream on which nothing happens sends comments,
// and that it learns of the drain.
func TestHeartbeat(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		s, err := httpx.Serve(ctx, "127.0.0.1:0", func(r *httpx.Request) {
			s, err := r.SSE(nil, time.Millisecond)
			if err != nil {
				t.Errorf("r.SSE: %v", err)
				return
			}
			<-s.Draining()
			s.Send(httpx.ServerEvent{Data: "bye"})
			s.Close()
		})
		if err != nil {
			return err
		}
		c := dialRaw(t, s.Addr().String())
		defer c.Close()
		c.say(ok)
		resp, err := http.ReadResponse(c.Reader, nil)
		if err != nil {
			return err
		}
		lines := bufio.NewScanner(resp.Body)
		for n := 0; n < 3 && lines.Scan(); {
			if lines.Text() == ":" {
				n++
			}
		}
		aio.LoopOf(ctx).Exit(nil)
		rest := ""
		for lines.Scan() {
			rest += lines.Text() + "\n"
		}
		if !strings.Contains(rest, "data: bye\n") || lines.Err() != nil {
			t.Errorf("got %q, %v", rest, lines.Err())
		}
		return nil
	})
}
