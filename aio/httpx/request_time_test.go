package httpx_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// dripping is a body of which a piece comes at each interval, so many times,
// and then its end.
type dripping struct {
	text  string
	every time.Duration
	times int
}

func (d *dripping) Read(p []byte) (int, error) {
	if d.times == 0 {
		return 0, io.EOF
	}
	d.times--
	time.Sleep(d.every)
	return copy(p, d.text), nil
}

// upload sends a body, and returns the status and how long it took.
func (b *rig) upload(path string, body io.Reader, length int64) (status int, took time.Duration) {
	req, err := http.NewRequest("POST", "http://server"+path, body)
	if err != nil {
		b.Errorf("http.NewRequest: %v", err)
		return 0, 0
	}
	req.ContentLength = length
	begun := time.Now()
	resp, err := b.web.Do(req)
	if err != nil {
		b.Errorf("after %v: %v", time.Since(begun), err)
		return 0, 0
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, time.Since(begun)
}

// TestResponseTimeoutFromHandle checks that ResponseTimeout begins when Handle
// is called: a body that takes longer than it has no part in it.
func TestResponseTimeoutFromHandle(t *testing.T) {
	for _, length := range []int64{20, -1} {
		inBubbles(t, func() *httpx.Server {
			return &httpx.Server{ResponseTimeout: 5 * time.Second, Handle: func(r *httpx.Request) {
				time.AfterFunc(4*time.Second, func() { r.Respond(200, nil, nil) })
			}}
		}, func(b *rig) {
			status, took := b.upload("/", &dripping{"x", time.Second, 20}, length)
			if status != 200 || took < 24*time.Second || took > 25*time.Second {
				b.Errorf("got %d after %v", status, took)
			}
		})
	}
}

// TestResponseTimeoutIsKept is the other side of it: a request without an
// answer has as long as ever.
func TestResponseTimeoutIsKept(t *testing.T) {
	var kept *httpx.Request
	events := 0
	inBubblesWith(t, func(e aio.Event) {
		if events++; !errors.Is(e.Err, httpx.ErrAbandoned) {
			t.Error(e.Err)
		}
	}, func() *httpx.Server {
		return &httpx.Server{ResponseTimeout: 5 * time.Second, Handle: func(r *httpx.Request) { kept = r }}
	}, func(b *rig) {
		events = 0
		status, took := b.upload("/", &dripping{"x", time.Second, 20}, 20)
		if status != 503 || took < 25*time.Second || took > 26*time.Second {
			b.Errorf("got %d after %v", status, took)
		}
		// the client may have its answer before the request is over
		synctest.Wait()
		if _, err := kept.Respond(200, nil, nil).Result(); !errors.Is(err, httpx.ErrAbandoned) {
			b.Errorf("Respond: %v", err)
		}
		if events != 1 {
			b.Errorf("%d events", events)
		}
	})
}

// TestRequestTimeoutInBody checks that RequestTimeout ends the reading of a
// body, and that no function is called.
func TestRequestTimeoutInBody(t *testing.T) {
	for _, k := range []struct {
		name   string
		body   *dripping
		length int64
	}{
		{"dripping", &dripping{"x", 100 * time.Millisecond, 30}, 30},
		{"dripping chunks", &dripping{"x", 100 * time.Millisecond, 30}, -1},
		{"slow", &dripping{"x", 3 * time.Second, 1}, 1},
		{"slow chunk", &dripping{"x", 3 * time.Second, 1}, -1},
		{"large pieces", &dripping{strings.Repeat("x", 1000), 100 * time.Millisecond, 30}, -1},
	} {
		t.Run(k.name, func(t *testing.T) {
			inBubblesWith(t, func(aio.Event) {}, func() *httpx.Server {
				return &httpx.Server{RequestTimeout: 500 * time.Millisecond, Handle: func(r *httpx.Request) {
					t.Error("Handle was called")
					r.Respond(200, nil, nil)
				}}
			}, func(b *rig) {
				body := *k.body
				status, took := b.upload("/", &body, k.length)
				if status != 503 && status != 408 || took > 600*time.Millisecond {
					b.Errorf("got %d after %v", status, took)
				}
				time.Sleep(4 * time.Second) // the client lets go of its body
			})
		})
	}
}

// TestRequestTimeoutInRead checks that RequestTimeout ends an http.Handler's
// Read of a body that does not come.
func TestRequestTimeoutInRead(t *testing.T) {
	inBubblesWith(t, func(aio.Event) {}, func() *httpx.Server {
		return &httpx.Server{RequestTimeout: 500 * time.Millisecond, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err == nil {
				t.Error("io.ReadAll(r.Body): got no error, want one")
			}
		})}
	}, func(b *rig) {
		status, took := b.upload("/", &dripping{"x", 3 * time.Second, 1}, 1)
		if status != http.StatusServiceUnavailable || took > 600*time.Millisecond {
			b.Errorf("upload of a body that does not come: got %d after %v, want 503 after 500ms", status, took)
		}
		time.Sleep(4 * time.Second) // the client lets go of its body
	})
}

// TestDrippingBodiesHoldNoSlot checks that requests whose body is still to come
// do not count for MaxInFlight.
func TestDrippingBodiesHoldNoSlot(t *testing.T) {
	inBubbles(t, func() *httpx.Server { return &httpx.Server{MaxInFlight: 1, Handle: answers} }, func(b *rig) {
		var over atomic.Int64
		for i := range 8 {
			go func() {
				if status, _ := b.upload("/", &dripping{"x", time.Second, 20 + i}, map[bool]int64{true: int64(20 + i), false: -1}[i%2 == 0]); status != 200 {
					b.Errorf("an upload got %d", status)
				}
				over.Add(1)
			}()
		}
		synctest.Wait()
		for range 10 {
			time.Sleep(time.Second)
			if resp := b.get(b.ctx, "/"); resp.StatusCode != 200 {
				b.Errorf("another request got %d", resp.StatusCode)
			}
		}
		if over.Load() > 0 {
			b.Error("the uploads were over")
		}
		time.Sleep(time.Minute)
		if over.Load() != 8 {
			b.Error("the uploads are not over")
		}
	})
}

// inBubblesWith is inBubbles for a server that may have events.
func inBubblesWith(t *testing.T, told func(aio.Event), s func() *httpx.Server, test func(b *rig)) {
	t.Helper()
	eachProtocol(t, func(b *rig) {
		b.loop.OnEvent = told
		aiotest.RunLoop(b.T, b.loop, func(ctx context.Context) error {
			ln, err := b.net.Listen("server:80")
			if err != nil {
				return err
			}
			b.ctx, b.server = ctx, s()
			b.server.H2C = b.h2
			if err := b.server.StartOn(ctx, ln); err != nil {
				return err
			}
			defer b.loop.Exit(nil)
			defer b.web.CloseIdleConnections()
			test(b)
			return nil
		})
	})
}
