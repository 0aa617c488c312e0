package tcp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// Faults from outside: what no program sees coming, made by the system between
// two hosts.

// labAddr is where the peer of a lab serves.
const labAddr = labPeer + ":7000"

// within wants what took from begin on to have lasted its time and not much
// longer: the bound is for a machine that is busy.
func (l *lab) within(what string, begin time.Time, want time.Duration) {
	l.Helper()
	if d := time.Since(begin); d < want-10*time.Millisecond || d > want+20*time.Second {
		l.Errorf("%s ended after %v, want %v", what, d, want)
	}
}

// dial connects to the peer, in stream style.
func (l *lab) dial(d tcp.Dialer) *tcp.Conn {
	l.Helper()
	c, err := d.Dial(l.ctx, labAddr).Await(l.ctx)
	if err != nil {
		l.Fatalf("dial the peer: %v", err)
	}
	return c
}

// handle connects to the peer, in handler style.
func (l *lab) handle(d tcp.Dialer, h tcp.Handler) *tcp.Conn {
	l.Helper()
	c, err := d.Send(l.ctx, labAddr, nil, h).Await(l.ctx)
	if err != nil {
		l.Fatalf("dial the peer: %v", err)
	}
	return c
}

// TestOutsideDial holds that a dial into a black hole ends after its Timeout,
// that one which is answered with a reset is refused, and that the peer can be
// reached afterwards.
func TestOutsideDial(t *testing.T) {
	inLab(t, func(l *lab) {
		l.order("serve")
		l.want("serving")
		l.cut()
		begin := time.Now()
		_, err := (&tcp.Dialer{Timeout: time.Second}).Dial(l.ctx, labAddr).Await(l.ctx)
		wantErr(l, err, aio.ErrTimeout, "dial")
		l.within("the dial", begin, time.Second)
		ctx, cancel := context.WithTimeout(l.ctx, time.Second)
		defer cancel()
		begin = time.Now()
		if _, err := tcp.Dial(ctx, labAddr).Await(l.ctx); !errors.Is(err, context.DeadlineExceeded) {
			l.Errorf("dial whose ctx ended: %v, want %v", err, context.DeadlineExceeded)
		}
		l.within("the dial whose ctx ended", begin, time.Second)
		l.mend()
		l.reset()
		_, err = tcp.Dial(l.ctx, labAddr).Await(l.ctx)
		wantErr(l, err, aio.ErrRefused, "dial")
		l.mend()
		c := l.dial(tcp.Dialer{})
		c.SendString("hello")
		wantRead(l, c, "hello")
		c.Close()
	})
}

// TestOutsideSilence holds that idle timeouts end a connection whose peer falls
// silent in the middle of a transfer, in either direction and style.
func TestOutsideSilence(t *testing.T) {
	inLab(t, func(l *lab) {
		l.order("serve")
		l.want("serving")
		closed := make(chan error, 1)
		h := tcp.Handler{
			Data:   func(*tcp.Conn, []byte) {},
			Event:  func(*tcp.Conn, error) {},
			Closed: func(_ *tcp.Conn, err error) { closed <- err },
		}
		reads := l.handle(tcp.Dialer{ReadTimeout: 2 * time.Second}, h)
		writes := l.dial(tcp.Dialer{WriteTimeout: 2 * time.Second})
		drain := aio.Go(l.ctx, "drain", func(context.Context) (int64, error) { return io.Copy(io.Discard, writes) })
		reads.SendOwned(numbers(1 << 20))
		writes.Write(numbers(1 << 20))
		l.cut()
		begin := time.Now()
		_, err := writes.Write(numbers(64 << 20))
		wantErr(l, err, tcp.ErrIdle, "write")
		l.within("the Write", begin, time.Second) // what the socket takes counts as progress
		err = soon(l, closed)
		wantErr(l, err, tcp.ErrIdle, "read")
		wantErr(l, err, aio.ErrTimeout, "read")
		if _, err := drain.Await(l.ctx); !errors.Is(err, tcp.ErrIdle) {
			l.Errorf("the reader of the connection whose Write was idle ends with %v, want %v", err, tcp.ErrIdle)
		}
	})
}

// TestOutsideKeepAlive holds that keep-alive probes end an idle connection
// whose peer has vanished: nine go unanswered, the first Dialer.KeepAlive after
// its last word.
func TestOutsideKeepAlive(t *testing.T) {
	inLab(t, func(l *lab) {
		l.order("serve")
		l.want("serving")
		c := l.dial(tcp.Dialer{KeepAlive: time.Second})
		c.SendString("hello")
		wantRead(l, c, "hello")
		begin := time.Now()
		l.cut()
		l.peer.Process.Kill() // its end does not come through
		_, err := c.Read(make([]byte, 1))
		wantErr(l, err, aio.ErrTimeout, "read")
		if !errors.Is(err, syscall.ETIMEDOUT) {
			l.Errorf("Read of a peer that has vanished: %v, want %v", err, syscall.ETIMEDOUT)
		}
		l.within("the Read", begin, 9*time.Second)
		c.Close()
	})
}

// TestOutsideReset holds that a reset made by something in between ends a
// connection as one of the peer's does.
func TestOutsideReset(t *testing.T) {
	inLab(t, func(l *lab) {
		l.order("serve")
		l.want("serving")
		p := newTape(l)
		c := l.handle(tcp.Dialer{}, p.handler(tcp.Handler{}))
		c.SendString("hello")
		p.wantData("hello")
		l.reset()
		c.SendString("anyone?")
		p.want(aio.ErrReset, "open", "data", "connection reset by peer", "closed")
	})
}

// TestOutsideClientsVanish holds that nothing is left of clients that vanish in
// the middle of their transfers: neither operations nor descriptors.
func TestOutsideClientsVanish(t *testing.T) {
	inLab(t, func(l *lab) {
		var busy atomic.Int64
		s := &tcp.Server{
			ReadTimeout: time.Second, WriteTimeout: time.Second,
			Handler: tcp.Handler{
				Data: func(c *tcp.Conn, data []byte) {
					busy.Add(int64(len(data)))
					c.SendOwned(append([]byte(nil), data...))
				},
				Event: func(_ *tcp.Conn, err error) {
					if !errors.Is(err, tcp.ErrIdle) && !aio.IsInfo(err) {
						l.Errorf("told of %v, want %v", err, tcp.ErrIdle)
					}
				},
			},
		}
		if err := s.Start(l.ctx, labHost+":0"); err != nil {
			l.Fatal(err)
		}
		warm := connect(l, s.Addr()) // so that the server has all that it opens for itself
		ask(l, warm, "hello")
		warm.Close()
		loop := aio.LoopOf(l.ctx)
		aiotest.Eventually(l, func() bool { return loop.Stats().IncomingConns == 0 })
		ops, files := operations(loop), descriptors(l)
		l.order("visit " + s.Addr().String())
		l.want("visiting")
		aiotest.Eventually(l, func() bool { return busy.Load() > 10<<20 })
		l.cut()
		l.peer.Process.Kill()
		aiotest.Eventually(l, func() bool { return loop.Stats().IncomingConns == 0 && operations(loop) == ops })
		if n := descriptors(l); n > files {
			l.Errorf("%d descriptors are open after the clients have vanished, %d before they came", n, files)
		}
		s.Close()
	})
}

// operations counts the loop's operations.
func operations(loop *aio.Loop) (n int) {
	for range loop.Ops() {
		n++
	}
	return n
}

// descriptors counts the process's open files.
func descriptors(t testing.TB) int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// TestOutsideStopped holds that a peer that is stopped (SIGSTOP) holds up its
// connections only, that idle timeouts and the handshake's time end those that
// have one, and that the others go on where they were once it continues.
func TestOutsideStopped(t *testing.T) {
	inLab(t, func(l *lab) {
		l.order("serve")
		l.want("serving")
		patient := l.dial(tcp.Dialer{})
		hasty := l.dial(tcp.Dialer{WriteTimeout: time.Second})
		if err := l.peer.Process.Signal(syscall.SIGSTOP); err != nil {
			l.Fatal(err)
		}
		const size = 32 << 20 // more than the sockets hold
		sum := aio.Go(l.ctx, "reader", func(context.Context) (int, error) {
			got := make([]byte, size)
			n, err := io.ReadFull(patient, got)
			wantNumbers(l, got[:n], 0)
			return n, err
		})
		sent := patient.SendOwned(numbers(size))
		_, err := hasty.Write(numbers(size))
		wantErr(l, err, tcp.ErrIdle, "write")
		_, err = (&tcp.Dialer{TLS: &tls.Config{InsecureSkipVerify: true}, TLSTimeout: time.Second}).Dial(l.ctx, labAddr).Await(l.ctx)
		wantErr(l, err, aio.ErrTimeout, "tls")
		if _, err := sent.Result(); !errors.Is(err, aio.ErrPending) {
			l.Errorf("a peer that is stopped has taken %d bytes: %v", size, err)
		}
		if err := l.peer.Process.Signal(syscall.SIGCONT); err != nil {
			l.Fatal(err)
		}
		if n, err := sum.Await(l.ctx); n != size || err != nil {
			l.Errorf("read %d bytes, %v; want the %d that were sent", n, err, size)
		}
		if n, err := sent.Await(l.ctx); n != size || err != nil {
			l.Errorf("sent %d bytes, %v; want %d", n, err, size)
		}
		patient.Close()
	})
}
