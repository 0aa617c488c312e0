package dnsx

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
)

// bubble runs a test in a loop in a bubble, against a fake.
func bubble(t *testing.T, answer func(q *fakeQuery), test func(ctx context.Context, t *testing.T, n *fake)) {
	t.Helper()
	n := &fake{answer: answer}
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		test(ctx, t, n)
		return nil
	})
	if open := n.open.Load(); open != 0 {
		t.Errorf("%d sockets are open at the end of the loop, want none", open)
	}
}

// mustAsk asks and fails the test on an error.
func mustAsk(ctx context.Context, t *testing.T, x *exchange, q question) *reply {
	t.Helper()
	r, err := x.ask(ctx, q)
	if err != nil {
		t.Fatalf("ask %s: %v, want a reply", q.name, err)
	}
	return r
}

// wantError checks the kind of an error.
func wantError(t *testing.T, err error, kind ErrorKind) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an error of kind %v", err, kind)
	}
	if e.Kind != kind {
		t.Errorf("got %v (kind %v), want one of kind %v", err, e.Kind, kind)
	}
	return e
}

func TestAskAndCache(t *testing.T) {
	answer := func(q *fakeQuery) { q.reply(a(q.name(), 60, 192, 0, 2, 1)) }
	bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(1)
		q := qa("www.example.com.")
		if r := x.cached(q); r != nil {
			t.Fatalf("before the first question the cache has %+v, want nothing", r)
		}
		r := mustAsk(ctx, t, x, q)
		if ip := ipOf(t, r); ip != "192.0.2.1" || r.source != SourceServer || r.server != "10.0.0.1:53" {
			t.Errorf("got %s, source %v, server %s, want 192.0.2.1, %v, 10.0.0.1:53", ip, r.source, r.server, SourceServer)
		}
		if udp, ok := n.asked()[0].edns(); !ok || udp != 1232 {
			t.Errorf("the query has EDNS(0) %v with size %d, want true, 1232", ok, udp)
		}
		for age := range 60 {
			r := x.cached(q)
			if age > 53 {
				break // popular, and so to be renewed
			}
			if r == nil || r.source != SourceCache {
				t.Fatalf("after %d s the cache has %+v, want the reply", age, r)
			}
			if want := time.Duration(60-age) * time.Second; r.ttl(time.Now()) != want {
				t.Errorf("after %d s the TTL is %v", age, r.ttl(time.Now()))
			}
			time.Sleep(time.Second)
		}
		time.Sleep(7 * time.Second)
		if r := x.cached(q); r != nil {
			t.Errorf("after its end the cache has %+v, want nothing", r)
		}
		if s := aio.LoopOf(ctx).Stats(); s.Kinds["dns.query"] != 0 {
			t.Errorf("queries in flight: %v, want none", s.Kinds)
		}
		if s := x.stats(); s.queries != 1 || s.names != 1 || s.misses != 1 || s.hits == 0 || s.flights != 0 {
			t.Errorf("figures after one query: %+v, want queries, names and misses 1, hits, and no flights", s)
		}
	})
}

func TestCoalesce(t *testing.T) {
	const many = 10_000
	answer := func(q *fakeQuery) {
		time.Sleep(time.Second)
		q.reply(a(q.name(), 60, 192, 0, 2, 1))
	}
	bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(1)
		var wg sync.WaitGroup
		ctx1, cancel := context.WithCancelCause(ctx)
		mine := errors.New("mine")
		for i := range many {
			wg.Go(func() {
				c := ctx1
				if i == many/2 {
					c = ctx
				}
				r, err := x.ask(c, qa("popular.example."))
				switch {
				case i == many/2 && (err != nil || ipOf(t, r) != "192.0.2.1"):
					t.Errorf("the asker that stays: %v, want 192.0.2.1", err)
				case i != many/2 && !errors.Is(err, mine):
					t.Errorf("an asker that was cancelled: %v, want %v", err, mine)
				}
			})
		}
		synctest.Wait()
		if got := len(n.asked()); got != 1 {
			t.Errorf("%d queries on the wire, want 1", got)
		}
		cancel(mine)
		wg.Wait()
		if s := x.stats(); s.queries != 1 || s.coalesced != many-1 {
			t.Errorf("figures after %d askers of one question: %+v, want 1 query, the others coalesced", many, s)
		}
	})
}

func TestLastAskerLeaves(t *testing.T) {
	bubble(t, func(*fakeQuery) {}, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(2)
		begin := time.Now()
		ctx1, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if _, err := x.ask(ctx1, qa("slow.example.")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the only asker gives up: %v, want %v", err, context.DeadlineExceeded)
		}
		synctest.Wait()
		if s := x.stats(); s.flights != 0 || n.open.Load() != 0 {
			t.Errorf("after the only asker has left: %+v, and %d sockets, want no flights, no sockets", s, n.open.Load())
		}
		if s := aio.LoopOf(ctx).Stats(); s.Kinds["dns.query"] != 0 || time.Since(begin) != time.Second {
			t.Errorf("after the only asker has left: in flight %v after %v, want no dns.query after 1s", s.Kinds, time.Since(begin))
		}
		if _, err := x.ask(ctx1, qa("slow.example.")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ask with a dead ctx: %v, want %v", err, context.DeadlineExceeded)
		}
		if s := x.stats(); s.misses != 1 {
			t.Errorf("ask with a dead ctx: %d questions got as far as the servers, want 1, that before", s.misses)
		}
	})
}

func TestNoLoop(t *testing.T) {
	x := new(fake).exchange(1)
	if _, err := x.ask(context.Background(), qa("a.example.")); !errors.Is(err, aio.ErrNoLoop) {
		t.Errorf("ask without a loop: %v, want %v", err, aio.ErrNoLoop)
	}
	aiotest.Run(t, func(ctx context.Context) error {
		_, err := new(exchange).ask(ctx, qa("a.example."))
		wantError(t, err, KindNoServer)
		x := new(exchange)
		x.configure(exchangeConfig{servers: []string{"ftp://1.2.3.4"}})
		_, err = x.ask(ctx, qa("a.example."))
		wantError(t, err, KindNoServer)
		return nil
	})
}

func TestTimeout(t *testing.T) {
	bubble(t, func(*fakeQuery) {}, func(ctx context.Context, t *testing.T, n *fake) {
		for _, c := range []struct {
			servers, attempts int
			timeout, want     time.Duration
		}{
			{1, 1, time.Second, time.Second},
			{1, 2, time.Second, 2 * time.Second},
			{1, 2, 0, 10 * time.Second},
			{2, 1, time.Second, 1250 * time.Millisecond},
			// the second round waits for each
			{2, 2, time.Second, 3250 * time.Millisecond},
			// shorter than a server is late
			{2, 1, 100 * time.Millisecond, 200 * time.Millisecond},
			{3, 3, 5 * time.Second, 10 * time.Second},
		} {
			x := n.exchange(c.servers, func(cfg *exchangeConfig) { cfg.timeout, cfg.attempts = c.timeout, c.attempts })
			begin := time.Now()
			_, err := x.ask(ctx, qa("silent.example."))
			e := wantError(t, err, KindTimeout)
			if took := time.Since(begin); took != c.want || e.Host != "silent.example." {
				t.Errorf("%+v: took %v, want %v; %+v, want Host silent.example.", c, took, c.want, e)
			}
		}
	})
}

// No server is asked at the end of the time for a question.
func TestNoQueryAtTheEnd(t *testing.T) {
	bubble(t, func(*fakeQuery) {}, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(3, func(cfg *exchangeConfig) { cfg.attempts, cfg.timeout = 3, 5*time.Second })
		_, err := x.ask(ctx, qa("silent.example."))
		wantError(t, err, KindTimeout)
		// each of three, and the first again for the rest of the 10 s
		if got := len(n.asked()); got != 4 {
			t.Errorf("three silent servers, 5s each, 10s in all: %d queries, want 4", got)
		}
	})
}

// The time that a server has begins when there is a slot for the query.
func TestSlotTime(t *testing.T) {
	answer := func(q *fakeQuery) {
		time.Sleep(3 * time.Second)
		good(q)
	}
	bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(1)
		var wg sync.WaitGroup
		for i := range maxInFlight {
			wg.Go(func() { mustAsk(ctx, t, x, nth(i)) })
		}
		synctest.Wait()
		begin := time.Now()
		mustAsk(ctx, t, x, qa("late.example."))
		if took, got := time.Since(begin), len(n.asked()); took != 6*time.Second || got != maxInFlight+1 {
			t.Errorf("a slot after 3s, an answer after 3s more: took %v and %d queries, want 6s, %d", took, got, maxInFlight+1)
		}
		wg.Wait()
	})
}

func TestInFlightBound(t *testing.T) {
	busy, most := 0, 0
	var mu sync.Mutex
	answer := func(q *fakeQuery) {
		mu.Lock()
		busy++
		most = max(most, busy)
		mu.Unlock()
		time.Sleep(100 * time.Millisecond)
		mu.Lock()
		busy--
		mu.Unlock()
		q.reply(a(q.name(), 60, 192, 0, 2, 1))
	}
	bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(1)
		var wg sync.WaitGroup
		for i := range 300 {
			wg.Go(func() { mustAsk(ctx, t, x, qa(fmt.Sprintf("n%d.example.", i))) })
		}
		wg.Wait()
		if most > maxInFlight || most < maxInFlight/2 {
			t.Errorf("%d at once, want %d", most, maxInFlight)
		}
	})
}

func TestWaitForSlotEnds(t *testing.T) {
	bubble(t, func(*fakeQuery) {}, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(1)
		var wg sync.WaitGroup
		for i := range 2 * maxInFlight {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(ctx, time.Duration(2-i/maxInFlight)*time.Second)
				defer cancel()
				if _, err := x.ask(ctx, qa(fmt.Sprintf("n%d.example.", i))); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("name %d: %v, want %v", i, err, context.DeadlineExceeded)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		if got := len(n.asked()); got != maxInFlight {
			t.Errorf("%d were asked, want %d", got, maxInFlight)
		}
	})
}

func TestPrefetch(t *testing.T) {
	answer := func(q *fakeQuery) {
		time.Sleep(time.Second)
		q.reply(a(q.name(), 100, 192, 0, 2, byte(q.nth)))
	}
	bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(1)
		q := qa("popular.example.")
		for range 3 {
			mustAsk(ctx, t, x, q)
		}
		time.Sleep(89 * time.Second)
		mustAsk(ctx, t, x, q)
		if len(n.asked()) != 1 {
			t.Errorf("%d queries after 89 of 100 s, want 1", len(n.asked()))
		}
		time.Sleep(2 * time.Second)
		if x.cached(q) != nil {
			t.Error("after 91 of 100 s cached returns the popular reply, want nil: it is to be renewed")
		}
		for range 10 {
			if r := mustAsk(ctx, t, x, q); ipOf(t, r) != "192.0.2.1" || r.source != SourceCache {
				t.Errorf("while it is renewed: %+v, want 192.0.2.1 from the cache", r)
			}
			x.cached(q)
		}
		time.Sleep(2 * time.Second)
		if r := x.cached(q); ipOf(t, r) != "192.0.2.2" || len(n.asked()) != 2 {
			t.Errorf("after it was renewed: %+v, %d queries, want 192.0.2.2, 2", r, len(n.asked()))
		}
		if s := x.stats(); s.prefetch != 1 {
			t.Errorf("figures after a renewal: %+v, want prefetch 1", s)
		}
	})
}

// A popular answer is not renewed while the loop drains.
func TestNoPrefetchInDrain(t *testing.T) {
	answer := func(q *fakeQuery) { q.reply(a(q.name(), 100, 192, 0, 2, 1)) }
	bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(1)
		q := qa("popular.example.")
		for range 3 {
			mustAsk(ctx, t, x, q)
		}
		time.Sleep(95 * time.Second)
		aio.Go(ctx, "work in progress", func(ctx context.Context) (int, error) {
			aio.LoopOf(ctx).Exit(nil)
			synctest.Wait()
			if r := mustAsk(ctx, t, x, q); r.source != SourceCache {
				t.Errorf("popular answer, loop draining: source %v, want %v", r.source, SourceCache)
			}
			synctest.Wait()
			if got := len(n.asked()); got != 1 {
				t.Errorf("popular answer, loop draining: %d queries, want 1", got)
			}
			if r := mustAsk(ctx, t, x, qa("other.example.")); r.source != SourceServer {
				t.Errorf("new question, loop draining: source %v, want %v", r.source, SourceServer)
			}
			return 0, nil
		}).Await(ctx)
	})
}

// A result that is there is returned even if the ctx has ended.
func TestReadyFlightWins(t *testing.T) {
	dead, cancel := context.WithCancel(t.Context())
	cancel()
	done := make(chan struct{})
	close(done)
	want := new(reply)
	for i := range 100 {
		f := &flight{done: done, reply: want}
		if got, err := f.wait(dead, i%2 == 0); got != want || err != nil {
			t.Fatalf("wait %d for a result that is there, with a dead ctx: %v, %v, want the result", i, got, err)
		}
	}
}

// A flight in the background does not keep the loop from its end.
func TestPrefetchEndsWithLoop(t *testing.T) {
	answer := func(q *fakeQuery) {
		if q.nth == 1 {
			q.reply(a(q.name(), 100, 192, 0, 2, 1))
		}
	}
	synctest.Test(t, func(t *testing.T) {
		n := &fake{answer: answer}
		begin := time.Now()
		aiotest.Run(t, func(ctx context.Context) error {
			x := n.exchange(1)
			q := qa("popular.example.")
			for range 3 {
				mustAsk(ctx, t, x, q)
			}
			time.Sleep(95 * time.Second)
			mustAsk(ctx, t, x, q)
			synctest.Wait()
			if len(n.asked()) != 2 {
				t.Errorf("%d queries after a renewal began, want 2", len(n.asked()))
			}
			return nil
		})
		if took := time.Since(begin); took != 95*time.Second {
			t.Errorf("the loop ended after %v, want 95s: the renewal does not hold it open", took)
		}
	})
}

func TestStale(t *testing.T) {
	answer := func(q *fakeQuery) {
		if q.nth == 1 || q.at.Year() == 2000 && q.at.YearDay() > 1 {
			q.reply(a(q.name(), 60, 192, 0, 2, byte(q.nth)))
		}
	}
	bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(1)
		q := qa("stale.example.")
		mustAsk(ctx, t, x, q)
		time.Sleep(2 * time.Minute)
		begin := time.Now()
		r := mustAsk(ctx, t, x, q)
		if took := time.Since(begin); ipOf(t, r) != "192.0.2.1" || r.source != SourceStale || took != patience {
			t.Errorf("the server is silent: got %+v after %v, want the stale 192.0.2.1 after %v", r, took, patience)
		}
		if r.ttl(time.Now()) != 30*time.Second {
			t.Errorf("the TTL of a stale reply is %v, want 30s", r.ttl(time.Now()))
		}
		for range 25 {
			if r := mustAsk(ctx, t, x, q); r.source != SourceStale || x.cached(q) != r {
				t.Errorf("within 30 s of a stale reply: %+v, want the same from the cache", r)
			}
			time.Sleep(time.Second)
		}
		// the second is a flight of two attempts
		if got := len(n.asked()); got != 3 {
			t.Errorf("the server was asked %d times, want 3", got)
		}
		time.Sleep(24 * time.Hour)
		r = mustAsk(ctx, t, x, q)
		if r.source != SourceServer {
			t.Errorf("the server answers again: %+v, want its answer", r)
		}
		if s := x.stats(); s.stale != 1 {
			t.Errorf("figures after one stale reply: %+v, want stale 1", s)
		}
	})
}

// While the loop drains, a question to which there is a stale reply is asked
// nevertheless: a flight in the background is cancelled, and one that holds the
// loop open takes its place.
func TestStaleInDrain(t *testing.T) {
	answer := func(q *fakeQuery) {
		time.Sleep(time.Second)
		q.reply(a(q.name(), 60, 192, 0, 2, byte(q.nth)))
	}
	bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(1)
		q := qa("stale.example.")
		mustAsk(ctx, t, x, q)
		time.Sleep(2 * time.Minute)
		aio.Go(ctx, "work in progress", func(ctx context.Context) (int, error) {
			aio.LoopOf(ctx).Exit(nil)
			synctest.Wait()
			if r := mustAsk(ctx, t, x, q); r.source != SourceServer || ipOf(t, r) != "192.0.2.2" {
				t.Errorf("stale reply in the cache, loop draining: %+v, want the server's new answer", r)
			}
			return 0, nil
		}).Await(ctx)
	})
}

// A reply that has arrived since the asker looked into the cache is returned
// instead of a new flight.
func TestJoinAfterLanding(t *testing.T) {
	bubble(t, good, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(1)
		q := qa("www.example.")
		mustAsk(ctx, t, x, q)
		f, r, err := x.join(ctx, q, false, true)
		if f != nil || r == nil || err != nil || len(n.asked()) != 1 {
			t.Errorf("join with a reply in the cache: %v, %v, %v, and %d queries, want the reply, no flight, 1 query", f, r, err, len(n.asked()))
		}
	})
}

func TestStaleEnds(t *testing.T) {
	down := false
	answer := func(q *fakeQuery) {
		if down {
			q.reply(rcode(dnsmessage.RCodeServerFailure))
		} else {
			q.reply(a(q.name(), 60, 192, 0, 2, 1))
		}
	}
	bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(1, func(cfg *exchangeConfig) { cfg.maxStale = time.Hour })
		q := qa("stale.example.")
		mustAsk(ctx, t, x, q)
		down = true
		for range 59 {
			time.Sleep(61 * time.Second)
			if r := mustAsk(ctx, t, x, q); r.source != SourceStale {
				t.Errorf("the server fails, within maxStale: %v, want a stale reply", r)
			}
		}
		time.Sleep(2 * time.Minute)
		_, err := x.ask(ctx, q)
		if e := wantError(t, err, KindServer); e.RCode != dnsmessage.RCodeServerFailure {
			t.Errorf("the server fails, after maxStale: %+v, want code %v", e, dnsmessage.RCodeServerFailure)
		}
	})
}

func TestFlushAndConfigure(t *testing.T) {
	answer := func(q *fakeQuery) { q.reply(a(q.name(), 60, 192, 0, 2, byte(q.nth))) }
	bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(1)
		mustAsk(ctx, t, x, qa("a.example."))
		mustAsk(ctx, t, x, qa("b.example."))
		x.flush("a.example.")
		if x.cached(qa("a.example.")) != nil || x.cached(qa("b.example.")) == nil {
			t.Error("after flush of a.example: want b.example in the cache, and a.example not")
		}
		cfg := x.plan.Load().exchangeConfig
		x.configure(cfg)
		if x.cached(qa("b.example.")) == nil {
			t.Error("after configure with the same servers the cache is empty, want it kept")
		}
		x.flush("")
		if x.cached(qa("b.example.")) != nil || x.stats().names != 0 {
			t.Error("after flush of all the cache has names, want none")
		}
		mustAsk(ctx, t, x, qa("a.example."))
		cfg.cacheSize = -1
		x.configure(cfg)
		if r := mustAsk(ctx, t, x, qa("a.example.")); r.source != SourceServer || x.cached(qa("a.example.")) != nil {
			t.Error("with cacheSize -1 a reply came from the cache, want the server asked")
		}
	})
}

// One exchange serves many loops, some of them in bubbles, and lives on.
func TestManyLoops(t *testing.T) {
	answer := func(q *fakeQuery) { q.reply(a(q.name(), 3600, 192, 0, 2, byte(q.nth))) }
	n := &fake{answer: answer}
	x := n.exchange(1)
	q := qa("shared.example.")
	for i := range 3 {
		aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
			if r := mustAsk(ctx, t, x, q); i == 0 && r.source != SourceServer {
				t.Errorf("the first loop: %+v, want the answer of the server", r)
			}
			return nil
		})
		aiotest.Run(t, func(ctx context.Context) error {
			mustAsk(ctx, t, x, q)
			if r := x.cached(q); r == nil || r.ttl(time.Now()) > time.Hour {
				t.Errorf("outside a bubble the cache has %+v, want a reply with a TTL of at most an hour", r)
			}
			return nil
		})
	}
	if len(x.lanes) != 0 {
		t.Errorf("%d lanes after the loops have ended, want none", len(x.lanes))
	}
}
