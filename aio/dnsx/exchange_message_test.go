package dnsx

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

func TestChains(t *testing.T) {
	const name = "www.example."
	for what, c := range map[string]struct {
		zone  map[string][]edit // what is answered for a name
		chain string
		rcode dnsmessage.RCode
		none  bool
		asked int
		ttl   time.Duration
	}{
		"direct": {zone: map[string][]edit{name: {a(name, 60, 192, 0, 2, 1)}}, asked: 1, ttl: time.Minute},
		"in any order": {zone: map[string][]edit{name: {
			a("c.example.", 60, 192, 0, 2, 1), cname("b.example.", "c.example.", 50), cname(name, "b.example.", 40),
		}}, chain: "b.example. c.example.", asked: 1, ttl: 40 * time.Second},
		"target missing": {zone: map[string][]edit{
			name:         {cname(name, "b.example.", 40)},
			"b.example.": {a("b.example.", 30, 192, 0, 2, 1)},
		}, chain: "b.example.", asked: 2, ttl: 30 * time.Second},
		"one at a time": {zone: map[string][]edit{
			name:         {cname(name, "b.example.", 40)},
			"b.example.": {cname("b.example.", "c.example.", 30)},
			"c.example.": {a("c.example.", 90, 192, 0, 2, 1)},
		}, chain: "b.example. c.example.", asked: 3, ttl: 30 * time.Second},
		"records off the chain": {zone: map[string][]edit{name: {
			a("bank.example.", 60, 6, 6, 6, 6), cname("bank.example.", "evil.example.", 60), cname(name, "b.example.", 60),
			a("evil.example.", 60, 6, 6, 6, 6), a(name, 60, 6, 6, 6, 6), a("b.example.", 60, 192, 0, 2, 1),
		}}, chain: "b.example.", asked: 1, ttl: time.Minute},
		"another class": {zone: map[string][]edit{name: {a(name, 60, 192, 0, 2, 1), func(m *dnsmessage.Message) {
			m.Answers = append(m.Answers, m.Answers[0])
			m.Answers[1].Header.Class = dnsmessage.ClassCHAOS
		}}}, asked: 1, ttl: time.Minute},
		"target without records": {zone: map[string][]edit{name: {
			cname(name, "b.example.", 60), soa("example.", 500, 20),
		}}, chain: "b.example.", none: true, asked: 1, ttl: 20 * time.Second},
		"SOA of another zone": {zone: map[string][]edit{
			name:       {cname(name, "b.other.", 60), soa("example.", 500, 20)},
			"b.other.": {a("b.other.", 60, 192, 0, 2, 1)},
		}, chain: "b.other.", asked: 2, ttl: time.Minute},
		"target does not exist": {zone: map[string][]edit{name: {
			cname(name, "b.example.", 10), soa("example.", 500, 20), rcode(dnsmessage.RCodeNameError),
		}}, chain: "b.example.", none: true, rcode: dnsmessage.RCodeNameError, asked: 1, ttl: 10 * time.Second},
		"target does not exist, asked for": {zone: map[string][]edit{
			name:         {cname(name, "b.example.", 60)},
			"b.example.": {soa("example.", 20, 500), rcode(dnsmessage.RCodeNameError)},
		}, chain: "b.example.", none: true, rcode: dnsmessage.RCodeNameError, asked: 2, ttl: 20 * time.Second},
	} {
		t.Run(what, func(t *testing.T) {
			answer := func(q *fakeQuery) { q.reply(c.zone[q.name()]...) }
			bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
				x := n.exchange(1)
				r := mustAsk(ctx, t, x, qa(name))
				if !c.none && ipOf(t, r) != "192.0.2.1" || c.none && r.records != nil {
					t.Errorf("got records %+v, want none: %v, else 192.0.2.1", r.records, c.none)
				}
				if chain := strings.Join(r.chain, " "); chain != c.chain || r.rcode != c.rcode || len(n.asked()) != c.asked {
					t.Errorf("chain %q, %v, %d queries, want %q, %v, %d", chain, r.rcode, len(n.asked()), c.chain, c.rcode, c.asked)
				}
				if ttl := r.ttl(time.Now()); ttl != c.ttl {
					t.Errorf("TTL %v, want %v", ttl, c.ttl)
				}
				if again := x.cached(qa(name)); again == nil || !slices.Equal(again.chain, r.chain) || again.rcode != r.rcode {
					t.Errorf("the cache has %+v, want the same as the reply: %+v", again, r)
				}
			})
		})
	}
}

// A chain that grows with each question comes to an end, and so does one that
// leads back.
func TestEndlessChains(t *testing.T) {
	endless := func(q *fakeQuery) { q.reply(cname(q.name(), "x"+q.name(), 60)) }
	bubble(t, endless, func(ctx context.Context, t *testing.T, n *fake) {
		_, err := n.exchange(2).ask(ctx, qa("www.example."))
		wantError(t, err, KindChain)
		if got := len(n.asked()); got != maxChain+1 {
			t.Errorf("an endless chain: %d queries, want %d", got, maxChain+1)
		}
	})
	circle := func(q *fakeQuery) {
		next := map[string]string{"a.example.": "b.example.", "b.example.": "c.example.", "c.example.": "a.example."}
		q.reply(cname(q.name(), next[q.name()], 60))
	}
	bubble(t, circle, func(ctx context.Context, t *testing.T, n *fake) {
		_, err := n.exchange(1).ask(ctx, qa("a.example."))
		if e := wantError(t, err, KindChain); e.Host != "a.example." {
			t.Errorf("a chain that is a circle: %+v, want an error about a.example.", e)
		}
		if got := len(n.asked()); got != 3 {
			t.Errorf("a chain that is a circle: %d queries, want 3", got)
		}
	})
}

// The end of a chain may be in the cache.
func TestChainIntoCache(t *testing.T) {
	answer := func(q *fakeQuery) {
		if q.name() == "b.example." {
			q.reply(a(q.name(), 30, 192, 0, 2, 1))
		} else {
			q.reply(cname(q.name(), "b.example.", 60))
		}
	}
	bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(1)
		mustAsk(ctx, t, x, qa("b.example."))
		time.Sleep(10 * time.Second)
		r := mustAsk(ctx, t, x, qa("www.example."))
		if ipOf(t, r); len(n.asked()) != 2 || r.ttl(time.Now()) != 20*time.Second {
			t.Errorf("a chain to a name in the cache: %d queries, TTL %v, want 2, 20s", len(n.asked()), r.ttl(time.Now()))
		}
	})
}

// A stale reply in the cache is not taken for the end of a chain.
func TestChainIntoStale(t *testing.T) {
	down := false
	answer := func(q *fakeQuery) {
		switch {
		case q.name() != "b.example.":
			q.reply(cname(q.name(), "b.example.", 60))
		case down:
			q.reply(rcode(dnsmessage.RCodeServerFailure))
		default:
			q.reply(a(q.name(), 60, 192, 0, 2, byte(q.nth)))
		}
	}
	bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(1)
		mustAsk(ctx, t, x, qa("b.example."))
		time.Sleep(2 * time.Minute)
		down = true
		if r := mustAsk(ctx, t, x, qa("b.example.")); r.source != SourceStale {
			t.Fatalf("the server fails: %+v, want a stale reply", r)
		}
		down = false
		if r := mustAsk(ctx, t, x, qa("www.example.")); ipOf(t, r) == "192.0.2.1" {
			t.Errorf("a chain to a name with a stale reply: %+v, want the server's new answer", r)
		}
	})
}

// A reply that was made of large messages counts for more than one name in the
// cache.
func TestChainWeight(t *testing.T) {
	large := func(m *dnsmessage.Message) {
		m.Additionals = []dnsmessage.Resource{{
			Header: header("x.example.", dnsmessage.TypeTXT, 60),
			Body:   &dnsmessage.TXTResource{TXT: slices.Repeat([]string{strings.Repeat("x", 255)}, 6)},
		}}
	}
	answer := func(q *fakeQuery) {
		if q.name() == "b.example." {
			q.reply(a(q.name(), 60, 192, 0, 2, 1), large)
		} else {
			q.reply(cname(q.name(), "b.example.", 60), large)
		}
	}
	bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(1)
		mustAsk(ctx, t, x, qa("www.example."))
		if got := x.cache.node("www.example.").weight; got != 2 {
			t.Errorf("a reply of two messages of 1,600 bytes weighs %d, want 2", got)
		}
	})
}

func TestAskForCNAME(t *testing.T) {
	answer := func(q *fakeQuery) { q.reply(cname(q.name(), "b.example.", 60), cname("b.example.", q.name(), 60)) }
	bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
		r := mustAsk(ctx, t, n.exchange(1), question{"www.example.", dnsmessage.TypeCNAME})
		if len(r.records) != 1 || len(r.chain) != 0 {
			t.Errorf("asked for a CNAME: %+v, want one record, and no chain", r)
		}
	})
}

// Negative answers hold for min(SOA's TTL, SOA's minimum), and not at all
// without an SOA (RFC 2308).
func TestNegative(t *testing.T) {
	aaaa := question{"no.example.", dnsmessage.TypeAAAA}
	for what, c := range map[string]struct {
		edits []edit
		ttl   time.Duration
		both  bool // the answer is about all types
	}{
		"NXDOMAIN, minimum":    {[]edit{rcode(dnsmessage.RCodeNameError), soa("example.", 300, 100)}, 100 * time.Second, true},
		"NXDOMAIN, TTL":        {[]edit{rcode(dnsmessage.RCodeNameError), soa("example.", 100, 300)}, 100 * time.Second, true},
		"NXDOMAIN, by root":    {[]edit{rcode(dnsmessage.RCodeNameError), soa(".", 100, 300)}, 100 * time.Second, true},
		"no records":           {[]edit{soa("example.", 100, 300)}, 100 * time.Second, false},
		"capped":               {[]edit{soa("example.", 100_000, 100_000)}, 3 * time.Hour, false},
		"NXDOMAIN, no SOA":     {[]edit{rcode(dnsmessage.RCodeNameError)}, 0, false},
		"no records, no SOA":   {nil, 0, false},
		"SOA of another zone":  {[]edit{soa("o.example.", 100, 300)}, 0, false},
		"SOA of a zone below":  {[]edit{soa("x.no.example.", 100, 300)}, 0, false},
		"TTL 2^31 of the SOA":  {[]edit{soa("example.", 1<<31, 300)}, 300 * time.Second, false},
		"minimum 0 of the SOA": {[]edit{soa("example.", 300, 0)}, 0, false},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(q *fakeQuery) { q.reply(c.edits...) }, func(ctx context.Context, t *testing.T, n *fake) {
				x := n.exchange(1)
				r := mustAsk(ctx, t, x, qa(aaaa.name))
				if len(r.records) != 0 || r.ttl(time.Now()) != c.ttl {
					t.Errorf("got %+v with TTL %v, want no records, and TTL %v", r, r.ttl(time.Now()), c.ttl)
				}
				if c.ttl > 0 {
					time.Sleep(c.ttl - time.Second)
				}
				if (x.cached(qa(aaaa.name)) != nil) != (c.ttl > 0) || (x.cached(aaaa) != nil) != c.both {
					t.Errorf("a second before its end: A cached %v, AAAA cached %v, want %v, %v", x.cached(qa(aaaa.name)) != nil, x.cached(aaaa) != nil, c.ttl > 0, c.both)
				}
				time.Sleep(time.Second)
				if x.cached(qa(aaaa.name)) != nil {
					t.Errorf("after %v it is still in the cache", c.ttl)
				}
				mustAsk(ctx, t, x, qa(aaaa.name))
				if len(n.asked()) != 2 {
					t.Errorf("asked again after its end: %d queries in all, want 2", len(n.asked()))
				}
			})
		})
	}
}

// That the end of a chain does not exist says nothing about the other types of
// the name that the chain begins at: it exists.
func TestNegativeBehindChain(t *testing.T) {
	answer := func(q *fakeQuery) {
		q.reply(cname("www.example.", "gone.example.", 60), soa("example.", 60, 60), rcode(dnsmessage.RCodeNameError))
	}
	bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(1)
		mustAsk(ctx, t, x, qa("www.example."))
		if x.cached(qa("www.example.")) == nil {
			t.Error("the answer for A is not in the cache")
		}
		if r := x.cached(question{"www.example.", dnsmessage.TypeCNAME}); r != nil {
			t.Errorf("the cache has %+v for CNAME, which was not asked for", r)
		}
	})
}

func TestTTL(t *testing.T) {
	for _, c := range []struct {
		ttl  uint32
		want time.Duration
		edit func(*exchangeConfig)
	}{
		{ttl: 0, want: 0},
		{ttl: 1, want: time.Second},
		{ttl: 1<<31 - 1, want: 24 * time.Hour},
		{ttl: 1 << 31, want: 0},
		{ttl: 1<<32 - 1, want: 0},
		{ttl: 10, want: time.Minute, edit: func(cfg *exchangeConfig) { cfg.minTTL = time.Minute }},
		{ttl: 100, want: time.Minute, edit: func(cfg *exchangeConfig) { cfg.maxTTL = time.Minute }},
	} {
		t.Run(fmt.Sprint(c.ttl), func(t *testing.T) {
			answer := func(q *fakeQuery) { q.reply(a(q.name(), 5000000, 192, 0, 2, 1), a(q.name(), c.ttl, 192, 0, 2, 2)) }
			bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
				edit := c.edit
				if edit == nil {
					edit = func(*exchangeConfig) {}
				}
				x := n.exchange(1, edit)
				r := mustAsk(ctx, t, x, qa("ttl.example."))
				if got := r.ttl(time.Now()); got != c.want || len(r.records) != 2 {
					t.Errorf("TTL %v, want %v", got, c.want)
				}
				if r := x.cached(qa("ttl.example.")); (r != nil) != (c.want > 0) {
					t.Errorf("TTL %d: the cache has %+v, want a reply: %v", c.ttl, r, c.want > 0)
				}
			})
		})
	}
}

func TestAuthenticData(t *testing.T) {
	answer := func(q *fakeQuery) {
		q.reply(a(q.name(), 60, 192, 0, 2, 1), func(m *dnsmessage.Message) { m.AuthenticData = true })
	}
	bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
		for _, trust := range []bool{false, true} {
			x := n.exchange(1, func(cfg *exchangeConfig) { cfg.trustAD = trust })
			r := mustAsk(ctx, t, x, qa("ad.example."))
			asked := n.asked()
			if r.ad != trust || asked[len(asked)-1].msg.AuthenticData != trust {
				t.Errorf("an answer with AD, trustAD %v: ad %v, and AD in the query %v, want both as trustAD", trust, r.ad, asked[len(asked)-1].msg.AuthenticData)
			}
		}
	})
}

// The reply to a chain of which the parts came from different messages is
// authenticated if all of them are.
func TestAuthenticChain(t *testing.T) {
	for _, first := range []bool{false, true} {
		for _, end := range []bool{false, true} {
			answer := func(q *fakeQuery) {
				ad := first
				edit := cname("www.example.", "b.example.", 60)
				if q.name() == "b.example." {
					ad, edit = end, a("b.example.", 60, 192, 0, 2, 1)
				}
				q.reply(edit, func(m *dnsmessage.Message) { m.AuthenticData = ad })
			}
			bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
				x := n.exchange(1, func(cfg *exchangeConfig) { cfg.trustAD = true })
				if r := mustAsk(ctx, t, x, qa("www.example.")); r.ad != (first && end) {
					t.Errorf("AD of the CNAME %v, of its target %v: the reply has %v, want %v", first, end, r.ad, first && end)
				}
			})
		}
	}
}

// FuzzReply takes messages apart that a server may have sent. The corpus in
// testdata has good and bad ones.
func FuzzReply(f *testing.F) {
	q := qa("www.example.")
	for _, raw := range seedReplies(f, q) {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := parseMessage(raw, q)
		if err != nil {
			return
		}
		if len(a.chain) > maxChain || len(a.records) > len(raw)/10 {
			t.Errorf("%d records and a chain of %d from %d bytes, want at most one record for 10 bytes, and %d", len(a.records), len(a.chain), len(raw), maxChain)
		}
		end := q.name
		if len(a.chain) > 0 {
			end = a.chain[len(a.chain)-1]
		}
		for i := range a.records {
			if r := &a.records[i]; r.Header.Type != q.typ || r.Body == nil || !named(&r.Header.Name, end) || r.Header.TTL >= 1<<31 {
				t.Errorf("the record %+v is not one of %s for %v", r.Header, end, q.typ)
			}
		}
		(&plan{}).life(a)
	})
}

// An answer without records and without an SOA means that there are none, if
// the server is authoritative or recursive: whether it has NS records too does
// not matter. Otherwise the server is lame, and the next one is asked.
func TestEmptyAnswers(t *testing.T) {
	for _, ns := range []bool{false, true} {
		for _, authoritative := range []bool{false, true} {
			for _, recursive := range []bool{false, true} {
				empty := func(m *dnsmessage.Message) {
					m.Authoritative, m.RecursionAvailable = authoritative, recursive
					if ns {
						m.Authorities = []dnsmessage.Resource{{
							Header: header("example.", dnsmessage.TypeNS, 60),
							Body:   &dnsmessage.NSResource{NS: dnsmessage.MustNewName("ns.example.")},
						}}
					}
				}
				answer := func(q *fakeQuery) {
					if q.host() == "10.0.0.1" {
						q.reply(empty)
					} else {
						good(q)
					}
				}
				bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
					r := mustAsk(ctx, t, n.exchange(2), qa("www.example."))
					want, records := "10.0.0.1:53", 0
					if !authoritative && !recursive {
						want, records = "10.0.0.2:53", 1
					}
					if r.server != want || len(r.records) != records {
						t.Errorf("first server's empty answer with NS %v, AA %v, RA %v: got %d records from %s, want %d from %s",
							ns, authoritative, recursive, len(r.records), r.server, records, want)
					}
				})
			}
		}
	}
}

// seedReplies returns messages to begin with.
func seedReplies(tb testing.TB, q question) [][]byte {
	tb.Helper()
	query := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 0x1234, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(q.name), Type: q.typ, Class: dnsmessage.ClassINET}},
	}
	raw, err := query.Pack()
	if err != nil {
		tb.Fatalf("pack a query: %v", err)
	}
	fq := &fakeQuery{raw: raw, msg: query}
	good := fq.response(a(q.name, 60, 192, 0, 2, 1), soa("example.", 1, 1))
	return [][]byte{
		good,
		good[:len(good)-3],
		fq.raw,
		fq.response(cname(q.name, "b.example.", 60), a("b.example.", 60, 192, 0, 2, 1)),
		fq.response(cname(q.name, q.name, 60)),
		fq.response(rcode(dnsmessage.RCodeNameError), soa(".", 1<<31, 1<<31)),
		fq.response(badVersion),
		fq.response(a("evil.example.", 60, 6, 6, 6, 6), truncate),
		append(append([]byte{}, fq.response()...), 0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 1, 2, 3, 4),
	}
}
