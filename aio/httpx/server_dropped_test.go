package httpx_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// TestDroppedLooksEnd checks that the server stops looking for dropped requests
// when none is left that could be dropped: those that were dropped are
// answered, and the others were answered by the program.
func TestDroppedLooksEnd(t *testing.T) {
	kept := make(chan *httpx.Request, 1)
	s := &httpx.Server{Handle: func(r *httpx.Request) {
		if r.Resource() == "/kept" {
			kept <- r
		}
	}}
	l := &aio.Loop{CatchPanics: true, OnEvent: func(aio.Event) {}}
	aiotest.RunLoop(t, l, func(ctx context.Context) error {
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		defer l.Exit(nil)
		stop := collecting()
		defer stop()
		for range 3 {
			c := dialRaw(t, s.Addr().String())
			c.say(getOf("/kept"))
			(<-kept).RespondString(200, "")
			if resp, _ := c.response("GET"); resp.StatusCode != 200 {
				t.Errorf("a request that was kept: %d", resp.StatusCode)
			}
			c.say(getOf("/dropped"))
			if resp, _ := c.response("GET"); resp.StatusCode != 500 {
				t.Errorf("a request that was dropped: %d", resp.StatusCode)
			}
			c.Close()
		}
		aiotest.Eventually(t, func() bool { return pendingAlarms(ctx) == 0 })
		return nil
	})
}

// collecting collects garbage all the time until stop is called.
func collecting() (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			default:
				runtime.GC()
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}

// TestDroppedLooksEndWithServer checks that a server that has ended no longer
// looks for dropped requests, although the program keeps one.
func TestDroppedLooksEndWithServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n aiotest.Network
		l := &aio.Loop{CatchPanics: true, OnEvent: func(aio.Event) {}}
		aiotest.RunLoop(t, l, func(ctx context.Context) error {
			ln, err := n.Listen("server:80")
			if err != nil {
				return err
			}
			var kept *httpx.Request
			s := &httpx.Server{Handle: func(r *httpx.Request) { kept = r }}
			if err := s.StartOn(ctx, ln); err != nil {
				return err
			}
			c, err := n.Dial("tcp", "server:80")
			if err != nil {
				return err
			}
			defer c.Close()
			raw{t, c, newReader(c)}.say(getOf("/"))
			synctest.Wait()
			if n := pendingAlarms(ctx); n == 0 {
				t.Error("no alarm is pending while a request is kept")
			}
			s.Close()
			s.Future().Await(ctx)
			if n := pendingAlarms(ctx); n != 0 {
				t.Errorf("%d alarms are pending when the server has ended", n)
			}
			runtime.KeepAlive(kept)
			return nil
		})
	})
}
