package httpx_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// TestTurnKept checks that a request whose connection turns out to be closed
// keeps its place among those that wait: a server that closes each connection
// behind its answer, without saying so, changes the order of none.
func TestTurnKept(t *testing.T) {
	for _, most := range []int{1, 2} {
		var mu sync.Mutex
		var order, want []string
		bubble(t, func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			order = append(order, r.URL.Path)
			mu.Unlock()
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Errorf("Hijack: %v", err)
				return
			}
			time.Sleep(time.Second)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			c.Close()
		}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
			c := inMemory(&httpx.Client{MaxConnsPerHost: most}, n)
			var all []*aio.Future[*httpx.Response]
			for i := range 12 {
				path := "/" + string(rune('a'+i))
				want = append(want, path)
				all = append(all, c.Get(ctx, "http://origin"+path))
				synctest.Wait()
				time.Sleep(time.Millisecond)
			}
			_, err := aio.All(ctx, all...).Await(ctx)
			return err
		})
		if !slices.Equal(order, want) {
			t.Errorf("with %d connections the order is %v", most, order)
		}
	}
}
