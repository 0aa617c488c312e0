package tcp_test

import (
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
	"goaio.example/aio/timer"
)

// requests answers 8-byte requests in different ways, and knows which of them
// were begun.
type requests struct {
	mu    sync.Mutex
	begun map[uint64]bool
}

func (r *requests) begin(id uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun[id] = true
}

// handler answers in the callback, from an operation, or from a timer.
func (r *requests) handler() tcp.Handler {
	return tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
		for ; len(data) >= 8; data = data[8:] {
			id := binary.BigEndian.Uint64(data)
			r.begin(id)
			answer := append([]byte(nil), data[:8]...)
			switch id % 3 {
			case 0:
				c.Send(answer)
			case 1:
				aio.Spawn(c.Context(), "", func(context.Context) error { c.Send(answer); return nil })
			default:
				timer.Delay(c.Context(), time.Millisecond, func(context.Context) error { c.Send(answer); return nil })
			}
		}
	}}
}

// stream answers until the loop drains.
func (r *requests) stream(ctx context.Context, c *tcp.Conn) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	chunks := c.Chunks(ctx)
	for {
		select {
		case data, ok := <-chunks:
			if !ok {
				return nil
			}
			for ; len(data) >= 8; data = data[8:] {
				r.begin(binary.BigEndian.Uint64(data))
				c.Send(data[:8])
			}
		case <-aio.Draining(ctx):
			return nil
		}
	}
}

// client asks until it gets no answer, and returns the number of the request
// that it had none to.
func (r *requests) client(addr string, base uint64, answered *atomic.Int64) (lost uint64) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return 0
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	var buf [8]byte
	for id := base; ; id++ {
		binary.BigEndian.PutUint64(buf[:], id)
		if _, err := c.Write(buf[:]); err != nil {
			return id
		}
		if _, err := io.ReadFull(c, buf[:]); err != nil {
			return id
		}
		answered.Add(1)
	}
}

// No response is lost whose handler began before the loop exits, whenever that
// is.
func TestExitUnderLoad(t *testing.T) {
	for style, server := range map[string]func(r *requests) *tcp.Server{
		"handler": func(r *requests) *tcp.Server { return &tcp.Server{Handler: r.handler()} },
		"stream":  func(r *requests) *tcp.Server { return &tcp.Server{Stream: r.stream} },
	} {
		t.Run(style, func(t *testing.T) {
			aiotest.CheckLeaks(t)
			for range 15 {
				r := &requests{begun: map[uint64]bool{}}
				exitUnderLoad(t, r, server(r))
			}
		})
	}
}

func exitUnderLoad(t *testing.T, r *requests, s *tcp.Server) {
	const clients = 16
	var answered atomic.Int64
	var lost [clients]uint64
	var wg sync.WaitGroup
	after := rand.Int64N(400)
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		for i := range clients {
			wg.Go(func() { lost[i] = r.client(s.Addr().String(), uint64(i)<<32|1, &answered) })
		}
		aiotest.Eventually(t, func() bool { return answered.Load() >= after })
		aio.LoopOf(ctx).Exit(nil)
		return nil
	})
	if err != nil {
		t.Errorf("aio.Run: %v", err)
	}
	wg.Wait()
	for _, id := range lost {
		if id != 0 && r.begun[id] {
			t.Errorf("request %#x was begun, and not answered (exit after %d)", id, after)
		}
	}
}
