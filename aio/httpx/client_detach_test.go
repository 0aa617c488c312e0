package httpx_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// TestWholeBodyFreesConnection checks that a connection serves the next request
// when the whole body has arrived, although nothing of it was read and so much
// of it waits that reading was paused.
func TestWholeBodyFreesConnection(t *testing.T) {
	for _, size := range []int{1, 32 << 10, 64<<10 - 1, 64 << 10} {
		body := strings.Repeat("x", size)
		handler := func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/body" {
				io.WriteString(w, body)
				return
			}
			io.WriteString(w, "next")
		}
		bubble(t, handler, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
			c := inMemory(&httpx.Client{MaxConnsPerHost: 1, Timeouts: httpx.Timeouts{Header: time.Second, Wait: time.Second}}, n)
			s, err := c.Stream(ctx, request(t, "GET", "http://origin/body", nil)).Await(ctx)
			if err != nil {
				return err
			}
			synctest.Wait()
			r, err := c.Get(ctx, "http://origin/next").Await(ctx)
			wantBody(t, r, err, 200, "next")
			readsAs(t, s, body)
			return nil
		})
	}
}
