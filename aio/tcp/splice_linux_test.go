package tcp_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// splices runs a test in a loop over each transport that can be spliced.
func splices(t *testing.T, test func(w *world)) {
	t.Helper()
	for _, transport := range transports {
		if polled(transport) {
			t.Run(transport, func(t *testing.T) {
				aiotest.CheckLeaks(t)
				newWorld(t, transport).run(new(aio.Loop), test)
				if n := tcp.Ducts(); n != 0 {
					t.Errorf("%d ducts are open", n)
				}
			})
		}
	}
}

// countSplices counts what goes into ducts and what comes out.
func countSplices(t *testing.T) (in, out *atomic.Int64) {
	in, out = new(atomic.Int64), new(atomic.Int64)
	t.Cleanup(tcp.OnSplice(func(into bool, _ *int) error {
		if into {
			in.Add(1)
		} else {
			out.Add(1)
		}
		return nil
	}, ignore))
	return in, out
}

// ignore takes no notice of a splice.
func ignore(bool, error) {}

// Bulk is spliced, of TCP and of unix sockets. A pipe in which little is said
// has no duct.
func TestSplice(t *testing.T) {
	const size = 8 << 20
	in, out := countSplices(t)
	splices(t, func(w *world) {
		in.Store(0)
		out.Store(0)
		p := w.piped()
		for range 3 {
			ask(w, loopback{p.left, p.right}, "hello")
		}
		if n := in.Load(); n != 0 || tcp.Ducts() != 0 {
			w.Errorf("%d splices, %d ducts for little", n, tcp.Ducts())
		}
		w.splice(p, 0, size)
		if n := tcp.Ducts(); n != 1 {
			w.Errorf("%d ducts", n)
		}
		if in.Load() == 0 || out.Load() == 0 {
			w.Errorf("%d splices in, %d out", in.Load(), out.Load())
		}
		ask(w, loopback{p.left, p.right}, "a duct stays until the end")
		p.left.CloseWrite()
		wantEOF(w, p.right)
		aiotest.Eventually(w, func() bool { return tcp.Ducts() == 0 })
		p.right.CloseWrite()
		wantEOF(w, p.left)
		p.want(true, 15+size+26, 0)
		p.closePeers()
	})
}

// splice has n numbers go from left to right, so that they are spliced.
func (w *world) splice(p *piped, off, n int) {
	w.Helper()
	written := aio.Go(w.ctx, "writer", func(context.Context) (int, error) { return p.left.Write(numbersFrom(off, n)) })
	got := make([]byte, n)
	if _, err := io.ReadFull(p.right, got); err != nil {
		w.Fatalf("io.ReadFull: %v", err)
	}
	wantNumbers(w, got, off)
	if _, err := written.Await(w.ctx); err != nil {
		w.Fatalf("written.Await: %v", err)
	}
}

// The errors of splice that mean that it is not supported.
var noSplice = []error{syscall.EINVAL, syscall.ENOSYS, syscall.EOPNOTSUPP, syscall.EPERM}

// Where splicing is impossible, into a duct or out of it, nothing is lost, and
// the pipe copies.
func TestSpliceImpossible(t *testing.T) {
	const size = 4 << 20
	for _, into := range []bool{true, false} {
		for _, cannot := range noSplice {
			t.Run(cannot.Error(), func(t *testing.T) {
				var calls atomic.Int64
				t.Cleanup(tcp.OnSplice(func(in bool, n *int) error {
					if in != into {
						return nil
					}
					if calls.Add(1) > 1 {
						*n = min(*n, 1000)
						return cannot
					}
					return nil
				}, ignore))
				splices(t, func(w *world) {
					calls.Store(0)
					p := w.piped()
					w.splice(p, 0, size)
					if n := calls.Load(); n != 2 {
						w.Errorf("tried %d times", n)
					}
					if n := tcp.Ducts(); n != 0 {
						w.Errorf("%d ducts", n)
					}
					p.left.CloseWrite()
					p.right.CloseWrite()
					p.want(true, size, 0)
					p.closePeers()
				})
			})
		}
	}
}

// A pipe of which the kernel takes a little at a time loses nothing.
func TestSpliceLittle(t *testing.T) {
	const size = 1 << 20
	t.Cleanup(tcp.OnSplice(func(in bool, n *int) error {
		if !in {
			*n = min(*n, 10_000)
		}
		return nil
	}, ignore))
	splices(t, func(w *world) {
		p := w.piped()
		w.splice(p, 0, size)
		aiotest.Eventually(w, func() bool { return p.b.Stats().BytesOut == size })
		p.done.Cancel(nil)
		p.done.Await(w.ctx)
		p.closePeers()
	})
}

// Where the kernel grants less for a duct, it is smaller. Without files for it,
// or with too little room, a pipe copies.
func TestSpliceBounds(t *testing.T) {
	for name, it := range map[string]struct {
		bound   func() (restore func())
		splices bool
	}{
		"files":       {tcp.TakeDucts, false},
		"less room":   {func() func() { return tcp.BoundDucts(256 << 10) }, true},
		"little room": {func() func() { return tcp.BoundDucts(64 << 10) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			in, _ := countSplices(t)
			t.Cleanup(it.bound())
			aiotest.CheckLeaks(t)
			newWorld(t, "tcp").run(new(aio.Loop), func(w *world) {
				p := w.piped()
				w.splice(p, 0, 4<<20)
				if n := in.Load(); n > 0 != it.splices {
					w.Errorf("%d splices", n)
				}
				p.done.Cancel(nil)
				p.done.Await(w.ctx)
				p.closePeers()
			})
		})
	}
}

// Idle timeouts hold also while a pipe splices.
func TestSpliceTimeouts(t *testing.T) {
	for op, set := range map[string]func(p *piped){
		"read":  func(p *piped) { p.a.SetTimeouts(time.Millisecond, 0) },
		"write": func(p *piped) { p.b.SetTimeouts(0, time.Millisecond) },
	} {
		t.Run(op, func(t *testing.T) {
			splices(t, func(w *world) {
				p := w.piped()
				w.splice(p, 0, 4<<20)
				set(p)
				if op == "write" {
					aio.Spawn(w.ctx, "writer", func(context.Context) error {
						p.left.Write(numbers(64 << 20)) // is cut off
						return nil
					})
				}
				_, err := p.done.Await(w.ctx)
				wantErr(w, err, aio.ErrTimeout, op)
				if !errors.Is(err, tcp.ErrIdle) {
					w.Errorf("p.done.Await: %v", err)
				}
				p.wantClosed()
				p.closePeers()
			})
		})
	}
}

// A splice that waits for something to come, or for room, ends with the pipe.
func TestSpliceEnds(t *testing.T) {
	full := make(chan struct{}, 1)
	t.Cleanup(tcp.OnSplice(func(bool, *int) error { return nil }, func(in bool, err error) {
		if !in && err == syscall.EAGAIN {
			select {
			case full <- struct{}{}:
			default:
			}
		}
	}))
	for name, end := range map[string]func(p *piped){
		"left":            func(p *piped) { p.left.Abort() },
		"right":           func(p *piped) { p.right.Abort() },
		"cancelled":       func(p *piped) { p.done.Cancel(nil) },
		"full, right":     func(p *piped) { p.right.Abort() },
		"full, cancelled": func(p *piped) { p.done.Cancel(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			splices(t, func(w *world) {
				p := w.piped()
				w.splice(p, 0, 4<<20)
				if strings.HasPrefix(name, "full") {
					for len(full) > 0 {
						<-full
					}
					aio.Spawn(w.ctx, "writer", func(context.Context) error {
						p.left.Write(numbers(64 << 20)) // is cut off
						return nil
					})
					soon(w, full)
				}
				end(p)
				// where an end may look like a clean one
				if w.transport == "unix" {
					p.closePeers()
				}
				_, err := p.done.Await(w.ctx)
				if err == nil && (w.transport != "unix" || strings.HasSuffix(name, "cancelled")) {
					w.Error("the pipe has ended well")
				}
				p.closePeers()
				p.wantClosed()
			})
		})
	}
}
