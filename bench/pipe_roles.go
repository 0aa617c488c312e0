package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
)

func init() {
	roles["pipe sink"] = pipeSink
	roles["pipe client"] = pipeClient
	roles["pipe goaio"] = goaioPipe
	roles["pipe io.Copy"] = func(c *control) error {
		return copyPipe(c, func(to, from *net.TCPConn) error {
			_, err := io.Copy(to, from)
			return err
		})
	}
	roles["pipe io.Copy, buffers"] = func(c *control) error {
		return copyPipe(c, func(to, from *net.TCPConn) error {
			_, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, pipeBuffer))
			return err
		})
	}
}

// pipeBuffer is how much the client, the sink and a forwarder with buffers move
// at a time.
const pipeBuffer = 64 << 10

// listening serves each connection that comes by serve, in a separate
// goroutine, until standard input ends.
func (c *control) listening(serve func(conn *net.TCPConn)) error {
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.AcceptTCP()
			if err != nil {
				return // closed
			}
			go serve(conn)
		}
	}()
	c.ready(ln.Addr().String())
	return c.serve(nil)
}

// pipeSink reads each connection to its end, and closes it.
func pipeSink(c *control) error {
	return c.listening(func(conn *net.TCPConn) {
		defer conn.Close()
		buf := make([]byte, pipeBuffer)
		for {
			if _, err := conn.Read(buf); err != nil {
				return // its end; what has not come the client misses
			}
		}
	})
}

// pipeClient sends so much, on so many connections at once, as it is told.
func pipeClient(c *control) error {
	c.ready("")
	return c.serve(func(command string) (string, error) {
		var addr string
		var conns int
		var mib int64
		if _, err := fmt.Sscanf(command, "run %s %d %d", &addr, &conns, &mib); err != nil {
			return "", fmt.Errorf("%q: %w", command, err)
		}
		errs := make([]error, conns)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { errs[i] = sendThrough(addr, mib<<20) })
		}
		wg.Wait()
		return "", errors.Join(errs...)
	})
}

// sendThrough sends n bytes through a forwarder, and waits until the sink has
// read all and has ended.
func sendThrough(addr string, n int64) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	buf := make([]byte, pipeBuffer)
	for n > 0 {
		m, err := conn.Write(buf[:min(n, pipeBuffer)])
		if err != nil {
			return err
		}
		n -= int64(m)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	if _, err := conn.Read(buf); err != io.EOF {
		return fmt.Errorf("the forwarder's end: %w", err)
	}
	return nil
}

// copyPipe is a forwarder with two goroutines for each connection.
func copyPipe(c *control, move func(to, from *net.TCPConn) error) error {
	sink := parameter()
	return c.listening(func(conn *net.TCPConn) {
		defer conn.Close()
		nc, err := net.Dial("tcp", sink)
		if err != nil {
			return // the client is told by the connection's end
		}
		up := nc.(*net.TCPConn)
		defer up.Close()
		var wg sync.WaitGroup
		for _, way := range [][2]*net.TCPConn{{up, conn}, {conn, up}} {
			wg.Go(func() {
				if move(way[0], way[1]) == nil {
					_ = way[0].CloseWrite() // fails only if it is gone
				}
			})
		}
		wg.Wait()
	})
}

// goaioPipe is a forwarder with tcp.Pipe.
func goaioPipe(c *control) error {
	sink := parameter()
	s := &tcp.Server{MaxConns: -1, Stream: func(ctx context.Context, conn *tcp.Conn) error {
		up, err := tcp.Dial(ctx, sink).Await(ctx)
		if err != nil {
			return err
		}
		_, err = tcp.Pipe(ctx, conn, up).Await(ctx)
		return err
	}}
	return aio.Run(context.Background(), func(ctx context.Context) error {
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		defer s.Close()
		c.ready(s.Addr().String())
		return c.serve(nil)
	})
}
