package tcp_test

import (
	"context"
	"net"
	"sync/atomic"
	"syscall"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// queue starts a server that is full, has come be called, and then has the
// server take over what is in the kernel's queue. What it accepts is sent to
// the channel.
func queue(w *world, addr string, come func(a net.Addr)) <-chan *tcp.Conn {
	w.Helper()
	conns := make(chan *tcp.Conn, 10)
	s := &tcp.Server{MaxConns: 1, Stream: func(_ context.Context, c *tcp.Conn) error {
		conns <- c
		<-c.Done()
		return nil
	}}
	if err := s.Start(w.ctx, addr); err != nil {
		w.Fatalf("s.Start: %v", err)
	}
	first := connect(w, s.Addr())
	c := soon(w, conns)
	come(s.Addr())
	s.StopAccepting()
	first.Close()
	c.Close()
	return conns
}

// What was reset before it was taken over from the kernel's queue is not
// served: it has no address.
func TestQueuedReset(t *testing.T) {
	aiotest.CheckLeaks(t)
	newWorld(t, "tcp").run(new(aio.Loop), func(w *world) {
		var client net.Conn
		conns := queue(w, "127.0.0.1:0", func(a net.Addr) {
			gone := connect(w, a).(*net.TCPConn)
			gone.Write([]byte("x"))
			gone.SetLinger(0)
			gone.Close()
			client = connect(w, a)
		})
		c := soon(w, conns)
		if a := c.RemoteAddr(); a == nil || a.String() != client.LocalAddr().String() {
			w.Errorf("accepted %v, want %v", a, client.LocalAddr())
		}
		c.Close()
		client.Close()
	})
}

// A unix socket's client that has said what it wanted and gone is served.
func TestQueuedGone(t *testing.T) {
	aiotest.CheckLeaks(t)
	newWorld(t, "unix").run(new(aio.Loop), func(w *world) {
		conns := queue(w, "unix:"+w.TempDir()+"/s", func(a net.Addr) {
			client := connect(w, a)
			client.Write([]byte("x"))
			client.Close()
		})
		c := soon(w, conns)
		wantRead(w, c, "x")
		wantEOF(w, c)
		c.Close()
	})
}

// A connection that the system says was aborted in the queue does not keep
// those behind it from being served.
func TestQueuedAborted(t *testing.T) {
	aiotest.CheckLeaks(t)
	newWorld(t, "tcp").run(new(aio.Loop), func(w *world) {
		var accepts atomic.Int64
		defer tcp.OnAccept(func() error {
			if accepts.Add(1)%2 == 1 {
				return syscall.ECONNABORTED
			}
			return nil
		})()
		const n = 3
		clients := map[string]net.Conn{}
		conns := queue(w, "127.0.0.1:0", func(a net.Addr) {
			for range n {
				c := connect(w, a)
				clients[c.LocalAddr().String()] = c
			}
		})
		for range n {
			c := soon(w, conns)
			client := clients[c.RemoteAddr().String()]
			if client == nil {
				w.Fatalf("served %v, want each of %d clients in the queue once", c.RemoteAddr(), n)
			}
			delete(clients, c.RemoteAddr().String())
			c.Close()
			client.Close()
		}
	})
}

// TestAcceptAborted checks that an acceptor takes the next connection at once,
// without an error of the server's, after the system has reported one that was
// aborted in the queue.
func TestAcceptAborted(t *testing.T) {
	aiotest.CheckLeaks(t)
	for _, failure := range []error{syscall.ECONNABORTED, syscall.EINTR} {
		var accepts atomic.Int64
		restore := tcp.OnAcceptBare(func() error {
			if accepts.Add(1)%2 == 1 {
				return failure
			}
			return nil
		})
		newWorld(t, "tcp").run(new(aio.Loop), func(w *world) {
			s := &tcp.Server{Handler: echo, OnError: func(err error) { w.Errorf("accepting met %v: OnError was called with %v", failure, err) }}
			addr := w.start(s)
			for range 3 {
				client := w.dial(addr)
				ask(w, client, "hello")
				client.Close()
			}
		})
		if restore(); accepts.Load() < 6 {
			t.Errorf("accepting met %v: %d attempts to take 3 connections, want at least 6", failure, accepts.Load())
		}
	}
}
