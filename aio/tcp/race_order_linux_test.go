package tcp_test

import (
	"context"
	"io"
	"net"
	"testing"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// The race detector takes what a peer has done before it wrote to have happened
// before the bytes are delivered, and the other way round, whatever is at the
// other end.
func TestWriteHappensBeforeRead(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("net.Listen: %v", err)
	}
	defer ln.Close()
	var there, back int // no lock guards them
	served := make(chan bool)
	go func() {
		defer close(served)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		if _, err := io.ReadFull(c, make([]byte, 1)); err == nil {
			back = there + 1
			c.Write([]byte{1})
		}
	}()
	aiotest.Run(t, func(ctx context.Context) error {
		got := make(chan int, 1)
		there = 1
		c, err := tcp.Send(ctx, ln.Addr().String(), []byte{0}, tcp.Handler{Data: func(c *tcp.Conn, _ []byte) {
			got <- back
			c.Close()
		}}).Await(ctx)
		if err != nil {
			return err
		}
		if n := <-got; n != 2 {
			t.Errorf("got %d", n)
		}
		<-c.Done()
		return nil
	})
	<-served
}
