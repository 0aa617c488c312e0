package tcp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// Beyond MaxConns connections wait in the accept queue, and are served later.
func TestMaxConns(t *testing.T) {
	eachStyle(t, func(t *testing.T, server func() *tcp.Server) {
		inBubble(t, new(aio.Loop), func(b *bubble) {
			s := server()
			s.MaxConns = 3
			addr := b.start(s)
			var clients []aiotest.Conn
			for range 10 {
				c := b.dial(addr)
				io.WriteString(c, "hello")
				clients = append(clients, c)
			}
			for i, c := range clients {
				synctest.Wait()
				if n, want := b.loop.Stats().IncomingConns, int64(min(3, len(clients)-i)); n != want {
					b.Errorf("%d connections are served, want %d", n, want)
				}
				wantRead(b, c, "hello")
				c.Close()
			}
			s.Close()
		})
	})
}

// 10 times as many clients as are allowed: all are served in the end, and never
// too many at a time.
func TestMaxConnsOverload(t *testing.T) {
	inBubble(t, &aio.Loop{}, func(b *bubble) {
		b.net.Backlog = 1000
		var open atomic.Int64
		s := &tcp.Server{MaxConns: 10, Stream: func(_ context.Context, c *tcp.Conn) error {
			if n := open.Add(1); n > 10 {
				b.Errorf("%d connections at once", n)
			}
			time.Sleep(time.Second)
			open.Add(-1)
			return nil
		}, OnError: func(err error) { b.Errorf("OnError: %v", err) }}
		addr := b.start(s)
		start := time.Now()
		done := make(chan bool)
		for range 100 {
			c := b.dial(addr)
			go func() {
				_, err := c.Read(make([]byte, 1))
				c.Close()
				done <- errors.Is(err, io.EOF)
			}()
		}
		for range 100 {
			if !<-done {
				b.Error("a client was not served")
			}
		}
		if d := time.Since(start); d != 10*time.Second {
			b.Errorf("it took %v", d)
		}
		s.Close()
	})
}

// Slots come back however a connection ends.
func TestMaxConnsSlotsComeBack(t *testing.T) {
	cert := selfSigned(t)
	for name, use := range map[string]func(b *bubble, s *tcp.Server, c aiotest.Conn){
		"client closes": func(_ *bubble, _ *tcp.Server, c aiotest.Conn) { c.Close() },
		"client resets": func(_ *bubble, _ *tcp.Server, c aiotest.Conn) { c.Abort() },
		"panic":         func(_ *bubble, _ *tcp.Server, c aiotest.Conn) { io.WriteString(c, "panic") },
		"Goexit":        func(_ *bubble, _ *tcp.Server, c aiotest.Conn) { io.WriteString(c, "goexit") },
		"server closes": func(_ *bubble, _ *tcp.Server, c aiotest.Conn) { io.WriteString(c, "close") },
		"abort":         func(_ *bubble, _ *tcp.Server, c aiotest.Conn) { io.WriteString(c, "abort") },
		"timeout":       func(*bubble, *tcp.Server, aiotest.Conn) { time.Sleep(time.Hour) },
		"no handshake":  func(b *bubble, s *tcp.Server, c aiotest.Conn) { io.WriteString(c, "no TLS at all") },
		"slow handshake": func(b *bubble, s *tcp.Server, c aiotest.Conn) {
			time.Sleep(11 * time.Second)
		},
	} {
		eachStyle(t, func(t *testing.T, server func() *tcp.Server) {
			t.Run(name, func(t *testing.T) {
				var rec aiotest.Recorder
				inBubble(t, &aio.Loop{CatchPanics: true, OnEvent: rec.OnEvent}, func(b *bubble) {
					s := server()
					if s.Stream != nil {
						s.Stream = obeyStream
					} else {
						s.Handler.Data = obey
					}
					s.MaxConns, s.ReadTimeout = 2, time.Minute
					if name == "no handshake" || name == "slow handshake" {
						s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
					}
					addr := b.start(s)
					for range 10 { // five times as many as there are slots
						use(b, s, b.dial(addr))
						// a server that closes waits for the client's end for 5
						// s
						time.Sleep(6 * time.Second)
					}
					if n := b.loop.Stats().IncomingConns; n != 0 {
						b.Errorf("%d connections left", n)
					}
					c := net.Conn(b.dial(addr))
					if s.TLS != nil {
						c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
					}
					ask(b, c, "hello")
					s.Close()
				})
			})
		})
	}
}

// obey does what the client says.
func obey(c *tcp.Conn, data []byte) {
	switch string(data) {
	case "panic":
		panic("told to")
	case "goexit":
		runtime.Goexit()
	case "close":
		c.Close()
	case "abort":
		c.Abort()
	default:
		c.Send(data)
	}
}

func obeyStream(_ context.Context, c *tcp.Conn) error {
	buf := make([]byte, 1024)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return err
		}
		obey(c, buf[:n])
	}
}

// Slots that were taken for the queue of a server that stops come back to the
// others of the process.
func TestMaxConnsProcess(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		for range 20 {
			s, err := tcp.Serve(ctx, "127.0.0.1:0", echo)
			if err != nil {
				return err
			}
			var clients []net.Conn
			for range 20 {
				c := connect(t, s.Addr())
				io.WriteString(c, "hello")
				clients = append(clients, c)
			}
			s.StopAccepting()
			for _, c := range clients {
				wantRead(t, c, "hello")
				c.Close()
			}
			if _, err := s.Future().Await(ctx); err != nil {
				return err
			}
			if n := tcp.ProcessSlotsTaken(); n != 0 {
				t.Fatalf("%d slots are taken", n)
			}
		}
		return nil
	})
}

// A negative MaxConns means no bound.
func TestMaxConnsNone(t *testing.T) {
	inBubble(t, new(aio.Loop), func(b *bubble) {
		s := &tcp.Server{Handler: echo, MaxConns: -1}
		addr := b.start(s)
		for range 500 {
			ask(b, b.dial(addr), "x")
		}
		if n := b.loop.Stats().IncomingConns; n != 500 {
			b.Errorf("%d connections", n)
		}
		s.Close()
	})
}
