package tcp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
	"goaio.example/aio/timer"
)

// Connections that had connected, but were not accepted, when the loop exits
// get their answers.
func TestExitServesQueue(t *testing.T) {
	eachStyle(t, func(t *testing.T, server func() *tcp.Server) {
		aiotest.Run(t, func(ctx context.Context) error {
			s := server()
			s.MaxConns = 1
			if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
				return err
			}
			var clients []net.Conn
			for range 50 {
				c := connect(t, s.Addr())
				io.WriteString(c, "hello")
				clients = append(clients, c)
			}
			aio.LoopOf(ctx).Exit(nil)
			<-aio.Draining(ctx)
			for _, c := range clients {
				wantRead(t, c, "hello")
				c.(*net.TCPConn).CloseWrite()
			}
			for _, c := range clients {
				wantEOF(t, c)
				c.Close()
			}
			_, err := s.Future().Await(ctx)
			if _, err := net.Dial("tcp", s.Addr().String()); err == nil {
				t.Error("a new client was not refused")
			}
			return err
		})
	})
}

// The same for programs that call Accept.
func TestExitListenerQueue(t *testing.T) {
	for _, how := range []string{"Accept", "Conns"} {
		t.Run(how, func(t *testing.T) {
			aiotest.Run(t, func(ctx context.Context) error {
				l, err := tcp.Listen(ctx, "127.0.0.1:0")
				if err != nil {
					return err
				}
				var clients []net.Conn
				for range 20 {
					clients = append(clients, connect(t, l.Addr()))
				}
				aio.LoopOf(ctx).Exit(nil)
				<-aio.Draining(ctx)
				next := l.AcceptConn
				if how == "Conns" {
					next = func() (*tcp.Conn, error) {
						c, ok := <-l.Conns()
						if !ok {
							return nil, net.ErrClosed
						}
						return c, nil
					}
				}
				for range clients {
					c, err := next()
					if err != nil {
						return err
					}
					c.SendString("hello")
					c.CloseAfterFlush()
				}
				if c, err := next(); !errors.Is(err, net.ErrClosed) {
					t.Errorf("got %v, %v", c, err)
				}
				for _, c := range clients {
					wantRead(t, c, "hello")
					c.Close()
				}
				return nil
			})
		})
	}
}

// What a connection in progress has to say is said, also 10 s after Exit; those
// without anything to do end at once.
func TestExitFinishesWork(t *testing.T) {
	inBubble(t, &aio.Loop{Grace: time.Minute}, func(b *bubble) {
		s := &tcp.Server{Handler: tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
			if string(data) == "ping" {
				c.Send(data)
				return
			}
			timer.Delay(c.Context(), 10*time.Second, func(context.Context) error {
				c.SendString("answer")
				return nil
			})
		}}}
		addr := b.start(s)
		busy, idle := b.dial(addr), b.dial(addr)
		ask(b, idle, "ping")
		io.WriteString(busy, "question")
		synctest.Wait()
		start := time.Now()
		b.loop.Exit(nil)
		wantEOF(b, idle)
		if d := time.Since(start); d > 10*time.Millisecond {
			b.Errorf("the idle connection ended after %v", d)
		}
		wantRead(b, busy, "answer")
		wantEOF(b, busy)
		if d := time.Since(start).Round(10 * time.Millisecond); d != 10*time.Second {
			b.Errorf("the answer came after %v", d)
		}
	})
}

// What is still to be sent when the loop exits is sent, to a reader that takes
// its time.
func TestExitFlushes(t *testing.T) {
	inBubble(t, &aio.Loop{Grace: time.Hour}, func(b *bubble) {
		payload := strings.Repeat("0123456789", 100_000)
		s := &tcp.Server{Handler: tcp.Handler{Data: func(c *tcp.Conn, _ []byte) { c.SendString(payload) }}}
		c := b.dial(b.start(s))
		io.WriteString(c, "x")
		synctest.Wait()
		b.loop.Exit(nil)
		buf, got := make([]byte, 10_000), strings.Builder{}
		for {
			time.Sleep(time.Second)
			n, err := c.Read(buf)
			got.Write(buf[:n])
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				b.Fatalf("c.Read: %v", err)
			}
		}
		if got.String() != payload {
			b.Errorf("%d bytes of %d, or not the same", got.Len(), len(payload))
		}
	})
}

// Many idle connections end as soon as the loop exits, and gracefully.
func TestExitManyIdle(t *testing.T) {
	const n = 500
	aiotest.Run(t, func(ctx context.Context) error {
		s := &tcp.Server{Handler: echo, MaxConns: -1}
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		var clients []net.Conn
		for range n {
			c := connect(t, s.Addr())
			ask(t, c, "x")
			clients = append(clients, c)
		}
		aio.LoopOf(ctx).Exit(nil)
		for _, c := range clients {
			wantEOF(t, c)
			c.Close()
		}
		return nil
	})
}

// phases are the moments of a connection's life at which the loop exits.
var phases = map[string]func(b *bubble, s *tcp.Server, exit func()){
	"no connection": func(_ *bubble, _ *tcp.Server, exit func()) { exit() },
	"connected": func(b *bubble, s *tcp.Server, exit func()) {
		c := b.dial(s.Addr().String())
		exit()
		ask(b, c, "young")
		wantEOF(b, c)
	},
	"accepted": func(b *bubble, s *tcp.Server, exit func()) {
		c := b.dial(s.Addr().String())
		synctest.Wait()
		exit()
		synctest.Wait()
		ask(b, c, "young")
		wantEOF(b, c)
	},
	"request sent": func(b *bubble, s *tcp.Server, exit func()) {
		c := b.dial(s.Addr().String())
		io.WriteString(c, "hello")
		exit()
		wantRead(b, c, "hello")
		wantEOF(b, c)
	},
	"answered": func(b *bubble, s *tcp.Server, exit func()) {
		c := b.dial(s.Addr().String())
		ask(b, c, "hello")
		exit()
		wantEOF(b, c)
	},
	"half closed": func(b *bubble, s *tcp.Server, exit func()) {
		c := b.dial(s.Addr().String())
		io.WriteString(c, "hello")
		c.CloseWrite()
		exit()
		wantRead(b, c, "hello")
		wantEOF(b, c)
	},
	"reset": func(b *bubble, s *tcp.Server, exit func()) {
		c := b.dial(s.Addr().String())
		ask(b, c, "hello")
		c.Abort()
		exit()
	},
}

func TestExitPhases(t *testing.T) {
	for name, phase := range phases {
		t.Run(name, func(t *testing.T) {
			var rec aiotest.Recorder
			inBubble(t, &aio.Loop{OnEvent: rec.OnEvent}, func(b *bubble) {
				s := &tcp.Server{Handler: echo}
				b.start(s)
				start := time.Now()
				phase(b, s, func() { b.loop.Exit(nil) })
				if _, err := s.Future().Await(b.ctx); err != nil {
					b.Errorf("s.Future: %v", err)
				}
				if d := time.Since(start); d > 1100*time.Millisecond {
					b.Errorf("it took %v", d)
				}
			})
		})
	}
}

// A TLS handshake under way when the loop exits may finish.
func TestExitDuringHandshake(t *testing.T) {
	eachStyle(t, func(t *testing.T, server func() *tcp.Server) {
		inBubble(t, new(aio.Loop), func(b *bubble) {
			s := server()
			s.TLS = &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}
			raw := b.dial(b.start(s))
			synctest.Wait()
			b.loop.Exit(nil)
			synctest.Wait()
			c := tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
			ask(b, c, "hello")
			if s.Stream != nil {
				c.CloseWrite()
			}
			wantEOF(b, c)
			c.Close()
		})
	})
}

// Cancel aborts the connections, with its cause.
func TestServerCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("power failure")
		closed := make(chan error, 1)
		var network aiotest.Network
		var client net.Conn
		err := new(aio.Loop).Run(context.Background(), func(ctx context.Context) error {
			s := &tcp.Server{Handler: tcp.Handler{
				Data:   echo.Data,
				Closed: func(_ *tcp.Conn, err error) { closed <- err },
			}}
			ln, _ := network.Listen("")
			if err := s.StartOn(ctx, ln); err != nil {
				return err
			}
			client, _ = network.Dial("tcp", ln.Addr().String())
			ask(t, client, "hello")
			synctest.Wait()
			aio.LoopOf(ctx).Cancel(cause)
			return nil
		})
		if !errors.Is(err, cause) {
			t.Errorf("Run: %v", err)
		}
		if err := <-closed; !errors.Is(err, cause) {
			t.Errorf("Closed was given %v", err)
		}
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the client got %v", err)
		}
	})
}

// A server in a loop within a loop drains with the outer one.
func TestExitNested(t *testing.T) {
	inBubble(t, &aio.Loop{Grace: time.Minute}, func(b *bubble) {
		inner, addr := &aio.Loop{Name: "inner", Grace: 30 * time.Second}, make(chan string, 1)
		aio.Spawn(b.ctx, "nest", func(ctx context.Context) error {
			return inner.Run(ctx, func(ctx context.Context) error {
				s := &tcp.Server{Handler: tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
					timer.Delay(c.Context(), 10*time.Second, func(context.Context) error {
						c.SendString("late")
						return nil
					})
				}}}
				err := s.StartOn(ctx, b.listen())
				addr <- s.Addr().String()
				return err
			})
		})
		c := b.dial(<-addr)
		io.WriteString(c, "x")
		synctest.Wait()
		b.loop.Exit(nil)
		wantRead(b, c, "late")
		wantEOF(b, c)
	})
}

// A Scope lasts as long as the server in it, and ends it when it fails.
func TestScopeAroundServer(t *testing.T) {
	inBubble(t, new(aio.Loop), func(b *bubble) {
		s := &tcp.Server{Handler: echo}
		done := aio.Go(b.ctx, "scope", func(ctx context.Context) (struct{}, error) {
			return struct{}{}, aio.Scope(ctx, "serve", func(ctx context.Context) error {
				return s.StartOn(ctx, b.listen())
			})
		})
		synctest.Wait()
		c := b.dial(s.Addr().String())
		ask(b, c, "hello")
		time.Sleep(time.Hour)
		s.StopAccepting()
		ask(b, c, "hello")
		if _, err := done.Result(); !errors.Is(err, aio.ErrPending) {
			b.Errorf("the scope ended before its server: %v", err)
		}
		c.Close()
		if _, err := done.Await(b.ctx); err != nil {
			b.Errorf("done.Await: %v", err)
		}

		oops := errors.New("oops")
		s = &tcp.Server{Handler: echo}
		err := aio.Scope(b.ctx, "serve", func(ctx context.Context) error {
			if err := s.StartOn(ctx, b.listen()); err != nil {
				return err
			}
			c = b.dial(s.Addr().String())
			ask(b, c, "hello")
			return oops
		})
		if !errors.Is(err, oops) {
			b.Errorf("the scope ended with %v", err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			b.Errorf("the client got %v", err)
		}
	})
}

// A handler that does not return is named, and does not hold up the loop's end.
func TestStuckHandlerIsNamed(t *testing.T) {
	eachStyle(t, func(t *testing.T, server func() *tcp.Server) {
		synctest.Test(t, func(t *testing.T) {
			hang, entered := make(chan struct{}), make(chan struct{})
			s := server()
			stream := s.Stream != nil
			if stream {
				s.Stream = func(context.Context, *tcp.Conn) error { close(entered); <-hang; return nil }
			} else {
				s.Handler.Open = func(*tcp.Conn) { close(entered); <-hang }
			}
			network := new(aiotest.Network)
			loop := &aio.Loop{Grace: 2 * time.Second, Abandon: time.Second}
			start := time.Now()
			err := loop.Run(context.Background(), func(ctx context.Context) error {
				ln, _ := network.Listen("")
				if err := s.StartOn(ctx, ln); err != nil {
					return err
				}
				network.Dial("tcp", ln.Addr().String())
				<-entered
				loop.Exit(nil)
				return nil
			})
			if d := time.Since(start); d < 3*time.Second || d > 3100*time.Millisecond {
				t.Errorf("Run took %v", d)
			}
			var stuck *aio.StuckError
			if !errors.As(err, &stuck) {
				t.Fatalf("Run: %v", err)
			}
			named := false
			for _, op := range stuck.Ops {
				if op.Kind.String() == "tcp.conn.in" {
					named = strings.Contains(fmt.Sprint(op.Parents), "serve") && strings.Contains(op.Stack, "TestStuckHandlerIsNamed") && op.Age >= 3*time.Second
				}
			}
			if !named {
				t.Errorf("not named: %+v", stuck.Ops)
			}
			close(hang)
		})
	})
}
