package httpx_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
	"goaio.example/aio/timer"
)

// keepAsking sends requests on kept connections until the server ends them, and
// counts what came of them.
type drainCount struct {
	begun    sync.Map // the requests whose handler began
	answered sync.Map // those that got their whole answer
	sent     atomic.Int64
	refused  atomic.Int64
}

func (d *drainCount) client(addr string, id int, body string) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	r := bufio.NewReader(c)
	for n := 0; ; n++ {
		path := fmt.Sprintf("/%d/%d", id, n)
		d.sent.Add(1)
		if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
			d.refused.Add(1)
			return
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			d.refused.Add(1)
			return
		}
		got, err := io.ReadAll(resp.Body)
		if err == nil && string(got) == body {
			d.answered.Store(path, true)
		}
		if err != nil || resp.Close {
			return
		}
	}
}

// TestDrainUnderLoad checks that no request whose handler began goes without
// its whole answer when the loop exits.
func TestDrainUnderLoad(t *testing.T) {
	rounds, clients := 100, 200
	switch {
	case testing.Short():
		rounds = 4
	case raceEnabled:
		rounds = 24
	}
	body := strings.Repeat("x", 5000)
	var sent, refused int64
	for round := range rounds {
		d := new(drainCount)
		s := &httpx.Server{Handle: func(r *httpx.Request) {
			d.begun.Store(r.Resource(), true)
			switch rand.IntN(3) {
			case 0:
				r.RespondString(200, body)
			case 1: // deferred
				timer.Delay(r.Context(), time.Duration(rand.IntN(5))*time.Millisecond, func(context.Context) error {
					r.RespondString(200, body)
					return nil
				})
			case 2: // streamed
				w, err := r.Start(200, nil)
				for i := 0; i < 5 && err == nil; i++ {
					_, err = w.Write([]byte(body[:1000]))
					w.Flush()
				}
				if err == nil {
					w.Close()
				}
			}
		}}
		if round%2 == 1 {
			s = &httpx.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				d.begun.Store(r.URL.Path, true)
				io.WriteString(w, body)
			})}
		}
		var all sync.WaitGroup
		aiotest.Run(t, func(ctx context.Context) error {
			if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
				return err
			}
			for id := range clients {
				all.Go(func() { d.client(s.Addr().String(), id, body) })
			}
			timer.Delay(ctx, time.Duration(5+rand.IntN(60))*time.Millisecond, func(ctx context.Context) error {
				aio.LoopOf(ctx).Exit(nil)
				return nil
			})
			_, err := s.Future().Await(ctx)
			all.Wait()
			return err
		})
		d.begun.Range(func(path, _ any) bool {
			if _, ok := d.answered.Load(path); !ok {
				t.Errorf("round %d: the handler of %v began, and it has no whole answer", round, path)
			}
			return true
		})
		sent += d.sent.Load()
		refused += d.refused.Load()
	}
	t.Logf("%d requests, %d (%.3f%%) refused before a handler began", sent, refused, 100*float64(refused)/float64(sent))
}

// TestDrainEndsIdle checks that idle connections end at once, and one with a
// request after its answer, which says so.
func TestDrainEndsIdle(t *testing.T) {
	s := &httpx.Server{}
	got := make(chan *httpx.Request, 1)
	s.Handle = func(r *httpx.Request) {
		if r.Resource() == "/wait" {
			got <- r
			return
		}
		answers(r)
	}
	aiotest.Run(t, func(ctx context.Context) error {
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		idle, busy := dialRaw(t, s.Addr().String()), dialRaw(t, s.Addr().String())
		defer idle.Close()
		defer busy.Close()
		idle.say(ok)
		idle.response("GET")
		busy.say("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
		r := <-got
		select {
		case <-r.Draining():
			t.Error("Draining is closed before the drain")
		default:
		}
		aio.LoopOf(ctx).Exit(nil)
		<-r.Draining()
		idle.closed()
		r.RespondString(200, "late")
		if resp, body := busy.response("GET"); !resp.Close || body != "late" {
			t.Errorf("got %q, close %v", body, resp.Close)
		}
		busy.closed()
		return nil
	})
}

// TestShutdown checks that Shutdown drains a server without its loop, and that
// the readiness hook says so before.
func TestShutdown(t *testing.T) {
	s := &httpx.Server{Handle: answers, ReadyPath: "/readyz"}
	serve(t, s, func(addr string) {
		c := dialRaw(t, addr)
		defer c.Close()
		ready := "GET /readyz HTTP/1.1\r\nHost: h\r\n\r\n"
		c.say(ready)
		if resp, _ := c.response("GET"); resp.StatusCode != 200 {
			t.Errorf("ready: %d", resp.StatusCode)
		}
		c.say("GET / HTTP/1.1\r\nHost: h\r\n") // not complete: not idle
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- s.Shutdown(ctx) }()
		aiotest.Eventually(t, func() bool {
			probe, err := net.Dial("tcp", addr)
			if err == nil {
				probe.Close()
			}
			return err != nil
		})
		c.say("\r\n")
		if resp, _ := c.response("GET"); resp.StatusCode != 200 || !resp.Close {
			t.Errorf("got %d, close %v", resp.StatusCode, resp.Close)
		}
		// else the server waits for that, to be sure that the answer was read
		c.Close()
		if err := <-done; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
}
