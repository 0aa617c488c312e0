package httpx_test

import (
	"bytes"
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

// slowly answers the n-th request after a time of its own, and after none when
// there are no more; a negative one breaks the connection after it. gone counts
// the requests whose client went away.
func slowly(calls, gone *atomic.Int32, times ...time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		// only now the server sees it when the client goes away
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		n := int(calls.Add(1))
		if n > len(times) {
			echoes(w, r)
			return
		}
		select {
		case <-time.After(max(times[n-1], -times[n-1])):
		case <-r.Context().Done():
			gone.Add(1)
		}
		if times[n-1] < 0 {
			panic(http.ErrAbortHandler)
		}
		echoes(w, r)
	}
}

// TestHedge checks when a request is made a second time, which attempt wins,
// and that nothing of the loser is left.
func TestHedge(t *testing.T) {
	const s = time.Second
	for name, x := range map[string]struct {
		hedge  httpx.Hedge
		method string
		times  []time.Duration
		fails  bool
		after  time.Duration
		calls  int32
		gone   int32
	}{
		"off":                {times: []time.Duration{9 * s}, after: 9 * s, calls: 1},
		"first wins at once": {hedge: httpx.Hedge{Delay: s}, calls: 1},
		"first wins late":    {hedge: httpx.Hedge{Delay: s}, times: []time.Duration{3 * s, 9 * s}, after: 3 * s, calls: 2, gone: 1},
		"second wins":        {hedge: httpx.Hedge{Delay: s}, times: []time.Duration{9 * s}, after: s, calls: 2, gone: 1},
		"no third":           {hedge: httpx.Hedge{Delay: s}, times: []time.Duration{9 * s, 9 * s}, after: 9 * s, calls: 2, gone: 1},
		"third wins":         {hedge: httpx.Hedge{Delay: s, Max: 2}, times: []time.Duration{9 * s, 9 * s}, after: 2 * s, calls: 3, gone: 2},
		"first fails":        {hedge: httpx.Hedge{Delay: s}, times: []time.Duration{-2 * s, 3 * s}, after: 4 * s, calls: 2},
		"all fail":           {hedge: httpx.Hedge{Delay: s}, times: []time.Duration{-2 * s, -3 * s}, after: 4 * s, calls: 2, fails: true},
		"POST":               {hedge: httpx.Hedge{Delay: s}, method: "POST", times: []time.Duration{9 * s}, after: 9 * s, calls: 1},
	} {
		t.Run(name, func(t *testing.T) {
			var calls, gone atomic.Int32
			bubble(t, slowly(&calls, &gone, x.times...), func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
				if x.method == "" {
					x.method = "PUT"
				}
				c := inMemory(&httpx.Client{Hedge: x.hedge, Timeouts: httpx.Timeouts{Header: -1}}, n)
				begin := time.Now()
				r, err := c.Do(ctx, request(t, x.method, "http://origin/", strings.NewReader("body"))).Await(ctx)
				if d := time.Since(begin); d != x.after {
					t.Errorf("it took %v, not %v", d, x.after)
				}
				if x.fails {
					failsWith(t, err, httpx.PhaseHeader, aio.ErrEOF)
				} else {
					wantBody(t, r, err, 200, "/\nbody")
				}
				synctest.Wait()
				if calls.Load() != x.calls || gone.Load() != x.gone {
					t.Errorf("%d requests, %d gone, not %d, %d", calls.Load(), gone.Load(), x.calls, x.gone)
				}
				if s := aio.LoopOf(ctx).Stats(); s.OutgoingConns > 1 || s.Kinds["http.attempt"] > 0 || s.HTTPRequests > 0 {
					t.Errorf("left: %v", s)
				}
				return nil
			})
		})
	}
}

// TestHedgeStream checks that the winner's body can be read when the losers are
// gone, and that cancelling ends all.
func TestHedgeStream(t *testing.T) {
	var calls, gone atomic.Int32
	bubble(t, slowly(&calls, &gone, time.Hour, 0, time.Hour, time.Hour), func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
		c := inMemory(&httpx.Client{Hedge: httpx.Hedge{Delay: time.Second}}, n)
		s, err := c.Stream(ctx, request(t, "GET", "http://origin/x", nil)).Await(ctx)
		if err != nil {
			return err
		}
		time.Sleep(time.Minute)
		readsAs(t, s, "/x\n")
		f := c.Get(ctx, "http://origin/")
		time.Sleep(2 * time.Second)
		why := errors.New("why")
		f.Cancel(why)
		_, err = f.Await(ctx)
		failsWith(t, err, httpx.PhaseHeader, why)
		synctest.Wait()
		if calls.Load() != 4 || gone.Load() != 3 {
			t.Errorf("%d requests, %d gone", calls.Load(), gone.Load())
		}
		return nil
	})
}

// panics is a RoundTripper that does.
type panics struct{}

func (panics) RoundTrip(*http.Request) (*http.Response, error) { panic("at the disco") }

// TestTransportPanics checks that a panic in a Transport fails the request, in
// each form.
func TestTransportPanics(t *testing.T) {
	for _, c := range []*httpx.Client{{Transport: panics{}}, {Transport: panics{}, Hedge: httpx.Hedge{Delay: time.Second}}} {
		var rec aiotest.Recorder
		aiotest.RunLoop(t, &aio.Loop{CatchPanics: true, OnEvent: rec.OnEvent}, func(ctx context.Context) error {
			var p *aio.PanicError
			if _, err := c.Get(ctx, "http://x").Await(ctx); !errors.As(err, &p) {
				t.Errorf("got %v", err)
			}
			if _, err := c.Stream(ctx, request(t, "GET", "http://x", nil)).Await(ctx); !errors.As(err, &p) {
				t.Errorf("got %v", err)
			}
			return nil
		})
		if n := len(rec.Events()); n != 2 {
			t.Errorf("%d events", n)
		}
	}
}
