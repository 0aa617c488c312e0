package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
	"goaio.example/aio/timer"
)

func init() {
	roles["c40k goaio"] = goaioC40k
	roles["c40k raw net"] = rawC40k
}

// c40kRequest and c40kAnswer are what is said.
var (
	c40kRequest = httpRequest("/")
	c40kAnswer  = []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!")
)

// c40kParameter returns the address and the delay.
func c40kParameter() (addr string, delay time.Duration, err error) {
	var text string
	if _, err := fmt.Sscan(parameter(), &addr, &text); err != nil {
		return "", 0, err
	}
	delay, err = time.ParseDuration(text)
	return addr, delay, err
}

func goaioC40k(c *control) error {
	addr, delay, err := c40kParameter()
	if err != nil {
		return err
	}
	s := &tcp.Server{ReusePort: true, MaxConns: -1, Handler: tcp.Handler{
		Data: func(c *tcp.Conn, _ []byte) {
			timer.Delay(c.Context(), delay, func(context.Context) error {
				c.Send(c40kAnswer)
				return nil
			})
		},
		Event: func(*tcp.Conn, error) {}, // the clients end by resets
	}}
	return aio.Run(context.Background(), func(ctx context.Context) error {
		if err := s.Start(ctx, addr); err != nil {
			return err
		}
		defer s.Close()
		loop := aio.LoopOf(ctx)
		c.ready(s.Addr().String())
		return c.serve(func(string) (string, error) { return fmt.Sprint(loop.Stats().IncomingConns), nil })
	})
}

// rawC40k has a goroutine for each connection, which sleeps.
func rawC40k(c *control) error {
	addr, delay, err := c40kParameter()
	if err != nil {
		return err
	}
	lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
		var err error
		err2 := rc.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
		return errors.Join(err, err2)
	}}
	ln, err := lc.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return err
	}
	defer ln.Close()
	var open atomic.Int64
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return // closed
			}
			open.Add(1)
			go func() {
				defer open.Add(-1)
				answerLater(nc, delay)
			}()
		}
	}()
	c.ready(ln.Addr().String())
	return c.serve(func(string) (string, error) { return strconv.FormatInt(open.Load(), 10), nil })
}

// answerLater answers each request after the delay, until the connection ends.
func answerLater(c net.Conn, delay time.Duration) {
	defer c.Close()
	buf := make([]byte, 4<<10)
	for {
		if _, err := c.Read(buf); err != nil {
			return
		}
		time.Sleep(delay)
		if _, err := c.Write(c40kAnswer); err != nil {
			return
		}
	}
}
