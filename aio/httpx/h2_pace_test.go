package httpx_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
)

// sendOn sends events until that fails, and returns how long the last took.
func sendOn(s *httpx.EventStream, err error) (time.Duration, error) {
	e := httpx.ServerEvent{Data: strings.Repeat("x", 64<<10)}
	begun := time.Now()
	for err == nil {
		begun = time.Now()
		err = s.Send(e)
	}
	return time.Since(begun), err
}

// TestStalledStream checks that a response over HTTP/2 ends when the client
// reads its connection, and holds back the stream's window for WriteTimeout.
func TestStalledStream(t *testing.T) {
	type outcome struct {
		took time.Duration
		err  error
	}
	ended := make(chan outcome, 1)
	tell := func(took time.Duration, err error) { ended <- outcome{took, err} }
	for name, s := range map[string]*httpx.Server{
		"SSE": {Handler: behind(func(w http.ResponseWriter, r *http.Request) {
			tell(sendOn(httpx.SSE(w, r, -1)))
		})},
		"Request.SSE": {Handle: func(r *httpx.Request) {
			s, err := r.SSE(nil, -1)
			tell(sendOn(s, err))
			s.Close()
		}},
		"Respond": {Handle: func(r *httpx.Request) {
			begun := time.Now()
			f := r.RespondString(200, strings.Repeat("x", 1<<20))
			aio.Spawn(r.Context(), "wait", func(context.Context) error {
				<-f.Done()
				_, err := f.Result()
				tell(time.Since(begun), err)
				return nil
			})
		}},
		"Write": {Handler: behind(func(w http.ResponseWriter, r *http.Request) {
			begun := time.Now()
			_, err := w.Write(make([]byte, 1<<20))
			tell(time.Since(begun), err)
		})},
	} {
		t.Run(name, func(t *testing.T) {
			ended = make(chan outcome, 1)
			inH2(t, s, func(c h2raw) {
				c.request(1, "GET", 0, 0, true, "/events/x")
				c.reset(1)
				if got := <-ended; got.took != 30*time.Second || !errors.Is(got.err, aio.ErrTimeout) {
					t.Errorf("ended after %v with %v", got.took, got.err)
				}
			})
		})
	}
}

// TestStalledEnd checks that it is the same with what net/http sends when the
// handler has returned, and that a handler's own deadline holds.
func TestStalledEnd(t *testing.T) {
	for _, k := range []struct {
		own, want time.Duration
	}{{0, 30 * time.Second}, {10 * time.Second, 10 * time.Second}, {time.Minute, 30 * time.Second}} {
		s := &httpx.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if k.own > 0 {
				if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(k.own)); err != nil {
					t.Errorf("SetWriteDeadline: %v", err)
				}
			}
			io.WriteString(w, "little")
		})}
		inH2(t, s, func(c h2raw) {
			begun := time.Now()
			c.check(c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}))
			c.request(1, "GET", 0, 0, true)
			c.reset(1)
			if took := time.Since(begun); took != k.want {
				t.Errorf("reset after %v, want %v", took, k.want)
			}
		})
	}
}

// TestSlowStream checks that a client may be slow, as long as it makes
// progress.
func TestSlowStream(t *testing.T) {
	const size = 8 << 20
	s := &httpx.Server{Handler: behind(func(w http.ResponseWriter, r *http.Request) {
		s, err := httpx.SSE(w, r, -1)
		if err != nil {
			t.Errorf("httpx.SSE: %v", err)
			return
		}
		defer s.Close()
		time.Sleep(time.Hour) // nothing to send is no lack of progress
		if err := s.Send(httpx.ServerEvent{Data: strings.Repeat("x", size)}); err != nil {
			t.Errorf("s.Send: %v", err)
		}
	})}
	inH2(t, s, func(c h2raw) {
		c.check(c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 64 << 10}))
		c.check(c.WriteWindowUpdate(0, 1<<30))
		c.request(1, "GET", 0, 0, true, "/events/x")
		for got, window := 0, 64<<10; ; {
			f, err := c.ReadFrame()
			if err != nil {
				t.Fatalf("c.ReadFrame: %v", err)
			}
			d, ok := f.(*http2.DataFrame)
			if !ok {
				if _, ok := f.(*http2.RSTStreamFrame); ok {
					t.Fatalf("reset after %d bytes", got)
				}
				continue
			}
			got += len(d.Data())
			if d.StreamEnded() {
				if want := size + len("data: \n\n"); got != want {
					t.Errorf("got %d bytes, want %d", got, want)
				}
				return
			}
			if window -= len(d.Data()); window == 0 {
				time.Sleep(25 * time.Second)
				window = 64 << 10
				c.check(c.WriteWindowUpdate(1, uint32(window)))
			}
		}
	})
}

// TestSSENeverRead checks that a client that does not read its connection ends
// its stream.
func TestSSENeverRead(t *testing.T) {
	ended := make(chan error, 1)
	inBubbles(t, handler(func(w http.ResponseWriter, r *http.Request) {
		took, err := sendOn(httpx.SSE(w, r, -1))
		// over HTTP/2 a part of a frame may have gone out
		if took < 30*time.Second || took > time.Minute {
			t.Errorf("took %v", took)
		}
		ended <- err
	}), func(r *rig) {
		ended = make(chan error, 1)
		c := r.dial()
		defer c.Close()
		if r.h2 {
			raw := h2raw{r.T, c, http2.NewFramer(c, nil)}
			io.WriteString(c, http2.ClientPreface)
			raw.check(raw.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30}))
			raw.check(raw.WriteWindowUpdate(0, 1<<30))
			raw.request(1, "GET", 0, 0, true, "/events/x")
		} else {
			io.WriteString(c, "GET /events/x HTTP/1.1\r\nHost: h\r\n\r\n")
		}
		if err := <-ended; !errors.Is(err, aio.ErrConn) {
			r.Errorf("Send: %v", err)
		}
	})
}

// TestSSENeverReadOwnServer checks that it is so on net/http's own server with
// a client that does not read its response.
func TestSSENeverReadOwnServer(t *testing.T) {
	ended := make(chan error, 1)
	h := behind(func(w http.ResponseWriter, r *http.Request) {
		took, err := sendOn(httpx.SSE(w, r, -1))
		if took != 30*time.Second {
			t.Errorf("took %v", took)
		}
		ended <- err
	})
	onOwnServer(t, func() *http.Server { return &http.Server{Handler: h} }, func(r *rig) {
		ended = make(chan error, 1)
		resp := r.get(context.Background(), "/events/x")
		defer resp.Body.Close()
		if err := <-ended; !errors.Is(err, aio.ErrConn) || !r.h2 && !errors.Is(err, aio.ErrTimeout) {
			r.Errorf("Send: %v", err)
		}
	})
}
