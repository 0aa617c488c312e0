package httpx_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// counting serves h on loopback, and counts the connections that are made.
func counting(t testing.TB, h http.HandlerFunc) (url string, conns *atomic.Int32) {
	t.Helper()
	conns = new(atomic.Int32)
	s := httptest.NewUnstartedServer(h)
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s.URL, conns
}

// TestPool checks that successive requests share a connection, and that
// requests of two loops do not.
func TestPool(t *testing.T) {
	url, conns := counting(t, echoes)
	c := new(httpx.Client)
	for want := int32(1); want <= 2; want++ {
		aiotest.Run(t, func(ctx context.Context) error {
			for range 5 {
				r, err := c.Get(ctx, url).Await(ctx)
				wantBody(t, r, err, 200, "/\n")
			}
			if n := conns.Load(); n != want {
				t.Errorf("%d connections, not %d", n, want)
			}
			if n := outgoing(ctx); n != 1 {
				t.Errorf("%d connections are open", n)
			}
			c.CloseIdleConnections()
			aiotest.Eventually(t, func() bool { return outgoing(ctx) == 0 })
			r, err := c.Post(ctx, url, "", nil).Await(ctx)
			wantBody(t, r, err, 200, "/\n")
			conns.Add(-1)
			return nil
		})
	}
}

// TestLoopsShareNothing checks that connections of one loop are not used in
// another that runs at the same time, and outlive it.
func TestLoopsShareNothing(t *testing.T) {
	url, conns := counting(t, echoes)
	c := new(httpx.Client)
	aiotest.Run(t, func(ctx context.Context) error {
		c.Get(ctx, url).Await(ctx)
		for range 3 {
			aiotest.Runner{Parallel: true}.Run(t, func(ctx context.Context) error {
				r, err := c.Get(ctx, url).Await(ctx)
				wantBody(t, r, err, 200, "/\n")
				return nil
			})
		}
		r, err := c.Get(ctx, url).Await(ctx)
		wantBody(t, r, err, 200, "/\n")
		if n := conns.Load(); n != 4 {
			t.Errorf("%d connections for 4 loops", n)
		}
		return nil
	})
}

// TestPoolBounds checks MaxConnsPerHost, and MaxIdlePerHost.
func TestPoolBounds(t *testing.T) {
	for _, x := range []struct {
		client *httpx.Client
		most   int64 // at once
		idle   int64
	}{
		{&httpx.Client{}, 20, 8},
		{&httpx.Client{MaxConnsPerHost: 3}, 3, 3},
		{&httpx.Client{MaxIdlePerHost: 2}, 20, 2},
		{&httpx.Client{MaxIdlePerHost: -1}, 20, 0},
	} {
		bubble(t, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			echoes(w, r)
		}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
			c := inMemory(x.client, n)
			var all []*aio.Future[*httpx.Response]
			for range 20 {
				all = append(all, c.Get(ctx, "http://origin"))
			}
			time.Sleep(time.Second / 2)
			if n := outgoing(ctx); n != x.most {
				t.Errorf("%d connections at once, not %d", n, x.most)
			}
			if _, err := aio.All(ctx, all...).Await(ctx); err != nil {
				return err
			}
			synctest.Wait()
			if n := outgoing(ctx); n != x.idle {
				t.Errorf("%d idle connections, not %d", n, x.idle)
			}
			time.Sleep(58 * time.Second) // some have been idle for longer
			if n := outgoing(ctx); n != x.idle {
				t.Errorf("%d idle connections after 58 s", n)
			}
			time.Sleep(3 * time.Second)
			if n := outgoing(ctx); n != 0 {
				t.Errorf("%d idle connections after 61 s", n)
			}
			return nil
		})
	}
}

// TestIdleConnsDoNotHold checks that the loop ends at once with idle
// connections open, and closes them.
func TestIdleConnsDoNotHold(t *testing.T) {
	bubble(t, echoes, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
		begin := time.Now()
		err := new(aio.Loop).Run(context.Background(), func(ctx context.Context) error {
			c := inMemory(new(httpx.Client), n)
			for range 3 {
				c.Get(ctx, "http://origin").Await(ctx)
			}
			return nil
		})
		if d := time.Since(begin); err != nil || d != 0 {
			t.Errorf("the loop took %v: %v", d, err)
		}
		return nil
	})
}

// TestDrain checks that idle connections are closed when the loop drains, and
// that requests in progress finish and may make more requests, on new
// connections.
func TestDrain(t *testing.T) {
	bubble(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			time.Sleep(time.Second)
		}
		echoes(w, r)
	}, func(_ context.Context, t *testing.T, n *aiotest.Network) error {
		l := new(aio.Loop)
		c := inMemory(new(httpx.Client), n)
		err := l.Run(context.Background(), func(ctx context.Context) error {
			slow := c.Get(ctx, "http://origin/slow")
			synctest.Wait() // it has a connection
			_, err := c.Get(ctx, "http://origin/idle").Await(ctx)
			synctest.Wait()
			if n := outgoing(ctx); n != 2 || err != nil {
				t.Errorf("%d connections: %v", n, err)
			}
			l.Exit(nil)
			synctest.Wait()
			if n := outgoing(ctx); n != 1 {
				t.Errorf("%d connections while it drains", n)
			}
			r, err := slow.Await(ctx)
			wantBody(t, r, err, 200, "/slow\n")
			more := []*aio.Future[*httpx.Response]{c.Get(ctx, "http://origin/slow"), c.Get(ctx, "http://origin/slow")}
			_, err = aio.All(ctx, more...).Await(ctx)
			return err
		})
		if err != nil {
			t.Errorf("Run: %v", err)
		}
		return nil
	})
}

// TestLoopCancelled checks that a request in progress is cancelled with the
// loop, with the cause.
func TestLoopCancelled(t *testing.T) {
	bubbleScript(t, silent, func(_ context.Context, t *testing.T, n *aiotest.Network) error {
		l := new(aio.Loop)
		c := inMemory(new(httpx.Client), n)
		why := errors.New("why")
		l.Run(context.Background(), func(ctx context.Context) error {
			f, s := c.Get(ctx, "http://origin"), c.Stream(ctx, request(t, "GET", "http://origin", nil))
			synctest.Wait()
			l.Cancel(why)
			_, err := f.Await(context.Background())
			failsWith(t, err, httpx.PhaseHeader, why)
			_, err = s.Await(context.Background())
			failsWith(t, err, httpx.PhaseHeader, why)
			return nil
		})
		return nil
	})
}

// TestStaleConnection checks that a request on a pooled connection that the
// server has closed is made on another.
func TestStaleConnection(t *testing.T) {
	var mu sync.Mutex
	var conns []net.Conn
	s := httptest.NewUnstartedServer(http.HandlerFunc(echoes))
	s.Config.ConnState = func(c net.Conn, st http.ConnState) {
		if st == http.StateIdle {
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
		}
	}
	s.Start()
	defer s.Close()
	aiotest.Runner{Parallel: true}.Run(t, func(ctx context.Context) error {
		c := new(httpx.Client)
		for range 20 {
			r, err := c.Get(ctx, s.URL).Await(ctx)
			wantBody(t, r, err, 200, "/\n")
			mu.Lock()
			for _, c := range conns {
				c.Close()
			}
			mu.Unlock()
		}
		return nil
	})
}
