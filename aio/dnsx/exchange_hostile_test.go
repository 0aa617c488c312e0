package dnsx

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"goaio.example/aio"
)

// good answers with 192.0.2.1.
func good(q *fakeQuery) { q.reply(a(q.name(), 60, 192, 0, 2, 1)) }

// bad adds an address that no asker may get.
func bad(name string) edit { return a(name, 60, 6, 6, 6, 6) }

// What does not match the query is ignored, however much of it comes.
func TestWrongAnswersAreIgnored(t *testing.T) {
	for name, lie := range map[string]func(q *fakeQuery){
		"ID": func(q *fakeQuery) {
			for i := range 65536 {
				if uint16(i) != q.msg.ID {
					q.reply(bad(q.name()), func(m *dnsmessage.Message) { m.ID = uint16(i) })
				}
			}
		},
		"name":        func(q *fakeQuery) { q.reply(bad(q.name()), question1("evil.example.", q.typ(), dnsmessage.ClassINET)) },
		"longer name": func(q *fakeQuery) { q.reply(bad(q.name()), question1("x."+q.name(), q.typ(), dnsmessage.ClassINET)) },
		"type": func(q *fakeQuery) {
			q.reply(bad(q.name()), question1(q.name(), dnsmessage.TypeTXT, dnsmessage.ClassINET))
		},
		"class": func(q *fakeQuery) { q.reply(bad(q.name()), question1(q.name(), q.typ(), dnsmessage.ClassCHAOS)) },
		"two questions": func(q *fakeQuery) {
			q.reply(bad(q.name()), func(m *dnsmessage.Message) { m.Questions = append(m.Questions, m.Questions[0]) })
		},
		"no question":  func(q *fakeQuery) { q.reply(bad(q.name()), func(m *dnsmessage.Message) { m.Questions = nil }) },
		"a query":      func(q *fakeQuery) { q.reply(bad(q.name()), func(m *dnsmessage.Message) { m.Response = false }) },
		"its own echo": func(q *fakeQuery) { q.send(q.raw) },
		"opcode":       func(q *fakeQuery) { q.reply(bad(q.name()), func(m *dnsmessage.Message) { m.OpCode = 5 }) },
		"address":      func(q *fakeQuery) { q.sendFrom("10.0.0.66:53", q.response(bad(q.name()))) },
		"port":         func(q *fakeQuery) { q.sendFrom("10.0.0.1:54", q.response(bad(q.name()))) },
		"empty":        func(q *fakeQuery) { q.send(nil) },
		"half a header": func(q *fakeQuery) {
			q.send(q.response()[:7])
		},
		"half a question": func(q *fakeQuery) { q.send(q.response()[:14]) },
		"garbage":         func(q *fakeQuery) { q.send([]byte(strings.Repeat("garbage", 500))) },
		"only a refusal":  func(q *fakeQuery) { q.send(append(append([]byte{}, q.raw[:2]...), 0x80, 5, 0, 0, 0, 0, 0, 0, 0, 0)) },
	} {
		t.Run(name, func(t *testing.T) {
			late := func(q *fakeQuery) {
				lie(q)
				time.Sleep(3 * time.Second)
				good(q)
			}
			bubble(t, late, func(ctx context.Context, t *testing.T, n *fake) {
				x := n.exchange(1)
				begin := time.Now()
				r := mustAsk(ctx, t, x, qa("name.example."))
				if ip := ipOf(t, r); ip != "192.0.2.1" || time.Since(begin) != 3*time.Second || len(n.asked()) != 1 {
					t.Errorf("wrong answers, and the right one after 3 s: got %s after %v and %d queries, want 192.0.2.1 after 3s and 1", ip, time.Since(begin), len(n.asked()))
				}
				if x.stats().ignored == 0 {
					t.Error("wrong answers: none was counted as ignored")
				}
			})
			bubble(t, lie, func(ctx context.Context, t *testing.T, n *fake) {
				x := n.exchange(1)
				begin := time.Now()
				_, err := x.ask(ctx, qa("name.example."))
				wantError(t, err, KindTimeout)
				if took := time.Since(begin); took != flightTime {
					t.Errorf("wrong answers only: took %v, want %v", took, flightTime)
				}
			})
		})
	}
}

func question1(name string, typ dnsmessage.Type, class dnsmessage.Class) edit {
	return func(m *dnsmessage.Message) {
		m.Questions = []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: typ, Class: class}}
	}
}

// The case of the question's and the records' names does not matter.
func TestCaseOfNames(t *testing.T) {
	answer := func(q *fakeQuery) {
		q.reply(question1("WWW.Example.", q.typ(), dnsmessage.ClassINET), cname("wWw.example.", "Other.Example.", 60),
			a("oTHER.example.", 60, 192, 0, 2, 1))
	}
	bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
		r := mustAsk(ctx, t, n.exchange(1), qa("www.example."))
		if ip := ipOf(t, r); ip != "192.0.2.1" || len(r.chain) != 1 || r.chain[0] != "other.example." {
			t.Errorf("an answer in other case: got %s, chain %q, want 192.0.2.1, other.example.", ip, r.chain)
		}
	})
}

// What a server cannot or will not answer, another may.
func TestNextServer(t *testing.T) {
	loop := []byte{0xC0, 0} // a name that points at itself
	for name, c := range map[string]struct {
		lie  func(q *fakeQuery)
		kind ErrorKind
		took time.Duration // until the second server is asked
	}{
		"SERVFAIL": {lie: func(q *fakeQuery) { q.reply(rcode(dnsmessage.RCodeServerFailure)) }, kind: KindServer},
		"REFUSED":  {lie: func(q *fakeQuery) { q.reply(rcode(dnsmessage.RCodeRefused)) }, kind: KindServer},
		"NOTIMP":   {lie: func(q *fakeQuery) { q.reply(rcode(dnsmessage.RCodeNotImplemented)) }, kind: KindServer},
		"FORMERR":  {lie: func(q *fakeQuery) { q.reply(rcode(dnsmessage.RCodeFormatError)) }, kind: KindServer},
		"referral": {lie: func(q *fakeQuery) {
			q.reply(func(m *dnsmessage.Message) {
				m.RecursionAvailable = false
				m.Authorities = []dnsmessage.Resource{{
					Header: header("example.", dnsmessage.TypeNS, 60), Body: &dnsmessage.NSResource{NS: dnsmessage.MustNewName("ns.example.")},
				}}
			})
		}, kind: KindServer},
		"lame, empty": {lie: func(q *fakeQuery) {
			q.reply(func(m *dnsmessage.Message) { m.RecursionAvailable = false })
		}, kind: KindServer},
		"compression loop": {lie: func(q *fakeQuery) {
			raw := q.response(bad(q.name()))
			copy(raw[12+len(q.name())+5:], binary.BigEndian.AppendUint16(nil, 0xC000|uint16(12+len(q.name())+5)))
			q.send(raw)
		}, kind: KindMalformed},
		"a record cut off": {lie: func(q *fakeQuery) {
			raw := q.response(bad(q.name()))
			q.send(raw[:len(raw)-2])
		}, kind: KindMalformed},
		"more records than there are": {lie: func(q *fakeQuery) {
			raw := q.response(bad(q.name()))
			raw[7] = 200
			q.send(raw)
		}, kind: KindMalformed},
		"pointer to itself": {lie: func(q *fakeQuery) {
			raw := q.response()
			raw[7] = 1
			loop[1] = byte(len(raw))
			q.send(append(append(raw, loop...), 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 6, 6, 6, 6))
		}, kind: KindMalformed},
		"CNAME circle": {lie: func(q *fakeQuery) {
			q.reply(cname(q.name(), "b.example.", 60), cname("b.example.", "c.example.", 60), cname("c.example.", q.name(), 60))
		}, kind: KindChain},
		"CNAME to itself": {lie: func(q *fakeQuery) { q.reply(cname(q.name(), q.name(), 60)) }, kind: KindChain},
		"long chain": {lie: func(q *fakeQuery) {
			edits := []edit{cname(q.name(), "c0.example.", 60)}
			for i := range maxChain {
				edits = append(edits, cname(fmt.Sprintf("c%d.example.", i), fmt.Sprintf("c%d.example.", i+1), 60))
			}
			q.reply(edits...)
		}, kind: KindChain},
		"silence": {lie: func(*fakeQuery) {}, kind: KindTimeout, took: usualLate},
	} {
		t.Run(name, func(t *testing.T) {
			answer := func(q *fakeQuery) {
				if q.host() == "10.0.0.1" {
					c.lie(q)
				} else {
					good(q)
				}
			}
			bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
				begin := time.Now()
				r := mustAsk(ctx, t, n.exchange(2), qa("name.example."))
				if ip := ipOf(t, r); ip != "192.0.2.1" || r.server != "10.0.0.2:53" || time.Since(begin) != c.took {
					t.Errorf("got %s from %s after %v, want 192.0.2.1 from 10.0.0.2:53 after %v", ip, r.server, time.Since(begin), c.took)
				}
			})
			bubble(t, c.lie, func(ctx context.Context, t *testing.T, n *fake) {
				x := n.exchange(1)
				_, err := x.ask(ctx, qa("name.example."))
				if e := wantError(t, err, c.kind); e.Server != "10.0.0.1:53" || e.Host != "name.example." {
					t.Errorf("the only server fails: %+v, want an error about name.example. and 10.0.0.1:53", e)
				}
				if x.cached(qa("name.example.")) != nil {
					t.Error("the failure of the only server is in the cache")
				}
			})
		})
	}
}

// A server that does not know EDNS is asked without, and remembered.
func TestNoEDNS(t *testing.T) {
	for name, refuse := range map[string]func(q *fakeQuery){
		"FORMERR":        func(q *fakeQuery) { q.reply(rcode(dnsmessage.RCodeFormatError)) },
		"NOTIMP":         func(q *fakeQuery) { q.reply(rcode(dnsmessage.RCodeNotImplemented)) },
		"FORMERR, bare":  func(q *fakeQuery) { q.send([]byte{q.raw[0], q.raw[1], 0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0}) },
		"BADVERS in OPT": func(q *fakeQuery) { q.reply(badVersion) },
	} {
		t.Run(name, func(t *testing.T) {
			answer := func(q *fakeQuery) {
				if _, ok := q.edns(); ok {
					refuse(q)
				} else {
					good(q)
				}
			}
			bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
				x := n.exchange(1)
				ipOf(t, mustAsk(ctx, t, x, qa("a.example.")))
				ipOf(t, mustAsk(ctx, t, x, qa("b.example.")))
				if got := len(n.asked()); got != 3 {
					t.Errorf("%d queries, want 3", got)
				}
			})
		})
	}
}

// A server that fails without EDNS(0) too goes on being asked with it.
func TestFormErrAlways(t *testing.T) {
	bubble(t, func(q *fakeQuery) { q.reply(rcode(dnsmessage.RCodeFormatError)) }, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(1)
		for i := range 2 {
			_, err := x.ask(ctx, nth(i))
			wantError(t, err, KindServer)
		}
		for i, q := range n.asked() {
			if _, edns := q.edns(); edns != (i%2 == 0) {
				t.Errorf("query %d of 4 has EDNS(0) %v, want %v", i+1, edns, i%2 == 0)
			}
		}
	})
}

func badVersion(m *dnsmessage.Message) {
	var h dnsmessage.ResourceHeader
	h.SetEDNS0(512, 16, false)
	m.Additionals = []dnsmessage.Resource{{Header: h, Body: &dnsmessage.OPTResource{}}}
}

func TestTruncated(t *testing.T) {
	many := func(q *fakeQuery) {
		if q.network == "udp" {
			q.reply(truncate, bad(q.name()))
			return
		}
		var edits []edit
		for i := range 1000 {
			edits = append(edits, a(q.name(), 60, 10, 1, byte(i>>8), byte(i)))
		}
		q.reply(edits...)
	}
	bubble(t, many, func(ctx context.Context, t *testing.T, n *fake) {
		r := mustAsk(ctx, t, n.exchange(1), qa("many.example."))
		if len(r.records) != 1000 || len(n.asked()) != 2 {
			t.Errorf("a truncated answer: %d records after %d queries, want 1,000 after 2", len(r.records), len(n.asked()))
		}
		n.refuse = syscall.ECONNREFUSED
		_, err := n.exchange(1).ask(ctx, qa("many.example."))
		wantError(t, err, KindNetwork)
	})
}

// Over TCP: half a message, lengths that lie, other messages first, an early
// end.
func TestStreamTrouble(t *testing.T) {
	for name, c := range map[string]struct {
		lie  func(q *fakeQuery)
		kind ErrorKind
	}{
		"half a message": {func(q *fakeQuery) {
			raw := q.response(bad(q.name()))
			q.write(append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw[:len(raw)/2]...))
			q.hangUp()
		}, KindMalformed},
		"half a message, then silence": {func(q *fakeQuery) {
			raw := q.response(bad(q.name()))
			q.write(append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw[:len(raw)/2]...))
		}, KindTimeout},
		"half a length": {func(q *fakeQuery) { q.write([]byte{0}); q.hangUp() }, KindMalformed},
		"too long a length": {func(q *fakeQuery) {
			q.write(append([]byte{0xFF, 0xFF}, q.response(bad(q.name()))...))
			q.hangUp()
		}, KindMalformed},
		"too short a length": {func(q *fakeQuery) { q.write([]byte{0, 4, 1, 2, 3, 4}) }, KindMalformed},
		"hang up":            {func(q *fakeQuery) { q.hangUp() }, KindNetwork},
		"other messages": {func(q *fakeQuery) {
			for i := range 100 {
				q.reply(bad(q.name()), func(m *dnsmessage.Message) { m.ID += uint16(i) + 1 })
			}
		}, KindTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			useTCP := func(cfg *exchangeConfig) { cfg.useTCP = true }
			bubble(t, c.lie, func(ctx context.Context, t *testing.T, n *fake) {
				_, err := n.exchange(1, useTCP).ask(ctx, qa("name.example."))
				wantError(t, err, c.kind)
			})
			answer := func(q *fakeQuery) {
				if q.host() == "10.0.0.1" {
					c.lie(q)
				} else {
					good(q)
				}
			}
			bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
				if r := mustAsk(ctx, t, n.exchange(2, useTCP), qa("name.example.")); r.server != "10.0.0.2:53" {
					t.Errorf("the first server fails: %+v, want the answer of 10.0.0.2:53", r)
				}
			})
		})
	}
}

// The stream may come one byte at a time, and good answers after others.
func TestStreamInPieces(t *testing.T) {
	answer := func(q *fakeQuery) {
		q.reply(bad(q.name()), func(m *dnsmessage.Message) { m.ID++ })
		raw := q.response(a(q.name(), 60, 192, 0, 2, 1))
		for _, b := range append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...) {
			q.write([]byte{b})
		}
	}
	bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(1, func(cfg *exchangeConfig) { cfg.servers = []string{"tcp://10.0.0.1"} })
		ipOf(t, mustAsk(ctx, t, x, qa("name.example.")))
	})
}

func TestLoopEndsFlights(t *testing.T) {
	bubble(t, func(*fakeQuery) {}, func(ctx context.Context, t *testing.T, n *fake) {
		x := n.exchange(2)
		l := new(aio.Loop)
		stop := context.Canceled
		err := l.Run(context.Background(), func(ctx context.Context) error {
			time.AfterFunc(400*time.Millisecond, func() { l.Cancel(stop) })
			begin := time.Now()
			_, err := x.ask(ctx, qa("silent.example."))
			if !errors.Is(err, stop) || time.Since(begin) != 400*time.Millisecond {
				t.Errorf("loop cancelled after 400ms: %v after %v, want the cause at once", err, time.Since(begin))
			}
			return nil
		})
		if err != nil && !errors.Is(err, stop) {
			t.Errorf("Run of the cancelled loop: %v, want nil or the cause", err)
		}
	})
}
