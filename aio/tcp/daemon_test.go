package tcp_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// A daemon that a connection has started does not keep it from being idle: it
// ends with the connection when the loop drains.
func TestDaemonOfIdleConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := new(aiotest.Network)
		start := time.Now()
		aiotest.RunLoop(t, new(aio.Loop), func(ctx context.Context) error {
			ln, err := network.Listen("")
			if err != nil {
				return err
			}
			s := &tcp.Server{Handler: tcp.Handler{Data: func(c *tcp.Conn, _ []byte) {
				aio.Daemon(c.Context(), "pulse", func(ctx context.Context) error {
					<-ctx.Done()
					return nil
				})
				aio.LoopOf(ctx).Exit(nil)
			}}}
			if err := s.StartOn(ctx, ln); err != nil {
				return err
			}
			c, err := network.Dial("tcp", ln.Addr().String())
			if err != nil {
				return err
			}
			defer c.Close()
			if _, err := c.Write([]byte("x")); err != nil {
				return err
			}
			_, err = s.Future().Await(ctx)
			return err
		})
		if d := time.Since(start); d > time.Second {
			t.Errorf("the loop took %v to drain", d)
		}
	})
}
