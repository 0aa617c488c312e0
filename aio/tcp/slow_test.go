package tcp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// flood sends chunks without limit: when there is a backlog it goes on once it
// can.
func flood(ctx context.Context, c *tcp.Conn, chunk []byte, backlogs *atomic.Int64) {
	for {
		_, err := c.Send(chunk).Result()
		switch {
		case err == nil, errors.Is(err, aio.ErrPending):
		case errors.Is(err, aio.ErrBacklog):
			backlogs.Add(1)
			select {
			case <-c.Writable():
			case <-ctx.Done():
				return
			}
		default:
			return
		}
	}
}

// floodServer floods each of its connections.
func floodServer(mark, chunk int, backlogs *atomic.Int64) *tcp.Server {
	data := make([]byte, chunk)
	return &tcp.Server{MaxConns: -1, HighWater: mark, Handler: tcp.Handler{
		Open: func(c *tcp.Conn) {
			aio.Spawn(c.Context(), "flood", func(ctx context.Context) error {
				flood(ctx, c, data, backlogs)
				return nil
			})
		},
		Event: func(*tcp.Conn, error) {},
	}}
}

// heap returns the bytes of live objects.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// 1,000 clients that read a byte a second while the server sends without limit:
// the queues stay below the mark and one send each, and so does the memory.
func TestSlowReaders(t *testing.T) {
	const (
		clients = 1000
		mark    = 64 << 10 // so that the test does not need a gigabyte
		chunk   = 4 << 10
		buffer  = 1 << 10
	)
	synctest.Test(t, func(t *testing.T) {
		network := &aiotest.Network{BufferSize: buffer, Backlog: clients}
		before := heap()
		aiotest.Runner{Loop: &aio.Loop{Grace: time.Second}, Overdue: true}.Run(t, func(ctx context.Context) error {
			ln, err := network.Listen("")
			if err != nil {
				return err
			}
			var backlogs atomic.Int64
			s := floodServer(mark, chunk, &backlogs)
			if err := s.StartOn(ctx, ln); err != nil {
				return err
			}
			var read atomic.Int64
			var readers sync.WaitGroup
			for range clients {
				c, err := network.Dial("tcp", ln.Addr().String())
				if err != nil {
					return err
				}
				readers.Go(func() { slowly(c, &read) })
			}
			time.Sleep(30*time.Second + time.Millisecond)
			if n := read.Load(); n != 30*clients {
				t.Errorf("the clients have read %d bytes, want %d", n, 30*clients)
			}
			if n := backlogs.Load(); n < clients {
				t.Errorf("%d sends were refused, want at least one a connection", n)
			}
			if grown, most := heap()-before, int64(clients*(mark+chunk+buffer+16<<10)); grown > most {
				t.Errorf("the heap has grown by %d KiB, want at most %d", grown>>10, most>>10)
			}
			// what cannot be sent within Grace is dropped
			aio.LoopOf(ctx).Exit(nil)
			readers.Wait()
			return nil
		})
	})
}

// slowly reads a byte a second until the end.
func slowly(c net.Conn, read *atomic.Int64) {
	defer c.Close()
	var b [1]byte
	for {
		time.Sleep(time.Second)
		n, err := c.Read(b[:])
		if err != nil {
			return
		}
		read.Add(int64(n))
	}
}

// Many small sends take no more memory than few large ones.
func TestSlowReaderSmallSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const mark = 1 << 20
		network := &aiotest.Network{BufferSize: 1}
		before := heap()
		aiotest.RunLoop(t, &aio.Loop{Grace: -1}, func(ctx context.Context) error {
			ln, err := network.Listen("")
			if err != nil {
				return err
			}
			var backlogs atomic.Int64
			if err := floodServer(mark, 1, &backlogs).StartOn(ctx, ln); err != nil {
				return err
			}
			if _, err := network.Dial("tcp", ln.Addr().String()); err != nil {
				return err
			}
			synctest.Wait()
			if backlogs.Load() == 0 {
				t.Error("no send was refused")
			}
			if grown := heap() - before; grown > 2*mark {
				t.Errorf("the heap has grown by %d KiB, want at most %d", grown>>10, 2*mark>>10)
			}
			aio.LoopOf(ctx).Exit(nil)
			return nil
		})
	})
}

// The same over real sockets, which have buffers of their own: then the clients
// read on, and get all.
func TestSlowReadersSockets(t *testing.T) {
	const (
		clients = 20
		mark    = 128 << 10
		chunk   = 32 << 10
	)
	aiotest.RunLoop(t, &aio.Loop{Grace: -1}, func(ctx context.Context) error {
		var backlogs atomic.Int64
		s := floodServer(mark, chunk, &backlogs)
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		var conns []net.Conn
		for range clients {
			c := connect(t, s.Addr())
			conns = append(conns, c)
		}
		aiotest.Eventually(t, func() bool { return backlogs.Load() >= clients })
		for _, c := range conns {
			if n, err := io.CopyN(io.Discard, c, 8<<20); err != nil {
				t.Errorf("read %d bytes, %v", n, err)
			}
		}
		aio.LoopOf(ctx).Exit(nil)
		for _, c := range conns {
			io.Copy(io.Discard, c)
			c.Close()
		}
		return nil
	})
}
