package tcp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// reusable skips the test on systems that do not support several listeners on
// one port.
func reusable(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the other listeners on a port do not get what comes to one that closes")
	}
}

// shortCalls has clients connect to addr, ask and hang up until stop is closed.
// Each of them counts.
func shortCalls(addr string, stop <-chan struct{}, done, failed *atomic.Int64, told func(error)) (wait func()) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := shortCall(addr); err != nil {
					failed.Add(1)
					told(err)
				}
				done.Add(1)
			}
		})
	}
	return wg.Wait
}

func shortCall(addr string) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, "hello"); err != nil {
		return err
	}
	var got [5]byte
	if n, err := io.ReadFull(c, got[:]); err != nil || string(got[:]) != "hello" {
		return fmt.Errorf("read %q: %w", got[:n], err)
	}
	return nil
}

// comeAndGo is one of several on addr until it has served 200 connections,
// calls leave, and ends gracefully when that has returned.
type comeAndGo func(ctx context.Context, addr string, leave func()) error

func serverComesAndGoes(ctx context.Context, addr string, leave func()) error {
	var served atomic.Int64
	enough := make(chan struct{})
	s := &tcp.Server{ReusePort: true, Handler: tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
		c.Send(data)
		if served.Add(1) == 200 {
			close(enough)
		}
	}}}
	if err := s.Start(ctx, addr); err != nil {
		return err
	}
	<-enough
	leave()
	return s.Shutdown(ctx)
}

func listenerComesAndGoes(_ context.Context, addr string, leave func()) error {
	return aio.Run(context.Background(), func(ctx context.Context) error {
		lc := tcp.ListenConfig{ReusePort: true}
		l, err := lc.Listen(ctx, addr)
		if err != nil {
			return err
		}
		for served := 1; ; served++ {
			c, err := l.AcceptConn()
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			if err != nil {
				return err
			}
			aio.Spawn(ctx, "", func(context.Context) error {
				defer c.CloseAfterFlush()
				_, err := io.CopyN(c, c, 5)
				return err
			})
			if served == 200 {
				aio.Spawn(ctx, "leave", func(context.Context) error {
					leave()
					aio.LoopOf(ctx).Exit(nil)
					return nil
				})
			}
		}
	})
}

// While listeners come to a port and go, no client is refused or reset.
func TestReusePortLosesNothing(t *testing.T) {
	reusable(t)
	t.Parallel() // most of the time is that after which a client tries again
	aiotest.Runner{Parallel: true}.Run(t, func(ctx context.Context) error {
		var g errgroup.Group
		for name, comeAndGo := range map[string]comeAndGo{"servers": serverComesAndGoes, "listeners": listenerComesAndGoes} {
			g.Go(func() error { return loseNothing(t, ctx, name, comeAndGo) })
		}
		return g.Wait()
	})
}

// loseNothing has clients call a port to which two listeners come and go.
func loseNothing(t *testing.T, ctx context.Context, name string, comeAndGo comeAndGo) error {
	steady := &tcp.Server{ReusePort: true, Handler: echo}
	if err := steady.Start(ctx, "127.0.0.1:0"); err != nil {
		return err
	}
	defer steady.Close()
	addr := steady.Addr().String()
	stop := make(chan struct{})
	var done, failed atomic.Int64
	wait := shortCalls(addr, stop, &done, &failed, func(err error) { t.Error(name, err) })
	defer wait()
	defer close(stop)
	var g errgroup.Group
	var ready sync.WaitGroup // both leave at the same time
	ready.Add(2)
	for range 2 {
		g.Go(func() error {
			return comeAndGo(ctx, addr, func() {
				ready.Done()
				ready.Wait()
			})
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	t.Logf("%s: %d connections, %d failed", name, done.Load(), failed.Load())
	return nil
}

// Servers on one port all get connections. A server that is not one of them
// does not get in between.
func TestReusePort(t *testing.T) {
	reusable(t)
	aiotest.Run(t, func(ctx context.Context) error {
		var got [3]atomic.Int64
		addr := "127.0.0.1:0"
		for i := range got {
			s := &tcp.Server{ReusePort: true, Stream: func(_ context.Context, c *tcp.Conn) error {
				got[i].Add(1)
				return c.Close()
			}}
			if err := s.Start(ctx, addr); err != nil {
				return err
			}
			addr = s.Addr().String()
			defer s.Close()
		}
		if l, err := tcp.Listen(ctx, addr); err == nil {
			l.Close()
			t.Error("a listener without ReusePort got the port too")
		}
		all := func() bool { return got[0].Load() > 0 && got[1].Load() > 0 && got[2].Load() > 0 }
		for range 1000 { // each client is anybody's, with equal chances
			c := connect(t, mustAddr(addr))
			wantEOF(t, c)
			c.Close()
			if all() {
				return nil
			}
		}
		t.Errorf("of 1000 clients they got %d, %d and %d", got[0].Load(), got[1].Load(), got[2].Load())
		return nil
	})
}

func mustAddr(s string) net.Addr {
	a, err := net.ResolveTCPAddr("tcp", s)
	if err != nil {
		panic(err)
	}
	return a
}

// At once is at once: closing one of several does not wait, and neither does
// the end of a loop without Grace.
func TestReusePortClose(t *testing.T) {
	reusable(t)
	for _, how := range []string{"close", "cancel"} {
		t.Run(how, func(t *testing.T) {
			aiotest.Run(t, func(ctx context.Context) error {
				s := &tcp.Server{ReusePort: true, Handler: echo}
				if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
					return err
				}
				lc := tcp.ListenConfig{ReusePort: true}
				l, err := lc.Listen(ctx, s.Addr().String())
				if err != nil {
					return err
				}
				if how == "cancel" {
					aio.LoopOf(ctx).Exit(nil)
					<-aio.Draining(ctx)
					aio.LoopOf(ctx).Cancel(nil)
				} else {
					s.Close()
					l.Close()
				}
				<-s.Future().Done()
				if c, err := net.Dial("tcp", s.Addr().String()); err == nil {
					c.Close()
					t.Error("somebody still listens")
				}
				return nil
			})
		})
	}
}

// What the system cannot do is said, as what it is.
func TestReusePortUnsupported(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		addrs := []string{"unix:" + t.TempDir() + "/s"}
		if runtime.GOOS != "linux" && runtime.GOOS != "freebsd" {
			addrs = append(addrs, "127.0.0.1:0")
		}
		for _, addr := range addrs {
			s := &tcp.Server{ReusePort: true, Handler: echo}
			err := s.Start(ctx, addr)
			if !errors.Is(err, errors.ErrUnsupported) || !errors.Is(err, aio.ErrConn) {
				t.Errorf("Start on %s: %v", addr, err)
			}
			lc := tcp.ListenConfig{ReusePort: true}
			if _, err := lc.Listen(ctx, addr); !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("Listen on %s: %v", addr, err)
			}
		}
		return nil
	})
}
