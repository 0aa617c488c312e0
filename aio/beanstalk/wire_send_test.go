package beanstalk

import (
	"context"
	"net"
	"testing"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// TestFlushAfterEnd checks that commands on their way to a connection that has
// just ended make no lost error: its end is reported already.
func TestFlushAfterEnd(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("net.Listen: %v", err)
	}
	defer ln.Close()
	aiotest.Run(t, func(ctx context.Context) error {
		c, err := tcp.Dial(ctx, ln.Addr().String()).Await(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		c.CloseWrite() // which refuses sends, as the peer's end does
		w := &wire{pool: new(pool), c: c, out: []byte("stats\r\n")}
		w.flush()
		if len(w.out) > 0 || w.flushing {
			t.Errorf("flush: %d bytes are left, flushing %v, want none", len(w.out), w.flushing)
		}
		return nil
	})
}
