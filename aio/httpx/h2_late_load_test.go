package httpx_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// TestH2LateLoad checks the same over real sockets: each request on a
// connection that was accepted before the loop exits is answered, or refused by
// a GOAWAY that says so.
func TestH2LateLoad(t *testing.T) {
	rounds := 20
	if testing.Short() || raceEnabled {
		rounds = 4
	}
	var answered, refused, slow atomic.Int64
	for range rounds {
		lateRound(t, &answered, &refused, &slow)
	}
	t.Logf("%d requests answered, %d refused by GOAWAY, %d connections too slow to be served", answered.Load(), refused.Load(), slow.Load())
}

// lateRound opens connections to a server, of which some are kept and have
// requests under way, has the loop exit, and sends requests on the others.
func lateRound(t *testing.T, answered, refused, slow *atomic.Int64) {
	const fresh, kept = 100, 5
	s, l := &httpx.Server{Handle: answers, H2C: true}, new(aio.Loop)
	aiotest.RunLoop(t, l, func(ctx context.Context) error {
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		begun := time.Now()
		var conns []h2late
		for range fresh + kept {
			nc := dialRaw(t, s.Addr().String()).Conn
			defer nc.Close()
			conns = append(conns, newLate(t, nc))
		}
		aiotest.Eventually(t, func() bool { return l.Stats().IncomingConns == fresh+kept })
		var all, asked sync.WaitGroup
		for _, c := range conns[:kept] {
			asked.Add(1)
			all.Go(func() {
				sent := c.keepAsking(&all, asked.Done)
				e := <-sent.end
				e.check(t, "kept", 1)
				answered.Add(int64(len(e.answered)))
				refused.Add(max(0, sent.n.Load()-int64(len(e.answered))))
			})
		}
		asked.Wait()
		l.Exit(nil)
		for _, c := range conns[kept:] {
			all.Go(func() {
				c.ask(1)
				c.Write(c.out.Bytes()) // what is wrong with it reading tells
				e := c.until(parted)
				// The server serves a connection that is younger than a second.
				// It can be older than this one is here only if that is late.
				if !e.away && time.Since(begun) >= time.Second {
					slow.Add(1)
					return
				}
				e.check(t, "fresh", 0)
				answered.Add(int64(len(e.answered)))
				refused.Add(int64(1 - len(e.answered)))
			})
		}
		all.Wait()
		return nil
	})
}

// parted reports whether the server has announced the end, and answered
// everything that it must answer.
func parted(e h2end) bool { return e.away && len(e.answered) == int(e.last+1)/2 }

// h2asking is what a client that keeps asking has sent, and got.
type h2asking struct {
	n   atomic.Int64
	end chan h2end
}

// keepAsking sends requests, at most 4 at a time, until the server accepts no
// more. It calls begun with the first answer.
func (c h2late) keepAsking(all *sync.WaitGroup, begun func()) *h2asking {
	a := &h2asking{end: make(chan h2end, 1)}
	room, over := make(chan struct{}, 4), make(chan struct{})
	all.Go(func() {
		got := 0
		e := c.until(func(e h2end) bool {
			for ; got < len(e.answered); got++ {
				if got == 0 {
					begun()
				}
				<-room
			}
			return parted(e)
		})
		if close(over); got == 0 {
			begun()
		}
		a.end <- e
	})
	all.Go(func() {
		for id := uint32(1); ; id += 2 {
			select {
			case room <- struct{}{}:
			case <-over:
				return
			}
			c.ask(id)
			if _, err := c.Write(c.out.Next(c.out.Len())); err != nil {
				return
			}
			a.n.Add(1)
		}
	})
	return a
}
