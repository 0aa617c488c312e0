package dnsx

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A first server that is dead delays answers by a quarter of a second, and soon
// not at all; it gets another chance.
func TestDeadServer(t *testing.T) {
	var alive atomic.Bool
	answer := func(q *fakeQuery) {
		if q.host() != "10.0.0.1" || alive.Load() {
			good(q)
		}
	}
	bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(2)
		for i := range strikes {
			begin := time.Now()
			if mustAsk(ctx, t, x, nth(i)); time.Since(begin) != usualLate {
				t.Errorf("lookup %d, first server dead: took %v, want %v", i, time.Since(begin), usualLate)
			}
		}
		begin := time.Now()
		if mustAsk(ctx, t, x, nth(10)); time.Since(begin) != 0 {
			t.Errorf("first server known to be dead: took %v, want no time", time.Since(begin))
		}
		alive.Store(true)
		time.Sleep(lastPause)
		if r := mustAsk(ctx, t, x, nth(11)); r.server != "10.0.0.1:53" {
			t.Errorf("first server alive again: %s was asked, want 10.0.0.1:53", r.server)
		}
	})
}

// A slow first server has the first say on what there is not.
func TestSlowServerKnowsBetter(t *testing.T) {
	for _, late := range []time.Duration{time.Second, time.Hour} {
		answer := func(q *fakeQuery) {
			if q.host() == "10.0.0.1" {
				time.Sleep(late)
				good(q)
			} else {
				q.reply(rcode(dnsmessage.RCodeNameError), soa("example.", 60, 60))
			}
		}
		bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
			x := n.exchange(2)
			begin := time.Now()
			r := mustAsk(ctx, t, x, qa("internal.example."))
			switch took := time.Since(begin); {
			case late == time.Second && (took != late || ipOf(t, r) != "192.0.2.1"):
				t.Errorf("first server answers after 1s: %+v after %v, want its 192.0.2.1", r, took)
			case late == time.Hour && (took != 5*time.Second || r.rcode != dnsmessage.RCodeNameError):
				t.Errorf("first server silent: %+v after %v, want the second's NXDOMAIN after 5s", r, took)
			}
			if late == time.Hour {
				time.Sleep(late)
			}
		})
	}
}

// The late answer of the first server comes while the second is silent.
func TestLateAnswer(t *testing.T) {
	answer := func(q *fakeQuery) {
		if q.host() == "10.0.0.1" {
			time.Sleep(2 * time.Second)
			if q.network == "udp" {
				q.reply(truncate)
			} else {
				good(q)
			}
		}
	}
	bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
		begin := time.Now()
		r := mustAsk(ctx, t, n.exchange(3), qa("slow.example."))
		if took := time.Since(begin); ipOf(t, r) != "192.0.2.1" || took != 4*time.Second {
			t.Errorf("late answer by UDP, truncated, then by TCP: %+v after %v, want 192.0.2.1 after 4s", r, took)
		}
	})
}

// A server that refuses is asked once. One that fails, or is silent, is asked
// again in the next round.
func TestRounds(t *testing.T) {
	for what, c := range map[string]struct {
		first func(q *fakeQuery)
		want  int // times that the first server is asked
	}{
		"REFUSED":  {func(q *fakeQuery) { q.reply(rcode(dnsmessage.RCodeRefused)) }, 1},
		"lame":     {func(q *fakeQuery) { q.reply(func(m *dnsmessage.Message) { m.RecursionAvailable = false }) }, 1},
		"garbled":  {func(q *fakeQuery) { raw := q.response(bad(q.name())); q.send(raw[:len(raw)-2]) }, 1},
		"SERVFAIL": {func(q *fakeQuery) { q.reply(rcode(dnsmessage.RCodeServerFailure)) }, 3},
		"silence":  {func(*fakeQuery) {}, 3},
	} {
		t.Run(what, func(t *testing.T) {
			asked := map[string]int{}
			answer := func(q *fakeQuery) {
				if q.host() == "10.0.0.1" {
					c.first(q)
				}
			}
			bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
				x := n.exchange(2, func(cfg *exchangeConfig) { cfg.attempts, cfg.timeout = 3, time.Second })
				if _, err := x.ask(ctx, qa("name.example.")); err == nil {
					t.Error("an answer, want none")
				}
				for _, q := range n.asked() {
					asked[q.host()]++
				}
				if asked["10.0.0.1"] != c.want || asked["10.0.0.2"] != 3 {
					t.Errorf("3 rounds: asked %v, want 10.0.0.1 %d times, and 10.0.0.2, which is silent, 3 times", asked, c.want)
				}
			})
		})
	}
}

// How late a server may be depends on how fast it was: one that takes 300 ms
// has the second asked once, before it is known to take that long.
func TestSlowIsNotLate(t *testing.T) {
	answer := func(q *fakeQuery) {
		if q.host() == "10.0.0.1" {
			time.Sleep(300 * time.Millisecond)
			good(q)
		}
	}
	bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(2)
		for i := range 5 {
			mustAsk(ctx, t, x, nth(i))
		}
		second := 0
		for _, q := range n.asked() {
			if q.host() == "10.0.0.2" {
				second++
			}
		}
		if second != 1 {
			t.Errorf("5 questions to a server that takes 300ms: the second was asked %d times, want once", second)
		}
	})
}

// Of errors that tell the same, the one of the server asked last is returned.
func TestLastError(t *testing.T) {
	refuse := func(q *fakeQuery) { q.reply(rcode(dnsmessage.RCodeRefused)) }
	bubble(t, refuse, func(ctx context.Context, t *testing.T, n *fake) {
		_, err := n.exchange(3).ask(ctx, qa("www.example."))
		if e := wantError(t, err, KindServer); e.Server != "10.0.0.3:53" {
			t.Errorf("three servers refuse: %+v, want the error of the last, 10.0.0.3:53", e)
		}
	})
}

func TestRotate(t *testing.T) {
	bubble(t, good, func(ctx context.Context, t *testing.T, n *fake) {
		for _, rotate := range []bool{false, true} {
			x := n.exchange(3, func(cfg *exchangeConfig) { cfg.rotate = rotate })
			servers := map[string]int{}
			for i := range 30 {
				servers[mustAsk(ctx, t, x, nth(i)).server]++
			}
			if rotate && (len(servers) != 3 || servers["10.0.0.1:53"] != 10) || !rotate && len(servers) != 1 {
				t.Errorf("rotate %v, 30 questions: %v, want 10 for each of 3 servers, or all for one", rotate, servers)
			}
		}
	})
}

func TestHealth(t *testing.T) {
	var h health
	now := time.Now()
	if h.late() != usualLate || h.down(now) {
		t.Errorf("never asked: late after %v, down %v, want %v, false", h.late(), h.down(now), usualLate)
	}
	for range 50 {
		h.answered(40 * time.Millisecond)
	}
	if got := h.late(); got != 160*time.Millisecond {
		t.Errorf("answers after 40ms: late after %v, want 160ms", got)
	}
	pause := time.Duration(0)
	for range 100 {
		h.hasFailed()
		now = time.Now()
		for pause = 0; h.down(now.Add(pause)); pause += 500 * time.Millisecond {
		}
	}
	if pause < lastPause-time.Second || pause > lastPause+time.Second {
		t.Errorf("after 100 failures it is down for %v, want about %v", pause, lastPause)
	}
	if h.down(now.Add(-time.Hour)) {
		t.Error("down though the clock was set back, want it asked")
	}
	if h.answered(time.Hour); h.down(now) || h.late() != maxLate {
		t.Errorf("after a slow answer: down %v, late after %v, want false, %v", h.down(now), h.late(), maxLate)
	}
}

// configure keeps what is known of servers that stay.
func TestHealthStays(t *testing.T) {
	x := new(exchange)
	x.configure(exchangeConfig{servers: []string{"10.0.0.1:53"}})
	h := x.plan.Load().upstreams[0].health
	x.configure(exchangeConfig{servers: []string{"10.0.0.2:53", "10.0.0.1:53"}})
	if u := x.plan.Load().upstreams; u[1].health != h || u[0].health == h {
		t.Error("the health of 10.0.0.1:53 is not with it after configure")
	}
}
