package main

import (
	"context"
	"io"
	"net"

	"github.com/cloudwego/netpoll"
)

func init() { roles["echo netpoll"] = netpollEcho }

// netpollEcho echoes in the goroutines that netpoll's pollers start.
func netpollEcho(c *control) error {
	if err := netpoll.Configure(netpoll.Config{LoggerOutput: io.Discard}); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	loop, err := netpoll.NewEventLoop(netpollAnswer)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- loop.Serve(ln) }()
	c.ready(ln.Addr().String())
	if err := c.serve(nil); err != nil {
		return err
	}
	if err := loop.Shutdown(context.Background()); err != nil {
		return err
	}
	return <-ended
}

func netpollAnswer(_ context.Context, c netpoll.Connection) error {
	r, w := c.Reader(), c.Writer()
	data, err := r.Next(r.Len())
	if err != nil {
		return err
	}
	obey(data)
	if _, err := w.WriteBinary(data); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return r.Release()
}
