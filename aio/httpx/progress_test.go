package httpx_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// TestProgress checks that progress is reported in both directions, never goes
// back, ends with the total, and that the channel is then closed, whether or
// not it is read.
func TestProgress(t *testing.T) {
	const up, down = 300_000, 500_000
	for _, opaque := range []bool{false, true} {
		for _, reads := range []bool{true, false} {
			bubble(t, func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				if !opaque {
					w.Header().Set("Content-Length", "500000")
				}
				w.Write(make([]byte, down))
			}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
				c := inMemory(new(httpx.Client), n)
				ctx, ch := httpx.WithProgress(ctx)
				body, sendTotal, size := io.Reader(bytes.NewReader(make([]byte, up))), int64(up), int64(down)
				if opaque {
					body, sendTotal, size = io.MultiReader(body), -1, -1
				}
				f := c.Do(ctx, request(t, "PUT", "http://origin", body))
				if !reads {
					if _, err := f.Await(ctx); err != nil {
						return err
					}
				}
				var last httpx.Progress
				for p := range ch {
					if p.Sent < last.Sent || p.Received < last.Received {
						t.Errorf("%v after %v", p, last)
					}
					last = p
				}
				if want := (httpx.Progress{Sent: up, SendTotal: sendTotal, Received: down, ReceiveSize: size}); last != want {
					t.Errorf("at the end: %v, not %v", last, want)
				}
				_, err := f.Await(ctx)
				return err
			})
		}
	}
}

// TestProgressEnds checks that the channel is closed when the request fails,
// also before it began, and when its stream is closed; and that the progress of
// a body that is sent again starts over.
func TestProgressEnds(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/redirect" {
			http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
		}
		echoes(w, r)
	}
	bubble(t, h, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
		c := inMemory(new(httpx.Client), n)
		drain := func(ch <-chan httpx.Progress) (last httpx.Progress) {
			for p := range ch {
				last = p
			}
			return last
		}
		own, ch := httpx.WithProgress(ctx)
		c.Get(own, "http://origin:81").Await(ctx)
		drain(ch)
		own, ch = httpx.WithProgress(ctx)
		c.Get(own, "::").Await(ctx)
		drain(ch)
		own, ch = httpx.WithProgress(context.Background())
		c.Get(own, "http://origin").Await(ctx)
		drain(ch)
		own, ch = httpx.WithProgress(context.Background())
		c.Stream(own, request(t, "GET", "http://origin", nil)).Await(ctx)
		drain(ch)
		own, ch = httpx.WithProgress(ctx)
		s, err := c.Stream(own, request(t, "GET", "http://origin", nil)).Await(ctx)
		if err != nil {
			return err
		}
		s.Body.Close()
		drain(ch)
		own, ch = httpx.WithProgress(ctx)
		r, err := c.Do(own, request(t, "POST", "http://origin/redirect", strings.NewReader("hello"))).Await(ctx)
		wantBody(t, r, err, 200, "/\nhello")
		if p := drain(ch); p.Sent != 5 || p.SendTotal != 5 || p.Received != 7 {
			t.Errorf("after a redirect: %v", p)
		}
		synctest.Wait()
		return nil
	})
}
