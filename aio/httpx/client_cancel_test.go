package httpx_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// TestCancelAtEveryMoment checks that a request may be cancelled whenever, in
// each form, and leaves nothing.
func TestCancelAtEveryMoment(t *testing.T) {
	for name, do := range map[string]func(ctx context.Context, t *testing.T, c *httpx.Client) error{
		"Do": func(ctx context.Context, t *testing.T, c *httpx.Client) error {
			_, err := c.Do(ctx, request(t, "GET", "http://origin/redirect", nil)).Await(ctx)
			return err
		},
		"Post": func(ctx context.Context, _ *testing.T, c *httpx.Client) error {
			_, err := c.Post(ctx, "http://origin/", "", []byte("body")).Await(ctx)
			return err
		},
		"Get with progress": func(ctx context.Context, _ *testing.T, c *httpx.Client) error {
			ctx, ch := httpx.WithProgress(ctx)
			f := c.Get(ctx, "http://origin/")
			if _, err := f.Await(context.WithoutCancel(ctx)); err != nil {
				return err
			}
			for range ch {
			}
			return nil
		},
		"Stream": func(ctx context.Context, t *testing.T, c *httpx.Client) error {
			s, err := c.Stream(ctx, request(t, "GET", "http://origin/", nil)).Await(context.WithoutCancel(ctx))
			if err != nil {
				return err
			}
			defer s.Body.Close()
			_, err = io.ReadAll(s.Body)
			return err
		},
		"hedged": func(ctx context.Context, _ *testing.T, c *httpx.Client) error {
			c.Hedge.Delay = 1
			c.Retry.Attempts = 2
			_, err := c.Get(ctx, "http://origin/").Await(ctx)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			aiotest.EachCancel(t, func(t *testing.T, looks *aiotest.Looks) {
				bubble(t, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/redirect" {
						http.Redirect(w, r, "/", http.StatusFound)
					}
					echoes(w, r)
				}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
					c := inMemory(new(httpx.Client), n)
					err := do(looks.Context(ctx), t, c)
					if err != nil && !errors.Is(err, looks.Cause()) && !errors.Is(err, context.Canceled) {
						t.Errorf("do: %v", err)
					}
					if k := aio.LoopOf(ctx).Stats().Kinds["tcp.conn.out"]; k > 4 {
						t.Errorf("%d connections", k)
					}
					return nil
				})
			})
		})
	}
}

// TestConnectionFaults checks that a request ends, one way or the other,
// whichever read or write of its connection fails.
func TestConnectionFaults(t *testing.T) {
	aiotest.EachFault(t, func(t *testing.T, plan aiotest.Plan) {
		bubble(t, echoes, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
			c := inMemory(new(httpx.Client), n)
			dial := c.Dialer.DialContext
			c.Dialer.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				nc, err := dial(ctx, network, addr)
				if err != nil {
					return nil, err
				}
				return aiotest.Faulty(nc, plan), nil
			}
			r, err := c.Post(ctx, "http://origin/", "", []byte("body")).Await(ctx)
			var e *httpx.Error
			switch {
			case err == nil:
				wantBody(t, r, err, 200, "/\nbody")
			case !errors.As(err, &e) || !errors.Is(err, aio.ErrConn) && !errors.Is(err, aio.ErrEOF):
				t.Errorf("got %v", err)
			}
			return nil
		})
	})
}
