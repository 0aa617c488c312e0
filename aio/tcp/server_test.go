package tcp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// eachStyle runs a test for an echo server of each style.
func eachStyle(t *testing.T, test func(t *testing.T, server func() *tcp.Server)) {
	t.Run("handler", func(t *testing.T) { test(t, func() *tcp.Server { return &tcp.Server{Handler: echo} }) })
	t.Run("stream", func(t *testing.T) { test(t, func() *tcp.Server { return &tcp.Server{Stream: echoStream} }) })
}

// cl-async's test-address-in-use: the error comes at the call.
func TestServerAddressInUse(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		s, err := tcp.Serve(ctx, "127.0.0.1:0", echo)
		if err != nil {
			return err
		}
		defer s.Close()
		_, err = tcp.Serve(ctx, s.Addr().String(), echo)
		var e *aio.ConnError
		if !errors.As(err, &e) || !errors.Is(err, aio.ErrConn) || !errors.Is(err, syscall.EADDRINUSE) {
			t.Fatalf("got %v", err)
		}
		if e.Op != "listen" || e.Addr != s.Addr().String() || e.FD != -1 || e.Code != int(syscall.EADDRINUSE) || e.Msg == "" {
			t.Errorf("got %+v", e)
		}
		_, err = tcp.Listen(ctx, s.Addr().String())
		if !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("Listen: %v", err)
		}
		return nil
	})
}

func TestServerBadAddress(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		for _, addr := range []string{"nonsense", "127.0.0.1:99999", "127.0.0.1:no such service", "unix:/no/such/dir/s", "tcp6:127.0.0.1:0", "256.1.1.1:0"} {
			s, err := tcp.Serve(ctx, addr, echo)
			if err == nil {
				s.Close()
			}
			var e *aio.ConnError
			if !errors.As(err, &e) || e.Op != "listen" || e.FD != -1 || e.Msg == "" {
				t.Errorf("%q: %v", addr, err)
			}
		}
		return nil
	})
}

func TestServerStartErrors(t *testing.T) {
	if _, err := tcp.Serve(context.Background(), "127.0.0.1:0", echo); !errors.Is(err, aio.ErrNoLoop) {
		t.Errorf("without a loop: %v", err)
	}
	if _, err := tcp.Listen(context.Background(), "127.0.0.1:0"); !errors.Is(err, aio.ErrNoLoop) {
		t.Errorf("Listen without a loop: %v", err)
	}
	var network aiotest.Network
	ln, _ := network.Listen("srv:1")
	if err := (&tcp.Server{Handler: echo}).StartOn(context.Background(), ln); !errors.Is(err, aio.ErrNoLoop) {
		t.Errorf("StartOn without a loop: %v", err)
	}
	ln, err := network.Listen("srv:1") // StartOn has closed the other one
	if err != nil {
		t.Fatalf("network.Listen: %v", err)
	}
	if _, err := tcp.NewListener(context.Background(), ln); !errors.Is(err, aio.ErrNoLoop) {
		t.Errorf("NewListener without a loop: %v", err)
	}

	var old context.Context
	aiotest.Run(t, func(ctx context.Context) error {
		old = ctx
		var s tcp.Server
		if err := s.Start(ctx, "127.0.0.1:0"); err == nil {
			t.Error("a server that serves nothing was started")
		}
		s = tcp.Server{Handler: echo}
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			t.Errorf("s.Start: %v", err)
		}
		if err := s.Start(ctx, "127.0.0.1:0"); err == nil {
			t.Error("started twice")
		}
		s.Close()

		cause := errors.New("no more")
		dead, cancel := context.WithCancelCause(ctx)
		cancel(cause)
		if _, err := tcp.Serve(dead, "127.0.0.1:0", echo); !errors.Is(err, cause) {
			t.Errorf("with a dead ctx: %v", err)
		}
		return nil
	})
	if _, err := tcp.Serve(old, "127.0.0.1:0", echo); !errors.Is(err, aio.ErrLoopDone) {
		t.Errorf("after the loop: %v", err)
	}
	if _, err := tcp.Listen(old, "127.0.0.1:0"); !errors.Is(err, aio.ErrLoopDone) {
		t.Errorf("Listen after the loop: %v", err)
	}
}

func TestServerNotStarted(t *testing.T) {
	var s tcp.Server
	s.StopAccepting()
	s.Close()
	if err := s.Shutdown(context.Background()); err != nil || s.Addr() != nil {
		t.Errorf("%v, %v", err, s.Addr())
	}
}

// The seed's nil address: a port of all addresses.
func TestServerAnyAddress(t *testing.T) {
	eachStyle(t, func(t *testing.T, server func() *tcp.Server) {
		aiotest.Run(t, func(ctx context.Context) error {
			s := server()
			if err := s.Start(ctx, ":0"); err != nil {
				return err
			}
			defer s.Close()
			port := s.Addr().(*net.TCPAddr).Port
			c := connect(t, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
			ask(t, c, "hello")
			c.Close()
			return nil
		})
	})
}

func TestServerUnix(t *testing.T) {
	eachStyle(t, func(t *testing.T, server func() *tcp.Server) {
		aiotest.Run(t, func(ctx context.Context) error {
			path := filepath.Join(t.TempDir(), "sock")
			s := server()
			if err := s.Start(ctx, "unix:"+path); err != nil {
				return err
			}
			defer s.Close()
			if s.Addr().Network() != "unix" || s.Addr().String() != path {
				t.Errorf("address %v", s.Addr())
			}
			if _, err := tcp.Serve(ctx, "unix:"+path, echo); !errors.Is(err, syscall.EADDRINUSE) {
				t.Errorf("second server: %v", err)
			}
			c := connect(t, s.Addr())
			ask(t, c, "hello")
			c.Close()
			return nil
		})
	})
}

// Connections are children of their server, and count while they are open.
func TestServerConnsAreChildren(t *testing.T) {
	eachStyle(t, func(t *testing.T, server func() *tcp.Server) {
		inBubble(t, new(aio.Loop), func(b *bubble) {
			s := server()
			addr := b.start(s)
			c := b.dial(addr)
			ask(b, c, "hello")
			found := false
			for op := range b.loop.Ops() {
				if op.Kind.String() == "tcp.conn.in" {
					found = true
					if !slices.Contains(op.Parents, "serve "+addr) {
						b.Errorf("parents: %q", op.Parents)
					}
				}
			}
			if n := b.loop.Stats().IncomingConns; !found || n != 1 {
				b.Errorf("found: %v, %d connections", found, n)
			}
			c.Close()
			synctest.Wait()
			if n := b.loop.Stats().IncomingConns; n != 0 {
				b.Errorf("%d connections left", n)
			}
			s.Close()
		})
	})
}

// cl-async's tcp-server-close: open clients go on, new ones are refused.
func TestServerStopAccepting(t *testing.T) {
	eachStyle(t, func(t *testing.T, server func() *tcp.Server) {
		inBubble(t, new(aio.Loop), func(b *bubble) {
			s := server()
			addr := b.start(s)
			c := b.dial(addr)
			ask(b, c, "one")
			s.StopAccepting()
			if _, err := b.net.Dial("tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) {
				b.Errorf("a new client: %v", err)
			}
			time.Sleep(time.Hour)
			ask(b, c, "two")
			if _, err := s.Future().Result(); !errors.Is(err, aio.ErrPending) {
				b.Errorf("future: %v", err)
			}
			s.StopAccepting()
			c.Close()
			if _, err := s.Future().Await(b.ctx); err != nil {
				b.Errorf("future: %v", err)
			}
		})
	})
}

// What the kernel had queued when accepting stopped is served.
func TestServerStopAcceptingServesQueue(t *testing.T) {
	eachStyle(t, func(t *testing.T, server func() *tcp.Server) {
		for _, network := range []string{"tcp", "unix"} {
			t.Run(network, func(t *testing.T) {
				aiotest.Run(t, func(ctx context.Context) error {
					s := server()
					s.MaxConns = 1 // so that the others wait in the queue
					addr := "127.0.0.1:0"
					if network == "unix" {
						addr = "unix:" + filepath.Join(t.TempDir(), "s")
					}
					if err := s.Start(ctx, addr); err != nil {
						return err
					}
					var clients []net.Conn
					for i := range 20 {
						c := connect(t, s.Addr())
						io.WriteString(c, strconv.Itoa(i))
						clients = append(clients, c)
					}
					s.StopAccepting()
					if _, err := net.Dial(network, s.Addr().String()); err == nil {
						t.Error("a new client was not refused")
					}
					for i, c := range clients {
						wantRead(t, c, strconv.Itoa(i))
						c.Close()
					}
					_, err := s.Future().Await(ctx)
					return err
				})
			})
		}
	})
}

func TestServerShutdown(t *testing.T) {
	inBubble(t, new(aio.Loop), func(b *bubble) {
		other := b.start(&tcp.Server{Handler: echo})
		slow := tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
			aio.Spawn(c.Context(), "answer", func(context.Context) error {
				time.Sleep(10 * time.Second)
				c.SendString("answer")
				return nil
			})
		}}
		s := &tcp.Server{Handler: slow}
		addr := b.start(s)
		stays := b.dial(other)
		ask(b, stays, "x")
		busy, quiet := b.dial(addr), b.dial(addr)
		io.WriteString(busy, "question")
		synctest.Wait()
		start := time.Now()

		ctx, cancel := context.WithTimeoutCause(b.ctx, time.Second/2, errors.New("too slow"))
		defer cancel()
		var late *aio.AwaitError
		if err := s.Shutdown(ctx); !errors.As(err, &late) || late.Cause.Error() != "too slow" {
			b.Errorf("Shutdown: %v", err)
		}
		if _, err := b.net.Dial("tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) {
			b.Errorf("a new client: %v", err)
		}
		wantEOF(b, quiet)
		if d := time.Since(start).Round(10 * time.Millisecond); d != time.Second {
			b.Errorf("the connection without data ended after %v", d)
		}
		wantRead(b, busy, "answer")
		wantEOF(b, busy)
		if d := time.Since(start).Round(10 * time.Millisecond); d != 10*time.Second {
			b.Errorf("the busy connection ended after %v", d)
		}
		if err := s.Shutdown(b.ctx); err != nil {
			b.Errorf("second Shutdown: %v", err)
		}
		ask(b, stays, "y") // the other server's connections are not touched
		b.loop.Exit(nil)
	})
}

// Shutdown waits for streams, which end by themselves.
func TestServerShutdownStream(t *testing.T) {
	inBubble(t, new(aio.Loop), func(b *bubble) {
		s := &tcp.Server{Stream: echoStream}
		c := b.dial(b.start(s))
		ask(b, c, "one")
		done := aio.Go(b.ctx, "shutdown", func(ctx context.Context) (struct{}, error) {
			return struct{}{}, s.Shutdown(ctx)
		})
		time.Sleep(time.Hour)
		ask(b, c, "two")
		c.Close()
		if _, err := done.Await(b.ctx); err != nil {
			b.Errorf("done.Await: %v", err)
		}
	})
}

func TestServerClose(t *testing.T) {
	inBubble(t, new(aio.Loop), func(b *bubble) {
		ends := make(chan error, 2)
		var returned error
		h := tcp.Handler{
			Data:   echo.Data,
			Event:  func(_ *tcp.Conn, err error) { b.Errorf("event %v", err) },
			Closed: func(_ *tcp.Conn, err error) { ends <- err },
		}
		s, stream := &tcp.Server{Handler: h}, &tcp.Server{Stream: func(ctx context.Context, c *tcp.Conn) error {
			_, err := io.Copy(c, c)
			returned = err
			if cause := context.Cause(ctx); !errors.Is(cause, aio.ErrClosed) {
				b.Errorf("cause %v", cause)
			}
			return err
		}}
		c, c2 := b.dial(b.start(s)), b.dial(b.start(stream))
		ask(b, c, "one")
		ask(b, c2, "two")
		s.Close()
		stream.Close()
		s.Close()
		if err := <-ends; !errors.Is(err, aio.ErrClosed) {
			b.Errorf("Closed was given %v", err)
		}
		if _, err := aio.Settle(b.ctx, s.Future(), stream.Future()).Await(b.ctx); err != nil {
			b.Errorf("aio.Settle: %v", err)
		}
		if !errors.Is(returned, aio.ErrClosed) {
			b.Errorf("the stream was given %v", returned)
		}
		for _, c := range []net.Conn{c, c2} {
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				b.Errorf("the client got %v", err)
			}
		}
		if len(ends) > 0 {
			b.Error("Closed twice")
		}
	})
}

// A server that was started while the loop drains accepts no connections,
// unless work in progress needs it.
func TestServerStartedWhileDraining(t *testing.T) {
	inBubble(t, new(aio.Loop), func(b *bubble) {
		aio.Spawn(b.ctx, "work", func(ctx context.Context) error {
			<-aio.Draining(ctx)
			s := &tcp.Server{Handler: echo}
			ln := b.listen()
			if err := s.StartOn(ctx, ln); err != nil {
				return err
			}
			c := b.dial(s.Addr().String())
			ask(b, c, "for work in progress")
			c.Close()
			s.Close()
			return nil
		})
		b.loop.Exit(nil)
		<-b.loop.Draining()
		s := &tcp.Server{Handler: echo}
		addr := b.start(s)
		if _, err := b.net.Dial("tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) {
			b.Errorf("a client: %v", err)
		}
		if _, err := s.Future().Await(b.ctx); err != nil {
			b.Errorf("s.Future: %v", err)
		}
		l, err := tcp.NewListener(b.ctx, b.listen())
		if err != nil {
			b.Fatalf("tcp.NewListener: %v", err)
		}
		if _, err := l.Accept(); !errors.Is(err, aio.ErrClosed) {
			b.Errorf("Accept: %v", err)
		}
	})
}

// The end of the ctx that a server was started with ends it, and what it
// serves.
func TestServerCtxEnds(t *testing.T) {
	eachStyle(t, func(t *testing.T, server func() *tcp.Server) {
		inBubble(t, new(aio.Loop), func(b *bubble) {
			ctx, cancel := context.WithCancel(b.ctx)
			s := server()
			if err := s.StartOn(ctx, b.listen()); err != nil {
				b.Fatalf("s.StartOn: %v", err)
			}
			c := b.dial(s.Addr().String())
			ask(b, c, "hello")
			cancel()
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				b.Errorf("the client got %v", err)
			}
			if _, err := s.Future().Await(b.ctx); err != nil {
				b.Errorf("s.Future: %v", err)
			}
		})
	})
}

// A Stream's error is an event, except the peer's EOF.
func TestServerStreamError(t *testing.T) {
	var rec aiotest.Recorder
	inBubble(t, &aio.Loop{OnEvent: rec.OnEvent}, func(b *bubble) {
		oops := errors.New("oops")
		s := &tcp.Server{Stream: func(_ context.Context, c *tcp.Conn) error {
			buf := make([]byte, 16)
			n, err := c.Read(buf)
			c.Send(buf[:n])
			if err != nil {
				return err
			}
			if string(buf[:n]) == "panic" {
				panic("oops")
			}
			return fmt.Errorf("serving: %w", oops)
		}}
		b.loop.CatchPanics = true
		addr := b.start(s)
		c := b.dial(addr)
		ask(b, c, "bad")
		wantEOF(b, c)
		c.Close()
		b.dial(addr).Close()
		synctest.Wait()
		if e := rec.Events(); len(e) != 1 || !errors.Is(e[0].Err, oops) || e[0].Op.Kind.String() != "tcp.conn.in" {
			b.Errorf("events: %v", e)
		}
		c = b.dial(addr)
		io.WriteString(c, "panic")
		synctest.Wait()
		var p *aio.PanicError
		if e := rec.Events(); len(e) != 2 || !errors.As(e[1].Err, &p) {
			b.Errorf("events: %v", e)
		}
		s.Close()
	})
}
