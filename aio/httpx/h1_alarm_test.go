package httpx

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
)

// TestAlarmSetAgain checks that an alarm that was set again when it was about to
// fire ends nothing before its new time.
func TestAlarmSetAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n aiotest.Network
		l := new(aio.Loop)
		aiotest.RunLoop(t, l, func(ctx context.Context) error {
			ln, err := n.Listen("server:80")
			if err != nil {
				return err
			}
			s := &Server{Handle: func(r *Request) { r.RespondString(200, "") }, HeaderTimeout: 10 * time.Second}
			if err := s.StartOn(ctx, ln); err != nil {
				return err
			}
			defer l.Exit(nil)
			c, err := n.Dial("tcp", "server:80")
			if err != nil {
				return err
			}
			defer c.Close()
			io.WriteString(c, "GET / HTTP/1.1\r\n")
			time.Sleep(9 * time.Second)
			s.h1.mu.Lock()
			k := s.h1.first
			s.h1.mu.Unlock()
			state := func() connState {
				synctest.Wait()
				k.mu.Lock()
				defer k.mu.Unlock()
				return k.state
			}
			(*h1Alarm)(k).Fire()
			if got := state(); got != connHead {
				t.Errorf("the connection's state is %d behind an early Fire, want %d", got, connHead)
			}
			time.Sleep(2 * time.Second)
			if got := state(); got != connOver {
				t.Errorf("the connection's state is %d behind HeaderTimeout, want %d", got, connOver)
			}
			return nil
		})
	})
}
