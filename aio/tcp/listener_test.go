package tcp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// newListener starts a listener on the network.
func (b *bubble) newListener() *tcp.Listener {
	b.Helper()
	l, err := tcp.NewListener(b.ctx, b.listen())
	if err != nil {
		b.Fatalf("tcp.NewListener: %v", err)
	}
	return l
}

// A Listener is a net.Listener.
func TestListenerAccept(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		l, err := tcp.Listen(ctx, "127.0.0.1:0")
		if err != nil {
			return err
		}
		var ln net.Listener = l
		for range 3 {
			client := connect(t, ln.Addr())
			c, err := ln.Accept()
			if err != nil {
				return err
			}
			io.WriteString(client, "hello")
			wantRead(t, c, "hello")
			if c.(*tcp.Conn).RemoteAddr().String() != client.LocalAddr().String() {
				t.Errorf("accepted %v, want %v", c.RemoteAddr(), client.LocalAddr())
			}
			c.Close()
			client.Close()
		}
		if err := l.Close(); err != nil {
			t.Errorf("l.Close: %v", err)
		}
		if err := l.Close(); !errors.Is(err, aio.ErrClosed) {
			t.Errorf("second Close: %v", err)
		}
		_, err = l.Accept()
		var e *aio.ConnError
		if !errors.Is(err, aio.ErrClosed) || !errors.Is(err, net.ErrClosed) || !errors.As(err, &e) || e.Op != "accept" {
			t.Errorf("Accept after Close: %v", err)
		}
		return nil
	})
}

// Closing a listener ends Accept, and refuses connections that were not
// accepted. Accepted connections stay.
func TestListenerClose(t *testing.T) {
	inBubble(t, new(aio.Loop), func(b *bubble) {
		l := b.newListener()
		client := b.dial(l.Addr().String())
		c, err := l.AcceptConn()
		if err != nil {
			b.Fatalf("l.AcceptConn: %v", err)
		}
		accepts := aio.Go(b.ctx, "accept", func(context.Context) (*tcp.Conn, error) { return l.AcceptConn() })
		synctest.Wait()
		l.Close()
		if _, err := accepts.Await(b.ctx); !errors.Is(err, aio.ErrClosed) {
			b.Errorf("Accept: %v", err)
		}
		if _, err := b.net.Dial("tcp", l.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
			b.Errorf("a new client: %v", err)
		}
		io.WriteString(client, "hello")
		wantRead(b, c, "hello")
		c.Close()
		if n := ops(b.loop, "tcp.listener"); n != 0 {
			b.Errorf("%d listeners left", n)
		}
	})
}

// Connections by a channel, for select; it is closed with the listener.
func TestListenerConns(t *testing.T) {
	inBubble(t, new(aio.Loop), func(b *bubble) {
		l := b.newListener()
		if conns := l.Conns(); conns != l.Conns() {
			b.Error("Conns gives different channels")
		}
		for range 3 {
			client := b.dial(l.Addr().String())
			select {
			case c := <-l.Conns():
				io.WriteString(client, "hello")
				wantRead(b, c, "hello")
				c.Close()
			case <-time.After(time.Hour):
				b.Fatal("no connection")
			}
			client.Close()
		}
		l.Close()
		if c, ok := <-l.Conns(); ok {
			b.Errorf("got %v", c.RemoteAddr())
		}
	})
}

// A connection that was not received from Conns is closed with the listener,
// and does not delay the loop's end.
func TestListenerConnsNobodyReceives(t *testing.T) {
	inBubble(t, new(aio.Loop), func(b *bubble) {
		l := b.newListener()
		conns := l.Conns()
		first, second := b.dial(l.Addr().String()), b.dial(l.Addr().String())
		synctest.Wait()
		if n := b.loop.Stats().IncomingConns; n != 1 {
			b.Errorf("%d connections were accepted though nobody received any", n)
		}
		l.Close()
		wantEOF(b, first)
		if _, err := second.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			b.Errorf("a client in the queue: %v", err)
		}
		if c, ok := <-conns; ok {
			b.Errorf("got %v", c.RemoteAddr())
		}
	})
}

// Errors of accepting are returned by Accept, and events of Conns, which goes
// on.
func TestListenerErrors(t *testing.T) {
	var rec aiotest.Recorder
	inBubble(t, &aio.Loop{OnEvent: rec.OnEvent}, func(b *bubble) {
		ln := &faultyListener{Listener: b.listen(), err: syscall.ENOBUFS}
		l, err := tcp.NewListener(b.ctx, ln)
		if err != nil {
			b.Fatalf("tcp.NewListener: %v", err)
		}
		ln.fail(1)
		var e *aio.ConnError
		if _, err := l.Accept(); !errors.Is(err, syscall.ENOBUFS) || !errors.As(err, &e) || e.Op != "accept" || e.Code != int(syscall.ENOBUFS) {
			b.Errorf("Accept: %v", err)
		}
		if n := len(rec.Events()); n != 0 {
			b.Errorf("%d events", n)
		}
		ln.fail(4)
		client := b.dial(l.Addr().String())
		c := <-l.Conns()
		io.WriteString(client, "hello")
		wantRead(b, c, "hello")
		wantPauses(b, append(ln.failures()[1:], time.Now()), 5)
		c.Close()
		l.Close()
		if errs := errorsOf(&rec); len(errs) != 1 || !errors.Is(errs[0], syscall.ENOBUFS) {
			b.Errorf("events: %v", errs)
		}
	})
}

// The loop's drain lets the queue be accepted; its Cancel does not.
func TestListenerCancelled(t *testing.T) {
	cause := errors.New("power failure")
	synctest.Test(t, func(t *testing.T) {
		var network aiotest.Network
		var client net.Conn
		err := new(aio.Loop).Run(context.Background(), func(ctx context.Context) error {
			ln, _ := network.Listen("")
			l, err := tcp.NewListener(ctx, ln)
			if err != nil {
				return err
			}
			client, _ = network.Dial("tcp", ln.Addr().String())
			aio.LoopOf(ctx).Exit(nil)
			synctest.Wait() // the queue is taken
			aio.LoopOf(ctx).Cancel(cause)
			synctest.Wait()
			if c, err := l.Accept(); !errors.Is(err, aio.ErrClosed) {
				t.Errorf("got %v, %v", c, err)
			}
			return nil
		})
		if !errors.Is(err, cause) {
			t.Errorf("Run: %v", err)
		}
		if _, err := client.Read(make([]byte, 1)); err == nil {
			t.Error("the client was served")
		}
	})
}
