package httpx_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// readsAs reads the stream to its end, and closes it.
func readsAs(t testing.TB, s *httpx.Stream, want string) {
	t.Helper()
	defer s.Body.Close()
	if b, err := io.ReadAll(s.Body); err != nil || string(b) != want {
		t.Errorf("got %q, %v, not %q", b, err, want)
	}
}

// TestClientStream checks that a stream is in flight until its body has ended,
// is closed, has failed, or is cancelled.
func TestClientStream(t *testing.T) {
	goOn := make(chan bool)
	h := func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "first ")
		http.NewResponseController(w).Flush()
		select {
		case <-goOn:
			io.WriteString(w, "last")
		case <-r.Context().Done():
		}
	}
	url := origin(t, h)
	why := errors.New("why")
	for name, end := range map[string]func(ctx context.Context, t *testing.T, s *httpx.Stream, cancel context.CancelCauseFunc){
		"end": func(_ context.Context, t *testing.T, s *httpx.Stream, _ context.CancelCauseFunc) {
			goOn <- true
			if b, err := io.ReadAll(s.Body); err != nil || string(b) != "last" {
				t.Errorf("got %q, %v", b, err)
			}
		},
		"close": func(_ context.Context, t *testing.T, s *httpx.Stream, _ context.CancelCauseFunc) {
			if err := s.Body.Close(); err != nil {
				t.Errorf("s.Body.Close: %v", err)
			}
			if _, err := s.Body.Read(make([]byte, 1)); err == nil {
				t.Error("a closed body can be read")
			}
			s.Body.Close()
		},
		"cancel": func(_ context.Context, t *testing.T, s *httpx.Stream, cancel context.CancelCauseFunc) {
			time.AfterFunc(time.Millisecond, func() { cancel(why) })
			_, err := io.ReadAll(s.Body)
			failsWith(t, err, httpx.PhaseBody, why)
		},
		"cancelled unread": func(_ context.Context, _ *testing.T, _ *httpx.Stream, cancel context.CancelCauseFunc) {
			cancel(why)
		},
	} {
		t.Run(name, func(t *testing.T) {
			aiotest.Run(t, func(ctx context.Context) error {
				own, cancel := context.WithCancelCause(ctx)
				defer cancel(nil)
				s, err := new(httpx.Client).Stream(own, request(t, "GET", url, nil)).Await(ctx)
				if err != nil {
					return err
				}
				if s.Status != 200 || s.Proto != "HTTP/1.1" || s.Header.Get("Date") == "" || s.Std.Body != s.Body {
					t.Errorf("got %v", s)
				}
				b := make([]byte, 6)
				if _, err := io.ReadFull(s.Body, b); err != nil || string(b) != "first " {
					t.Errorf("got %q, %v", b, err)
				}
				if n := aio.LoopOf(ctx).Stats().HTTPRequests; n != 1 {
					t.Errorf("%d requests in flight", n)
				}
				end(ctx, t, s, cancel)
				aiotest.Eventually(t, func() bool { return aio.LoopOf(ctx).Stats().HTTPRequests == 0 })
				return nil
			})
		})
	}
}

// TestClientStreamTimes checks that a reader may take its time, a server may
// not, and that an open stream holds the loop open and goes on while it drains.
func TestClientStreamTimes(t *testing.T) {
	bubbleScript(t, func(_ int, c net.Conn, r *bufio.Reader) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello ")
		silent(0, c, r)
	}, func(_ context.Context, t *testing.T, n *aiotest.Network) error {
		l := new(aio.Loop)
		begin := time.Now()
		return l.Run(context.Background(), func(ctx context.Context) error {
			s, err := inMemory(new(httpx.Client), n).Stream(ctx, request(t, "GET", "http://origin", nil)).Await(ctx)
			if err != nil {
				return err
			}
			aio.Spawn(ctx, "read", func(context.Context) error {
				time.Sleep(time.Hour)
				l.Exit(nil)
				synctest.Wait()
				b := make([]byte, 6)
				if n, err := io.ReadFull(s.Body, b); err != nil {
					t.Errorf("read %d: %v", n, err)
				}
				_, err := s.Body.Read(b)
				if d := time.Since(begin); d != time.Hour+10*time.Second {
					t.Errorf("it took %v: %v", d, err) // the loop's Grace
				}
				failsWith(t, err, httpx.PhaseBody, aio.ErrExit)
				return nil
			})
			return nil
		})
	})
}

// TestClientStreamFails checks that a stream's future fails as Do's does, and
// that its body is not bounded by MaxBody.
func TestClientStreamFails(t *testing.T) {
	url := origin(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 1000)) })
	short := script(t, says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"))
	aiotest.Run(t, func(ctx context.Context) error {
		c := &httpx.Client{MaxBody: 10}
		_, err := c.Stream(ctx, request(t, "GET", "http://127.0.0.1:1", nil)).Await(ctx)
		failsWith(t, err, httpx.PhaseDial, aio.ErrRefused)
		s, err := c.Stream(ctx, request(t, "GET", url, nil)).Await(ctx)
		if err != nil {
			return err
		}
		if b, err := io.ReadAll(s.Body); err != nil || len(b) != 1000 {
			t.Errorf("got %d bytes, %v", len(b), err)
		}
		s, err = c.Stream(ctx, request(t, "GET", short, nil)).Await(ctx)
		if err != nil {
			return err
		}
		b, err := io.ReadAll(s.Body)
		failsWith(t, err, httpx.PhaseBody, io.ErrUnexpectedEOF)
		if string(b) != "short" || aio.LoopOf(ctx).Stats().HTTPRequests != 0 {
			t.Errorf("got %q", b)
		}
		return nil
	})
}
