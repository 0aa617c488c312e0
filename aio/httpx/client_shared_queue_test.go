package httpx_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// streams is the setting of a server that allows n requests at once.
func streams(n uint32) []http2.Setting {
	return []http2.Setting{{ID: http2.SettingMaxConcurrentStreams, Val: n}}
}

// answersAfter answers each request with its path, when wait has returned.
func answersAfter(p *framePeer, wait func(path string)) {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		r, ok := p.request()
		if !ok {
			return
		}
		all.Go(func() {
			wait(r.path)
			p.answer(r.id, r.path)
		})
	}
}

func aSecond(string) { time.Sleep(time.Second) }

// TestSharedBound checks that MaxConnsPerHost bounds the connections over
// HTTP/2, that requests beyond their streams wait for them, in order and
// however many there are, and that without a bound more connections are made.
func TestSharedBound(t *testing.T) {
	for _, x := range []struct {
		most, streams, requests int
		conns                   int
		took                    time.Duration
	}{
		{most: 1, streams: 1, requests: 5, conns: 1, took: 5 * time.Second},
		{most: 1, streams: 3, requests: 12, conns: 1, took: 4 * time.Second},
		{most: 2, streams: 3, requests: 12, conns: 2, took: 2 * time.Second},
		{most: 5, streams: 100, requests: 50, conns: 1, took: time.Second},
		{most: 0, streams: 3, requests: 12, conns: 4, took: time.Second},
	} {
		t.Run(fmt.Sprintf("%d of %d", x.most, x.streams), func(t *testing.T) {
			var conns atomic.Int32
			bubbleFrames(t, streams(uint32(x.streams)), func(_ int, p *framePeer) {
				conns.Add(1)
				answersAfter(p, aSecond)
			}, func(ctx context.Context, t *testing.T, c *httpx.Client, _ *aiotest.Network) error {
				c.MaxConnsPerHost = x.most
				// which brings the server's settings
				r, err := c.Get(ctx, "http://origin/0").Await(ctx)
				wantBody(t, r, err, 200, "/0")
				begin := time.Now()
				var fs []*aio.Future[*httpx.Response]
				for i := range x.requests {
					fs = append(fs, c.Get(ctx, fmt.Sprint("http://origin/", i)))
					synctest.Wait()
				}
				var ends []time.Duration
				for i, f := range fs {
					r, err := f.Await(ctx)
					wantBody(t, r, err, 200, fmt.Sprint("/", i))
					ends = append(ends, time.Since(begin))
				}
				// The client notices room a moment after it appears.
				if d := ends[len(ends)-1].Truncate(time.Second); d != x.took || !slices.IsSorted(ends) {
					t.Errorf("it took %v, not %v: %v", d, x.took, ends)
				}
				if int(conns.Load()) != x.conns {
					t.Errorf("%d connections, not %d", conns.Load(), x.conns)
				}
				return nil
			})
		})
	}
}

// TestSharedWaiters checks that a request over HTTP/2 that waits for room can
// be cancelled, that the others keep their order, and that one whose dial fails
// gets the error.
func TestSharedWaiters(t *testing.T) {
	why := errors.New("why")
	bubbleFrames(t, streams(1), func(_ int, p *framePeer) { answersAfter(p, aSecond) },
		func(ctx context.Context, t *testing.T, c *httpx.Client, n *aiotest.Network) error {
			c.MaxConnsPerHost = 2
			r, err := c.Get(ctx, "http://origin/0").Await(ctx)
			wantBody(t, r, err, 200, "/0")
			c.Dialer.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
				select {
				case <-ctx.Done():
				case <-time.After(90 * time.Second):
				}
				return nil, why
			}
			var fs []*aio.Future[*httpx.Response]
			for i := range 6 {
				fs = append(fs, c.Get(ctx, fmt.Sprint("http://origin/", i)))
				synctest.Wait()
			}
			fs[1].Cancel(why)
			fs[4].Cancel(why)
			for i, f := range fs {
				r, err := f.Await(ctx)
				if i == 1 || i == 4 {
					failsWith(t, err, httpx.PhaseDial, why)
					continue
				}
				wantBody(t, r, err, 200, fmt.Sprint("/", i))
			}
			// what is dialed goes on until Timeouts.Dial
			time.Sleep(40 * time.Second)
			if k := aio.LoopOf(ctx).Stats(); k.Kinds["http.dial"] != 0 || k.OutgoingConns != 1 {
				t.Errorf("left are %v", k)
			}
			first := c.Get(ctx, "http://origin/slow")
			synctest.Wait()
			c.Dialer.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, why }
			_, err = c.Get(ctx, "http://origin/fails").Await(ctx)
			failsWith(t, err, httpx.PhaseDial, why)
			r, err = first.Await(ctx)
			wantBody(t, r, err, 200, "/slow")
			return nil
		})
}

// TestSharedWaiterAfterEnd checks that a request over HTTP/2 that waits for room
// on the only connection gets the next one as soon as that connection has
// ended, at whatever time that is.
func TestSharedWaiterAfterEnd(t *testing.T) {
	for _, after := range []time.Duration{500 * time.Millisecond, 3300 * time.Millisecond, 10100 * time.Millisecond} {
		bubbleFrames(t, streams(1), func(n int, p *framePeer) {
			if n > 1 {
				p.answersAll()
				return
			}
			r, _ := p.request()
			p.answer(r.id, r.path)
			p.request()
			time.Sleep(after) // and the connection ends
		}, func(ctx context.Context, t *testing.T, c *httpx.Client, _ *aiotest.Network) error {
			c.MaxConnsPerHost = 1
			// which brings the server's settings
			r, err := c.Get(ctx, "http://origin/settings").Await(ctx)
			wantBody(t, r, err, 200, "/settings")
			begin := time.Now()
			first := c.Post(ctx, "http://origin/first", "", nil)
			synctest.Wait()
			r, err = c.Get(ctx, "http://origin/next").Await(ctx)
			wantBody(t, r, err, 200, "/next")
			if d := time.Since(begin); d != after {
				t.Errorf("the next request took %v, want %v", d, after)
			}
			_, err = first.Await(ctx)
			failsWith(t, err, httpx.PhaseHeader, aio.ErrConn)
			return nil
		})
	}
}

// TestSharedIdleBound checks that MaxIdlePerHost bounds the connections over
// HTTP/2 that are kept without a request.
func TestSharedIdleBound(t *testing.T) {
	for _, most := range []int{-1, 1, 2, 4, 5} {
		var made atomic.Int64
		bubbleFrames(t, streams(1), func(_ int, p *framePeer) {
			made.Add(1)
			answersAfter(p, aSecond)
		}, func(ctx context.Context, t *testing.T, c *httpx.Client, _ *aiotest.Network) error {
			c.MaxIdlePerHost = most
			var fs []*aio.Future[*httpx.Response]
			for i := range 4 { // each needs a connection
				fs = append(fs, c.Get(ctx, fmt.Sprint("http://origin/", i)))
				synctest.Wait()
			}
			for i, f := range fs {
				r, err := f.Await(ctx)
				wantBody(t, r, err, 200, fmt.Sprint("/", i))
			}
			time.Sleep(time.Second)
			if k, want := outgoing(ctx), min(int64(max(most, 0)), made.Load()); k != want || made.Load() != 4 {
				t.Errorf("MaxIdlePerHost %d: %d of %d connections are kept, want %d", most, k, made.Load(), want)
			}
			return nil
		})
	}
}
