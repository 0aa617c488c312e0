package tcp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// handing returns a server whose connections come out of a channel, with a
// handler.
func handing(conns chan *tcp.Conn) func() *tcp.Server {
	return func() *tcp.Server {
		return &tcp.Server{HighWater: 64 << 20, Handler: tcp.Handler{
			Open:  func(c *tcp.Conn) { conns <- c },
			Event: func(*tcp.Conn, error) {},
		}}
	}
}

// much is more than sockets hold.
const much = 16 << 20

// wantMuch reads much, and waits for wrote.
func wantMuch(t *testing.T, r io.Reader) {
	t.Helper()
	if n, err := io.CopyN(io.Discard, r, much); err != nil {
		t.Errorf("read %d bytes of %d, %v", n, much, err)
	}
}

// giveUp gives a connection's handler up, and waits until it has left.
func giveUp(t *testing.T, c *tcp.Conn) {
	t.Helper()
	if err := c.SetHandler(tcp.Handler{}); err != nil {
		t.Errorf("c.SetHandler: %v", err)
	}
	aiotest.Eventually(t, func() bool { return !tcp.IsBare(c) })
}

// A Write that waits for room goes on when the handler is given up meanwhile,
// and so does what Send has queued.
func TestPromoteWhileWriting(t *testing.T) {
	conns := make(chan *tcp.Conn, 1)
	for name, write := range map[string]func(c *tcp.Conn, p []byte) error{
		"Write": func(c *tcp.Conn, p []byte) error { _, err := c.Write(p); return err },
		"Send":  func(c *tcp.Conn, p []byte) error { _, err := c.Send(p).Await(context.Background()); return err },
	} {
		t.Run(name, func(t *testing.T) {
			serving(t, handing(conns), "127.0.0.1:0", func(t *testing.T, ctx context.Context, s *tcp.Server) {
				peer := connect(t, s.Addr())
				defer peer.Close()
				c := soon(t, conns)
				wrote := make(chan error, 1)
				go func() { wrote <- write(c, make([]byte, much)) }()
				aiotest.Eventually(t, func() bool { return tcp.WriteWaits(c) || c.Buffered() > 0 || !tcp.IsBare(c) })
				giveUp(t, c)
				wantMuch(t, peer)
				if err := soon(t, wrote); err != nil {
					t.Errorf("waiting for wrote: %v", err)
				}
				ask(t, loopback{peer, c}, "on")
				c.Close()
			})
		})
	}
}

// The deadline of a Write that waits is kept to when the connection is promoted
// meanwhile.
func TestPromoteWriteDeadline(t *testing.T) {
	conns := make(chan *tcp.Conn, 1)
	serving(t, handing(conns), "127.0.0.1:0", func(t *testing.T, ctx context.Context, s *tcp.Server) {
		defer connect(t, s.Addr()).Close()
		c := soon(t, conns)
		// on a busy machine it may pass at any point of the test
		c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
		wrote := make(chan error, 1)
		go func() { _, err := c.Write(make([]byte, much)); wrote <- err }()
		aiotest.Eventually(t, func() bool { return tcp.WriteWaits(c) || !tcp.IsBare(c) || len(wrote) > 0 })
		giveUp(t, c)
		if err := soon(t, wrote); !errors.Is(err, aio.ErrTimeout) {
			t.Errorf("Write failed with %v, want %v", err, aio.ErrTimeout)
		}
		c.Close()
	})
}

// What was queued before StartTLS goes out before the handshake.
func TestPromoteTLSWithQueue(t *testing.T) {
	cert := selfSigned(t)
	server := func() *tcp.Server {
		return &tcp.Server{HighWater: 64 << 20, Handler: tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
			if _, secure := c.TLS(); secure {
				c.Send(data)
				return
			}
			c.Send(make([]byte, much))
			c.StartTLSServer(&tls.Config{Certificates: []tls.Certificate{cert}})
		}}}
	}
	serving(t, server, "127.0.0.1:0", func(t *testing.T, ctx context.Context, s *tcp.Server) {
		peer := connect(t, s.Addr())
		defer peer.Close()
		io.WriteString(peer, "STARTTLS")
		wantMuch(t, peer)
		secure := tls.Client(peer, &tls.Config{InsecureSkipVerify: true})
		ask(t, secure, "hello")
		secure.Close()
	})
}

// The addresses stay when the connection is promoted or closed, also where the
// listener has no single one.
func TestPromoteAddr(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", ":0", "0.0.0.0:0", "[::1]:0"} {
		conns := make(chan *tcp.Conn, 2)
		t.Run(addr, func(t *testing.T) {
			serving(t, handing(conns), addr, func(t *testing.T, ctx context.Context, s *tcp.Server) {
				for _, promote := range []bool{false, true} {
					host := "127.0.0.1"
					if addr[0] == '[' {
						host = "::1"
					}
					_, port, _ := net.SplitHostPort(s.Addr().String())
					peer, err := net.Dial("tcp", net.JoinHostPort(host, port))
					if err != nil {
						t.Fatalf("net.Dial: %v", err)
					}
					c := soon(t, conns)
					check := func(when string) {
						t.Helper()
						l, r := c.LocalAddr(), c.RemoteAddr()
						if l == nil || r == nil || l.String() != peer.RemoteAddr().String() || r.String() != peer.LocalAddr().String() {
							t.Errorf("%s (promoted: %v): %v to %v, want %v to %v", when, promote, l, r, peer.RemoteAddr(), peer.LocalAddr())
						}
					}
					if promote {
						giveUp(t, c)
						check("promoted")
					}
					c.Close()
					check("closed")
					peer.Close()
				}
			})
		})
	}
}

// A poller that looks late at a connection which has left it, and is closed by
// now, makes no callbacks.
func TestStaleEvents(t *testing.T) {
	conns := make(chan *tcp.Conn, 1)
	serving(t, handing(conns), "127.0.0.1:0", func(t *testing.T, ctx context.Context, s *tcp.Server) {
		peer := connect(t, s.Addr())
		defer peer.Close()
		c := soon(t, conns)
		giveUp(t, c)
		p := newTape(t)
		err := c.SetHandler(p.handler(tcp.Handler{Data: func(c *tcp.Conn, _ []byte) {
			tcp.ServeStale(c)
			c.Close()
			tcp.ServeStale(c)
		}}))
		if err != nil {
			t.Errorf("c.SetHandler: %v", err)
		}
		io.WriteString(peer, "x")
		p.want(nil, "data", "closed")
		tcp.ServeStale(c)
	})
}

// A connection is a net.Conn also when its handler was given up.
func TestNetConnPromoted(t *testing.T) {
	overEngines(t, func(t *testing.T) {
		nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
			ctx, end := backgroundLoop(t)
			conns := make(chan *tcp.Conn, 1)
			s := handing(conns)()
			if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
				return nil, nil, end, err
			}
			peer, err := tcp.Dial(ctx, s.Addr().String()).Await(ctx)
			if err != nil {
				return nil, nil, end, err
			}
			c := <-conns
			return peer, c, end, c.SetHandler(tcp.Handler{})
		})
	})
}

// The pollers refer to a connection while they serve it only: not when it is
// closed, in whatever way, nor when its socket has become one of Go's.
func TestPollersForget(t *testing.T) {
	for how, leave := range map[string]func(c *tcp.Conn, peer net.Conn){
		"Close":           func(c *tcp.Conn, _ net.Conn) { c.Close() },
		"Abort":           func(c *tcp.Conn, _ net.Conn) { c.Abort() },
		"CloseAfterFlush": func(c *tcp.Conn, peer net.Conn) { c.CloseAfterFlush(); peer.Close() },
		"the peer's end":  func(_ *tcp.Conn, peer net.Conn) { peer.Close() },
		"the peer's reset": func(_ *tcp.Conn, peer net.Conn) {
			peer.(*net.TCPConn).SetLinger(0)
			peer.Close()
		},
		"stream style": func(c *tcp.Conn, _ net.Conn) {
			c.SetHandler(tcp.Handler{})
			aiotest.Eventually(t, func() bool { return !tcp.IsBare(c) })
			c.Abort()
		},
		"stream style, whose hang-up they tell of": func(c *tcp.Conn, _ net.Conn) {
			c.SetHandler(tcp.Handler{})
			aiotest.Eventually(t, func() bool { return !tcp.IsBare(c) })
			c.AfterHangUp(func(error) {})
			c.Abort()
		},
	} {
		t.Run(how, func(t *testing.T) {
			aiotest.RunLoop(t, &aio.Loop{OnEvent: func(aio.Event) {}}, func(ctx context.Context) error {
				conns := make(chan *tcp.Conn, 1)
				s := &tcp.Server{Handler: tcp.Handler{Open: func(c *tcp.Conn) { conns <- c }}}
				if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
					return err
				}
				peer := connect(t, s.Addr())
				defer peer.Close()
				c := soon(t, conns)
				if !tcp.InTable(c) {
					t.Error("the pollers do not know an open connection")
				}
				leave(c, peer)
				soon(t, c.Done())
				if aiotest.Eventually(t, func() bool { return ops(aio.LoopOf(ctx), "tcp.conn.in") == 0 }); tcp.InTable(c) {
					t.Error("the pollers still refer to the connection")
				}
				aio.LoopOf(ctx).Exit(nil)
				return nil
			})
		})
	}
}

// A write deadline that passes ends a Write that waits also on a connection
// that has a handler.
func TestHandlerWriteDeadline(t *testing.T) {
	conns := make(chan *tcp.Conn, 1)
	serving(t, handing(conns), "127.0.0.1:0", func(t *testing.T, ctx context.Context, s *tcp.Server) {
		defer connect(t, s.Addr()).Close()
		c := soon(t, conns)
		c.SetWriteDeadline(time.Now().Add(time.Hour))
		wrote := make(chan error, 1)
		go func() { _, err := c.Write(make([]byte, much)); wrote <- err }()
		aiotest.Eventually(t, func() bool { return tcp.WriteWaits(c) || !tcp.IsBare(c) })
		c.SetWriteDeadline(time.Now())
		if err := soon(t, wrote); !errors.Is(err, aio.ErrTimeout) {
			t.Errorf("Write failed with %v, want %v", err, aio.ErrTimeout)
		}
		c.Close()
	})
}
