package tcp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// blocker is a server that echoes, and blocks first when it is told to.
type blocker struct {
	tcp.Server
	ctx     context.Context
	blocked atomic.Int64 // callbacks that block, or have
	release chan struct{}
	goOn    func() // closes release
}

// blocking runs a test in a loop with a blocker, with one processor and with
// all of them.
func blocking(t *testing.T, test func(t *testing.T, b *blocker)) {
	t.Helper()
	for _, procs := range []int{1, runtime.GOMAXPROCS(0)} {
		t.Run(fmt.Sprint(procs, " processors"), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			aiotest.Run(t, func(ctx context.Context) error {
				b := &blocker{ctx: ctx, release: make(chan struct{})}
				b.goOn = sync.OnceFunc(func() { close(b.release) })
				defer b.goOn() // also if the test fails
				b.MaxConns = -1
				b.Handler.Data = func(c *tcp.Conn, data []byte) {
					if bytes.HasPrefix(data, []byte("block")) {
						b.blocked.Add(1)
						<-b.release
					}
					c.Send(data)
				}
				if err := b.Start(ctx, "127.0.0.1:0"); err != nil {
					return err
				}
				test(t, b)
				aio.LoopOf(ctx).Exit(nil)
				return nil
			})
		})
	}
}

// block opens connections whose callbacks block.
func (b *blocker) block(t *testing.T, n int) []net.Conn {
	t.Helper()
	conns := make([]net.Conn, n)
	for i := range conns {
		conns[i] = connect(t, b.Addr())
		io.WriteString(conns[i], "block")
	}
	aiotest.Eventually(t, func() bool { return b.blocked.Load() == int64(n) })
	return conns
}

// A callback that blocks delays no other connection, of its poller or
// elsewhere, and its connection continues where it was.
func TestBlockedOthersGoOn(t *testing.T) {
	blocking(t, func(t *testing.T, b *blocker) {
		var others []net.Conn
		for range 20 {
			c := connect(t, b.Addr())
			ask(t, c, "before")
			others = append(others, c)
		}
		// as many as there are pollers, or more
		blocked := b.block(t, runtime.GOMAXPROCS(0))
		var rest strings.Builder
		for i := range 3000 {
			fmt.Fprint(&rest, i, " ")
		}
		for _, c := range blocked {
			io.WriteString(c, rest.String())
		}
		for range 20 {
			for _, c := range others {
				ask(t, c, "meanwhile")
			}
		}
		if n := b.blocked.Load(); n != int64(len(blocked)) {
			t.Errorf("%d callbacks have blocked, want %d", n, len(blocked))
		}
		b.goOn()
		for _, c := range blocked {
			wantRead(t, c, "block"+rest.String())
			ask(t, c, "afterwards")
			c.Close()
		}
		for _, c := range others {
			ask(t, c, "afterwards")
			c.Close()
		}
	})
}

// However many callbacks block, the next connection is served.
func TestBlockedMany(t *testing.T) {
	blocking(t, func(t *testing.T, b *blocker) {
		blocked := b.block(t, 1000)
		c := connect(t, b.Addr())
		ask(t, c, "number 1,001")
		c.Close()
		b.goOn()
		for _, c := range blocked {
			wantRead(t, c, "block")
			c.Close()
		}
	})
}

// Hundreds of callbacks that block for a while, always on other connections,
// have the lead be taken over again and again: no data is lost, doubled or out
// of order. With a server each the pollers do not learn to expect it.
func TestTakeovers(t *testing.T) {
	const conns, messages, blockEvery = 60, 24, 4
	for _, servers := range []int{1, conns} {
		t.Run(fmt.Sprint(servers, " servers"), func(t *testing.T) {
			aiotest.Run(t, func(ctx context.Context) error {
				tk := &takeovers{T: t}
				var addrs []net.Addr
				for range servers {
					s := &tcp.Server{Handler: tcp.Handler{Open: tk.open, Data: tk.data}}
					if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
						return err
					}
					addrs = append(addrs, s.Addr())
				}
				first := connect(t, addrs[0])
				ask(t, first, "takeover")
				tk.every.Store(blockEvery)
				var clients sync.WaitGroup
				for i := range conns {
					c := connect(t, addrs[i%servers])
					clients.Go(func() { tk.client(c, uint64(i), messages) })
				}
				clients.Wait()
				if n := tk.calls.Load() / blockEvery; n < conns*messages/blockEvery {
					t.Errorf("%d callbacks have blocked", n)
				}
				t.Logf("%d callbacks blocked, %d takeovers", tk.calls.Load()/blockEvery, tcp.Turns(tk.conn.Load())-tk.turns)
				first.Close()
				aio.LoopOf(ctx).Exit(nil)
				return nil
			})
		})
	}
}

// takeovers is servers whose callbacks block.
type takeovers struct {
	*testing.T
	every atomic.Int64 // which of the callbacks block
	calls atomic.Int64
	conn  atomic.Pointer[tcp.Conn] // the first
	turns uint64
}

func (tk *takeovers) open(c *tcp.Conn) { c.SetValue(new(atomic.Bool)) }

// data is the callback of all connections.
func (tk *takeovers) data(c *tcp.Conn, data []byte) {
	inside := c.Value().(*atomic.Bool)
	if inside.Swap(true) {
		tk.Error("callbacks overlap")
	}
	defer inside.Store(false)
	switch every := tk.every.Load(); {
	case every == 0: // the first, which makes the pollers look more often
		tk.conn.Store(c)
		tk.turns = tcp.Turns(c)
		waitTurn(tk.T, c, tk.turns)
	case tk.calls.Add(1)%every == 0:
		time.Sleep(3 * time.Millisecond) // blocks
	}
	c.Send(data)
}

// waitTurn blocks until the lead has been taken over.
func waitTurn(t *testing.T, c *tcp.Conn, turns uint64) {
	t.Helper()
	aiotest.Eventually(t, func() bool { return tcp.Turns(c) > turns })
}

// client sends messages of its own and wants them back.
func (tk *takeovers) client(c net.Conn, seed uint64, messages int) {
	defer c.Close()
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range messages {
		msg := make([]byte, 1+random.IntN(3000))
		for j := range msg {
			msg[j] = byte(random.Uint32())
		}
		got := make([]byte, len(msg))
		_, werr := c.Write(msg)
		_, rerr := io.ReadFull(c, got)
		if err := errors.Join(werr, rerr); err != nil || !bytes.Equal(got, msg) {
			tk.Errorf("message %d of connection %d came back differently, or %v", i, seed, err)
			return
		}
	}
}

// A callback that says that it will block has the others served by another
// goroutine from then on.
func TestWillBlock(t *testing.T) {
	blocking(t, func(t *testing.T, b *blocker) {
		other := connect(t, b.Addr())
		ask(t, other, "before")
		data := b.Handler.Data
		turns := make(chan [2]uint64, 1)
		s := &tcp.Server{Handler: tcp.Handler{Data: func(c *tcp.Conn, p []byte) {
			before := tcp.Turns(c)
			c.WillBlock()
			c.WillBlock()
			turns <- [2]uint64{before, tcp.Turns(c)}
			data(c, p)
		}}}
		if err := s.Start(b.ctx, "127.0.0.1:0"); err != nil {
			t.Fatalf("s.Start: %v", err)
		}
		c := connect(t, s.Addr())
		io.WriteString(c, "block")
		if n := soon(t, turns); n[1] != n[0]+1 {
			t.Errorf("%d goroutines went aside, want 1", n[1]-n[0])
		}
		ask(t, other, "meanwhile")
		b.goOn()
		wantRead(t, c, "block")
		c.Close()
		other.Close()
	})
}

// A connection whose callbacks often block is known, apart from another one of
// the same server's. TestScoreIsBounded has how that is forgotten: here a
// callback that is meant to be quick is slow if its goroutine has to wait.
func TestBlockingConnIsKnown(t *testing.T) {
	blocking(t, func(t *testing.T, b *blocker) {
		conns := make(chan *tcp.Conn, 2)
		s := &tcp.Server{Handler: tcp.Handler{
			Open: func(c *tcp.Conn) { conns <- c },
			Data: func(c *tcp.Conn, p []byte) {
				<-time.After(200 * time.Microsecond) // blocks
				c.Send(p)
			},
		}}
		if err := s.Start(b.ctx, "127.0.0.1:0"); err != nil {
			t.Fatalf("s.Start: %v", err)
		}
		slow := connect(t, s.Addr())
		known := soon(t, conns)
		silent := connect(t, s.Addr())
		other := soon(t, conns)
		aiotest.Eventually(t, func() bool {
			ask(t, slow, "slow")
			alone, _ := tcp.Expected(known)
			return alone
		})
		// one slow call, of Open, is not enough
		if alone, _ := tcp.Expected(other); alone {
			t.Error("a connection without data is expected to block, because of another one of the server's")
		}
		slow.Close()
		silent.Close()
	})
}

// Goroutines that a burst of callbacks which block has needed leave again.
func TestCrewShrinks(t *testing.T) {
	blocking(t, func(t *testing.T, b *blocker) {
		conns := make(chan *tcp.Conn, 1)
		s := &tcp.Server{Handler: tcp.Handler{
			Open: func(c *tcp.Conn) { conns <- c },
			Data: func(c *tcp.Conn, p []byte) { c.Send(p) },
		}}
		if err := s.Start(b.ctx, "127.0.0.1:0"); err != nil {
			t.Fatalf("s.Start: %v", err)
		}
		other := connect(t, s.Addr())
		c := soon(t, conns)
		blocked := b.block(t, 200)
		b.goOn()
		for _, c := range blocked {
			wantRead(t, c, "block")
			c.Close()
		}
		// while there is work, and when there is none
		aiotest.Eventually(t, func() bool {
			ask(t, other, "busy")
			return tcp.Resting(c) < 10
		})
		aiotest.Eventually(t, func() bool { return tcp.Resting(c) == 0 })
		other.Close()
	})
}

// Members that return when nothing more happens leave, too.
func TestCrewShrinksAtRest(t *testing.T) {
	blocking(t, func(t *testing.T, b *blocker) {
		conns := make(chan *tcp.Conn, 200)
		var returned atomic.Int64
		s := &tcp.Server{MaxConns: -1, Handler: tcp.Handler{Data: func(c *tcp.Conn, p []byte) {
			conns <- c
			<-b.release
			returned.Add(1)
		}}}
		if err := s.Start(b.ctx, "127.0.0.1:0"); err != nil {
			t.Fatalf("s.Start: %v", err)
		}
		for range cap(conns) {
			c := connect(t, s.Addr())
			defer c.Close()
			io.WriteString(c, "block")
		}
		aiotest.Eventually(t, func() bool { return len(conns) == cap(conns) })
		c := <-conns
		// and the watch has nothing to look at
		aiotest.Eventually(t, func() bool { return tcp.Parked(c) })
		b.goOn()
		aiotest.Eventually(t, func() bool { return returned.Load() == int64(cap(conns)) && tcp.Resting(c) == 0 })
	})
}

// WillBlock does nothing on a connection that no poller has taken.
func TestWillBlockUnlisted(t *testing.T) {
	tcp.WillBlockUnlisted()
}

// A member of a crew does not rest while there are events, or connections, that
// only members could take that wait.
func TestCrewNeedsMember(t *testing.T) {
	for _, c := range []struct {
		free, waiting         int
		often, events, posted bool
		want                  bool
	}{
		{free: 0, want: true},
		{free: 1, want: false},
		{free: 1, waiting: 1, want: false},
		{free: 1, waiting: 1, events: true, want: true},
		{free: 1, waiting: 1, posted: true, want: true},
		{free: 1, waiting: 0, events: true, want: false},
		{free: 1, often: true, want: true},
		{free: 2, often: true, want: false},
		{free: 2, waiting: 1, often: true, events: true, want: false},
		{free: 2, waiting: 2, often: true, events: true, want: true},
	} {
		if got := tcp.NeedsMember(c.free, c.waiting, c.often, c.events, c.posted); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// Every message is answered when all clients wait for their answers and some
// callbacks block for less than the watch sees: nothing else would wake a
// poller that has parked too early.
func TestBlockingSomeClosedLoop(t *testing.T) {
	data := func(c *tcp.Conn, data []byte) {
		if rand.N(100) == 0 {
			query := time.NewTimer(500 * time.Microsecond)
			<-query.C
		}
		c.Send(data)
	}
	aiotest.Run(t, func(ctx context.Context) error {
		s, err := tcp.Serve(ctx, "127.0.0.1:0", tcp.Handler{Data: data})
		if err != nil {
			return err
		}
		defer s.Close()
		var clients sync.WaitGroup
		defer clients.Wait()
		for range 100 {
			c := connect(t, s.Addr())
			clients.Go(func() {
				defer c.Close()
				b := make([]byte, 8)
				for range 200 {
					if _, err := io.WriteString(c, "question"); err != nil {
						t.Errorf("io.WriteString: %v", err)
						return
					}
					if _, err := io.ReadFull(c, b); err != nil {
						t.Errorf("io.ReadFull: %v", err)
						return
					}
				}
			})
		}
		return nil
	})
}

// What is known of a connection's callbacks is bounded: after however many slow
// ones, as many quick ones clear it.
func TestScoreIsBounded(t *testing.T) {
	var calls []bool
	for range 1000 {
		calls = append(calls, true)
		if score, expected := tcp.Score(calls...); score > 64 || expected != (len(calls) > 1) {
			t.Fatalf("after %d slow callbacks: score %d, expected to block: %v; want at most 64, and expected from the second on", len(calls), score, expected)
		}
	}
	calls = append(calls, make([]bool, 64)...)
	if score, expected := tcp.Score(calls...); score != 0 || expected {
		t.Errorf("after 64 quick callbacks: score %d, expected to block: %v; want 0, false", score, expected)
	}
}

// A poller's queue that is never empty does not grow.
func TestQueueMemory(t *testing.T) {
	if n := tcp.QueueMemory(10_000); n > 100 {
		t.Errorf("a queue of at most 2 connections has memory for %d after 10,000", n)
	}
}
