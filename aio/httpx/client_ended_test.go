package httpx_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// TestEndedContext checks that a request whose context has ended is not made,
// in each form, whether the ctx or the request's own context has ended.
func TestEndedContext(t *testing.T) {
	why := errors.New("why")
	get := func(ctx context.Context) *http.Request {
		return request(t, "GET", "http://origin", nil).WithContext(ctx)
	}
	stream := func(s *httpx.Stream, err error) error {
		if err == nil {
			s.Body.Close()
		}
		return err
	}
	for name, do := range map[string]func(ctx, ended context.Context, c *httpx.Client) error{
		"Do": func(ctx, ended context.Context, c *httpx.Client) error {
			_, err := c.Do(ended, get(context.Background())).Await(ctx)
			return err
		},
		"Do, own": func(ctx, ended context.Context, c *httpx.Client) error {
			_, err := c.Do(ctx, get(ended)).Await(ctx)
			return err
		},
		"Stream": func(ctx, ended context.Context, c *httpx.Client) error {
			return stream(c.Stream(ended, get(context.Background())).Await(ctx))
		},
		"Stream, own": func(ctx, ended context.Context, c *httpx.Client) error {
			return stream(c.Stream(ctx, get(ended)).Await(ctx))
		},
		"RoundTrip": func(_, ended context.Context, c *httpx.Client) error {
			resp, err := c.RoundTrip(get(ended))
			if err == nil {
				resp.Body.Close()
			}
			return err
		},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			var calls atomic.Int32
			bubble(t, func(http.ResponseWriter, *http.Request) { calls.Add(1) }, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
				ended, end := context.WithCancelCause(ctx)
				end(why)
				c := inMemory(new(httpx.Client), n)
				for range 100 {
					if err := do(ctx, ended, c); !errors.Is(err, why) {
						t.Errorf("a request whose context has ended: %v, want %v", err, why)
					}
				}
				if k := calls.Load(); k != 0 {
					t.Errorf("%d requests were made, want 0", k)
				}
				return nil
			})
		})
	}
}

// TestEndedContextConnected checks that a request whose own context has ended before it
// begins fails with the cause, and is not sent, although a connection is idle.
func TestEndedContextConnected(t *testing.T) {
	cause := errors.New("ended before")
	ways := map[string]func(ctx context.Context, c *httpx.Client, req *http.Request) error{
		"Do": func(ctx context.Context, c *httpx.Client, req *http.Request) error {
			_, err := c.Do(ctx, req).Await(ctx)
			return err
		},
		"Stream": func(ctx context.Context, c *httpx.Client, req *http.Request) error {
			s, err := c.Stream(ctx, req).Await(ctx)
			if err == nil {
				s.Body.Close()
			}
			return err
		},
		"RoundTrip": func(_ context.Context, c *httpx.Client, req *http.Request) error {
			resp, err := c.RoundTrip(req)
			if err == nil {
				resp.Body.Close()
			}
			return err
		},
		"Events": func(ctx context.Context, c *httpx.Client, req *http.Request) error {
			_, err := c.EventsFunc(ctx, req, func(httpx.ServerEvent) {}).Await(ctx)
			return err
		},
	}
	clients := map[string]*httpx.Client{
		"plain": {}, "retries and hedges": {Retry: httpx.Retry{Attempts: 3}, Hedge: httpx.Hedge{Delay: 1}},
	}
	var served atomic.Int64
	url := origin(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ended" {
			served.Add(1)
		}
	})
	for way, do := range ways {
		for kind, c := range clients {
			t.Run(way+" "+kind, func(t *testing.T) {
				aiotest.Run(t, func(ctx context.Context) error {
					if _, err := c.Get(ctx, url).Await(ctx); err != nil {
						return err
					}
					for range 50 {
						dead, end := context.WithCancelCause(ctx)
						end(cause)
						if err := do(ctx, c, request(t, "GET", url+"/ended", nil).WithContext(dead)); !errors.Is(err, cause) {
							t.Errorf("%s: got %v, want %v", way, err, cause)
						}
					}
					if n := served.Swap(0); n > 0 {
						t.Errorf("%s: %d of 50 requests were served", way, n)
					}
					return nil
				})
			})
		}
	}
}
