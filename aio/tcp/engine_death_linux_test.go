package tcp_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// A callback that dies after another goroutine has taken its poller over ends
// its connection, and no other: as one does that dies at once.
func TestTakenOverCallbackDies(t *testing.T) {
	deathsIn(t, func(t *testing.T, where, how string, die func()) {
		rec := new(aiotest.Recorder)
		aiotest.RunLoop(t, &aio.Loop{CatchPanics: true, OnEvent: rec.OnEvent}, func(ctx context.Context) error {
			w := newWorld(t, "tcp")
			w.ctx = ctx
			witness := make(chan *tcp.Conn, 1)
			h := echo
			h.Open = func(c *tcp.Conn) { witness <- c }
			h.Event = func(*tcp.Conn, error) {}
			other := w.dial(w.start(&tcp.Server{Handler: h}))
			ask(t, other, "before")
			served := <-witness
			turns := tcp.Turns(served)

			p := newTape(t)
			late := func() {
				waitTurn(t, served, turns)
				ask(t, other, "meanwhile")
				die()
			}
			c := w.dial(w.start(&tcp.Server{Handler: p.handler(dieIn(where, late))}))
			provoke(w, c, p, where)
			cond := soon(t, p.closed)
			died(t, how, rec.Wait(t, 1)[0].Err)
			switch where {
			case "closed":
				if cond != nil {
					t.Errorf("Closed with %v", cond)
				}
			case "reset":
				wantErr(t, cond, aio.ErrReset, "")
			default:
				died(t, how, cond)
			}
			c.Close()
			ask(t, other, "afterwards")
			other.Close()
			aiotest.Eventually(t, func() bool { return aio.LoopOf(ctx).Stats().IncomingConns == 0 })
			aio.LoopOf(ctx).Exit(nil)
			return nil
		})
		if errs := errorsOf(rec); len(errs) != 1 {
			t.Errorf("events: %v", errs)
		}
	})
}

// hangs is a callback that is stuck until the channel is closed, by name.
//
//go:noinline
func hangs(until <-chan struct{}) { <-until }

// A stuck callback ends Run with an error that names its connection, and what
// it is stuck in.
func TestStuckCallback(t *testing.T) {
	aiotest.CheckLeaks(t)
	for _, where := range []string{"open", "data", "EOF", "closed"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			until, p := make(chan struct{}), newTape(t)
			entered := make(chan struct{})
			h := dieIn(where, func() {
				close(entered)
				hangs(until)
			})
			l := &aio.Loop{
				Grace: 100 * time.Millisecond, Abandon: 100 * time.Millisecond,
				Logger: slog.New(slog.DiscardHandler), OnEvent: func(aio.Event) {},
			}
			var peer string
			err := l.Run(context.Background(), func(ctx context.Context) error {
				s := &tcp.Server{Handler: p.handler(h)}
				if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
					return err
				}
				c := connect(t, s.Addr())
				peer = c.LocalAddr().String()
				if where != "open" {
					io.WriteString(c, "x")
				}
				if where != "open" && where != "data" {
					c.(interface{ CloseWrite() error }).CloseWrite()
				}
				soon(t, entered)
				l.Exit(nil)
				return nil
			})
			close(until)
			<-p.closed
			var stuck *aio.StuckError
			if !errors.As(err, &stuck) {
				t.Fatalf("Run returned %v", err)
			}
			for _, op := range stuck.Ops {
				if op.Kind.String() == "tcp.conn.in" && strings.Contains(op.Name, peer) && strings.Contains(op.Stack, "tcp_test.hangs(") {
					return
				}
			}
			t.Errorf("not named: %+v", stuck.Ops)
		})
	}
}
