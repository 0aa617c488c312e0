package tcp_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// These tests assert what the tests of cl-async that they are named after
// assert: tcp, pipe and tcp-ssl.

// seedTransport is what one of cl-async's test files runs over.
type seedTransport struct {
	server *tls.Config
	dialer *tcp.Dialer
	listen func(t *testing.T) string
	names  func(a net.Addr) []string // ways to dial a
}

func tcpNames(a net.Addr) []string {
	_, port, _ := net.SplitHostPort(a.String())
	return []string{"127.0.0.1:" + port, "localhost:" + port}
}

func pipeNames(a net.Addr) []string { return []string{"unix:" + a.String(), "unix:" + a.String()} }

// eachTransport runs a test over each of them.
func eachTransport(t *testing.T, test func(t *testing.T, tr seedTransport)) {
	loopback := func(*testing.T) string { return "127.0.0.1:0" }
	t.Run("tcp", func(t *testing.T) { test(t, seedTransport{nil, &tcp.Dialer{}, loopback, tcpNames}) })
	t.Run("pipe", func(t *testing.T) {
		test(t, seedTransport{nil, &tcp.Dialer{}, func(t *testing.T) string {
			return "unix:" + filepath.Join(t.TempDir(), "s")
		}, pipeNames})
	})
	t.Run("tcp-ssl", func(t *testing.T) {
		server := &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}
		test(t, seedTransport{server, &tcp.Dialer{TLS: &tls.Config{InsecureSkipVerify: true}}, loopback, tcpNames})
	})
}

// simple-client-server: a server and two clients, by address and by name. A
// request that is split over Send's data and a later Send arrives joined;
// connect-cb is called twice; the replies arrive.
func TestSeedSimpleClientServer(t *testing.T) {
	eachTransport(t, func(t *testing.T, tr seedTransport) {
		var connected atomic.Int64
		requests, replies := make(chan string, 2), make(chan string, 2)
		aiotest.Run(t, func(ctx context.Context) error {
			s := &tcp.Server{TLS: tr.server, Handler: tcp.Handler{
				Open: func(c *tcp.Conn) {
					connected.Add(1)
					c.SetValue(new(strings.Builder))
				},
				Data: func(c *tcp.Conn, data []byte) {
					req := c.Value().(*strings.Builder)
					req.Write(data)
					if strings.HasSuffix(req.String(), " ") {
						requests <- req.String()
						c.SendString("thxlol ")
						c.CloseAfterFlush()
					}
				},
				Event: func(_ *tcp.Conn, err error) { wantInfo(t, err) },
			}}
			if err := s.Start(ctx, tr.listen(t)); err != nil {
				return err
			}
			for _, addr := range tr.names(s.Addr()) {
				var reply strings.Builder
				c, err := tr.dialer.Send(ctx, addr, []byte("ha"), tcp.Handler{
					Data:   func(_ *tcp.Conn, data []byte) { reply.Write(data) },
					Event:  func(_ *tcp.Conn, err error) { wantInfo(t, err) },
					Closed: func(*tcp.Conn, error) { replies <- reply.String() },
				}).Await(ctx)
				if err != nil {
					return err
				}
				c.SendString("i ")
			}
			for range 2 {
				if s := soon(t, requests); s != "hai " {
					t.Errorf("request %q", s)
				}
				if s := soon(t, replies); s != "thxlol " {
					t.Errorf("reply %q", s)
				}
			}
			s.StopAccepting()
			return nil
		})
		if n := connected.Load(); n != 2 {
			t.Errorf("Open was called %d times", n)
		}
	})
}

func wantInfo(t *testing.T, err error) {
	t.Helper()
	if !aio.IsInfo(err) {
		t.Errorf("event %v", err)
	}
}

// connect-fail: reported as refused (a missing path as ENOENT), event-cb
// exactly once.
func TestSeedConnectFail(t *testing.T) {
	for _, tt := range []struct {
		name, addr string
		want       error
	}{
		{"tcp", freeAddr(t), aio.ErrRefused},
		{"pipe", "unix:" + filepath.Join(t.TempDir(), "none"), syscall.ENOENT},
	} {
		t.Run(tt.name, func(t *testing.T) {
			events := 0
			aiotest.Run(t, func(ctx context.Context) error {
				tcp.Send(ctx, tt.addr, []byte("hai"), tcp.Handler{
					Data: func(*tcp.Conn, []byte) { t.Error("data") },
					Event: func(c *tcp.Conn, err error) {
						events++
						if c != nil || !errors.Is(err, tt.want) || !errors.Is(err, aio.ErrConn) {
							t.Errorf("event %v, %v", c, err)
						}
					},
				})
				return nil
			})
			if events != 1 {
				t.Errorf("%d events", events)
			}
		})
	}
}

// server-close: closing the server is graceful, its open client keeps going.
func TestSeedServerClose(t *testing.T) {
	eachTransport(t, func(t *testing.T, tr seedTransport) {
		aiotest.Run(t, func(ctx context.Context) error {
			s := &tcp.Server{TLS: tr.server, Handler: echo}
			if err := s.Start(ctx, tr.listen(t)); err != nil {
				return err
			}
			addr := tr.names(s.Addr())[0]
			c, err := tr.dialer.Dial(ctx, addr).Await(ctx)
			if err != nil {
				return err
			}
			ask(t, c, "before")
			s.StopAccepting()
			if _, err := tr.dialer.Dial(ctx, addr).Await(ctx); err == nil {
				t.Error("a closed server accepts")
			}
			ask(t, c, "after")
			c.Close()
			_, err = s.Future().Await(ctx)
			return err
		})
	})
}

// server-stream: the server's side as a stream, drained by reading, and closed
// by the one that reads.
func TestSeedServerStream(t *testing.T) {
	eachTransport(t, func(t *testing.T, tr seedTransport) {
		got := make(chan string, 1)
		aiotest.Run(t, func(ctx context.Context) error {
			s := &tcp.Server{TLS: tr.server, Stream: func(_ context.Context, c *tcp.Conn) error {
				data := make([]byte, 11)
				_, err := io.ReadFull(c, data)
				got <- string(data)
				c.Close()
				return err
			}}
			if err := s.Start(ctx, tr.listen(t)); err != nil {
				return err
			}
			closed := make(chan error, 1)
			_, err := tr.dialer.Send(ctx, tr.names(s.Addr())[0], []byte("HELLO there"), tcp.Handler{
				Closed: func(_ *tcp.Conn, err error) { closed <- err },
				Event:  func(_ *tcp.Conn, err error) { wantInfo(t, err) },
			}).Await(ctx)
			if err != nil {
				return err
			}
			if s := soon(t, got); s != "HELLO there" {
				t.Errorf("got %q", s)
			}
			if err := soon(t, closed); err != nil {
				t.Errorf("closed with %v", err)
			}
			s.Close()
			return nil
		})
	})
}

// write-seq-with-offset: parts of a slice are sent in order with what comes
// later.
func TestSeedWriteSeqWithOffset(t *testing.T) {
	eachTransport(t, func(t *testing.T, tr seedTransport) {
		aiotest.Run(t, func(ctx context.Context) error {
			s := &tcp.Server{TLS: tr.server, Handler: echo}
			if err := s.Start(ctx, tr.listen(t)); err != nil {
				return err
			}
			c, err := tr.dialer.Dial(ctx, tr.names(s.Addr())[0]).Await(ctx)
			if err != nil {
				return err
			}
			data := []byte("xxhelloyy")
			c.Send(data[2:7])
			copy(data, "---------") // Send keeps nothing
			c.SendString(" world")
			wantRead(t, c, "hello world")
			c.Close()
			s.Close()
			return nil
		})
	})
}

// no-overlap: four clients, (64 KiB + 20,000 B) each way: no bytes of one
// connection in another.
func TestSeedNoOverlap(t *testing.T) {
	const size = 64<<10 + 20_000
	eachTransport(t, func(t *testing.T, tr seedTransport) {
		aiotest.Run(t, func(ctx context.Context) error {
			s := &tcp.Server{TLS: tr.server, Handler: echo}
			if err := s.Start(ctx, tr.listen(t)); err != nil {
				return err
			}
			var wg sync.WaitGroup
			for i := range 4 {
				addr := tr.names(s.Addr())[i%2]
				wg.Go(func() { overlapClient(ctx, t, tr.dialer, addr, byte(i), size) })
			}
			wg.Wait()
			s.Close()
			return nil
		})
	})
}

// overlapClient sends bytes of its own by and by, and wants them all back.
func overlapClient(ctx context.Context, t *testing.T, d *tcp.Dialer, addr string, id byte, size int) {
	data := make([]byte, size)
	for i := range data {
		data[i] = id<<6 | byte(i)&0x3f
	}
	var got bytes.Buffer
	all := make(chan struct{})
	c, err := d.Send(ctx, addr, data[:1], tcp.Handler{
		Data: func(_ *tcp.Conn, p []byte) {
			got.Write(p)
			if got.Len() == size {
				close(all)
			}
		},
		Event: func(_ *tcp.Conn, err error) { t.Errorf("event %v", err) },
	}).Await(ctx)
	if err != nil {
		t.Errorf("d.Send: %v", err)
		return
	}
	for rest := data[1:]; len(rest) > 0; {
		n := min(len(rest), 1+rand.IntN(20_000))
		if _, err := c.Send(rest[:n]).Await(ctx); err != nil {
			t.Errorf("c.Send: %v", err)
			return
		}
		rest = rest[n:]
	}
	soon(t, all)
	if !bytes.Equal(got.Bytes(), data) {
		t.Errorf("client %d got something else than it sent", id)
	}
	c.Close()
}

// wrap-existing-fd: a listener and a connection made from descriptors that were
// there before.
func TestSeedWrapExistingFD(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("package net makes nothing of descriptors there")
	}
	aiotest.Run(t, func(ctx context.Context) error {
		first, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return err
		}
		defer first.Close()
		f, err := first.File() // as a parent process may pass it on
		if err != nil {
			return err
		}
		defer f.Close()
		ln, err := net.FileListener(f)
		if err != nil {
			return err
		}
		s := &tcp.Server{Handler: echo}
		if err := s.StartOn(ctx, ln); err != nil {
			return err
		}
		defer s.Close()
		d := &tcp.Dialer{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			defer c.Close()
			f, err := c.(*net.TCPConn).File()
			if err != nil {
				return nil, err
			}
			defer f.Close()
			return net.FileConn(f)
		}}
		c, err := d.Dial(ctx, s.Addr().String()).Await(ctx)
		if err != nil {
			return err
		}
		if c.FD() < 0 {
			t.Error("the connection tells no descriptor")
		}
		ask(t, c, "hello")
		return c.Close()
	})
}
