package cookbook_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// A hub sends each message to all its connections.
type hub struct {
	mu    sync.Mutex
	conns map[*tcp.Conn]bool
}

// server returns a server whose connections join the hub. The queue of each is
// bounded by HighWater and one message.
func (h *hub) server() *tcp.Server {
	return &tcp.Server{HighWater: 64 << 10, Handler: tcp.Handler{
		Open: func(c *tcp.Conn) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.conns[c] = true
		},
		Closed: func(c *tcp.Conn, err error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			delete(h.conns, c)
		},
	}}
}

// broadcast sends msg to all connections, and drops those whose queue is full.
// It does not block.
func (h *hub) broadcast(msg []byte) {
	h.mu.Lock()
	conns := slices.Collect(maps.Keys(h.conns))
	h.mu.Unlock()
	for _, c := range conns {
		if _, err := c.Send(msg).Result(); errors.Is(err, aio.ErrBacklog) {
			c.Abort() // the peer sees a reset
		}
	}
}

func Example_broadcast() {
	var network aiotest.Network
	h := &hub{conns: map[*tcp.Conn]bool{}}
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		ln, err := network.Listen("hub:1")
		if err != nil {
			return err
		}
		server := h.server()
		joined, left := make(chan struct{}), make(chan error, 2)
		open, closed := server.Handler.Open, server.Handler.Closed
		server.Handler.Open = func(c *tcp.Conn) { open(c); joined <- struct{}{} }
		server.Handler.Closed = func(c *tcp.Conn, err error) { closed(c, err); left <- err }
		if err := server.StartOn(ctx, ln); err != nil {
			return err
		}
		dialer := &tcp.Dialer{DialContext: network.DialContext}
		slow, err := dialer.Dial(ctx, "hub:1").Await(ctx)
		if err != nil {
			return err
		}
		defer slow.Close()
		<-joined
		quick, err := dialer.Dial(ctx, "hub:1").Await(ctx)
		if err != nil {
			return err
		}
		<-joined
		msg, got := bytes.Repeat([]byte("."), 4<<10), 0
		for ; ; got++ {
			h.broadcast(msg)
			// slow does not read
			if _, err := io.ReadFull(quick, make([]byte, len(msg))); err != nil {
				return err
			}
			select {
			case err := <-left:
				fmt.Println("dropped, with", err)
				quick.Close()
				<-left
				_, err = io.Copy(io.Discard, slow)
				fmt.Println("slow sees a reset:", errors.Is(err, aio.ErrReset))
				fmt.Println("quick got all:", got > 16, "members left:", len(h.conns))
				server.Close()
				return nil
			default:
			}
		}
	})
	fmt.Println(err)
	// Output:
	// dropped, with <nil>
	// slow sees a reset: true
	// quick got all: true members left: 0
	// <nil>
}
