package dnsx_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/dnsx"
)

// The whole resolver against an embedded server that does wrong: what comes out
// of the public API, when, and what is left. The messages one by one are in
// exchange_hostile_test.go.

const (
	first, second = "10.0.0.1:53", "10.0.0.2:53"
	name          = "www.example"
	rightZone     = `
		$ORIGIN example.
		@      SOA    ns hostmaster 1 2h 15m 2w 300
		www    300 A  192.0.2.1
		empty  TXT    "no address"
		alias  CNAME  www
		loop   CNAME  pool
		pool   CNAME  loop
		self   CNAME  self
		away   CNAME  www.elsewhere.test.
		lost   CNAME  nowhere
		elsewhere.test.      SOA ns.elsewhere.test. hostmaster 1 2h 15m 2w 300
		www.elsewhere.test.  A   192.0.2.77`
)

// hostile is a server in memory that stands for all of a resolver's servers,
// and what its client saw.
type hostile struct {
	*testing.T
	*aiotest.DNS
	*dnsx.Resolver
}

// against runs fn in a bubble and a loop, with a resolver of so many servers.
func against(t *testing.T, servers int, fn func(ctx context.Context, h hostile)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := aiotest.MemoryDNS(t, rightZone)
		r := &dnsx.Resolver{
			Servers: []string{first, second}[:servers], Dial: d.Dial, HostsFile: os.DevNull,
			AttemptTimeout: 5 * time.Second, Attempts: 2,
		}
		aiotest.Run(t, func(ctx context.Context) error {
			fn(ctx, hostile{t, d, r})
			if n := aio.LoopOf(ctx).Stats().DNSQueries; n != 0 {
				t.Errorf("at the end of the test the stats have %d lookups, want none", n)
			}
			return nil
		})
	})
}

// look looks up and returns the addresses, and how long it took.
func (h hostile) look(ctx context.Context, host string) (string, time.Duration, error) {
	begin := time.Now()
	a, err := h.Lookup(ctx, host).Await(ctx)
	return fmt.Sprint(a.Addrs), time.Since(begin), err
}

// right expects the right answer within some time.
func (h hostile) right(ctx context.Context, most time.Duration) {
	h.Helper()
	if addrs, took, err := h.look(ctx, name); addrs != "[192.0.2.1]" || took > most || err != nil {
		h.Errorf("%s: got %s, %v after %v, want the right answer within %v", name, addrs, err, took, most)
	}
}

// fails expects an error of the kind at some time, and that it is told as
// package net and aio do.
func (h hostile) fails(ctx context.Context, host string, kind dnsx.ErrorKind, least, most time.Duration) *dnsx.Error {
	h.Helper()
	addrs, took, err := h.look(ctx, host)
	e, ok := errors.AsType[*dnsx.Error](err)
	if !ok || e.Kind != kind || took < least || took > most || e.Host != host {
		h.Fatalf("%s: got %s, %v after %v, want %v after %v to %v", host, addrs, err, took, kind, least, most)
	}
	de, ok := errors.AsType[*net.DNSError](err)
	if !ok || !errors.Is(err, aio.ErrDNS) || de.IsNotFound != (kind == dnsx.KindNotFound) ||
		de.IsTimeout != (kind == dnsx.KindTimeout) || errors.Is(err, aio.ErrTimeout) != de.IsTimeout {
		h.Errorf("%s: kind %v, and %#v, want them to agree, and aio's conditions", host, kind, de)
	}
	return e
}

// inAll is what a lookup may take in all.
const inAll = 10 * time.Second

// Wrong answers by UDP. Those that cannot be the server's are ignored until the
// deadline, and do not keep the right one from being taken; one that is the
// server's, but makes no sense, ends the attempt. The second server is asked in
// any case.
func TestHostileUDP(t *testing.T) {
	t.Parallel()
	for lie, c := range map[string]struct {
		fault   aiotest.DNSFault
		kind    dnsx.ErrorKind
		ignored bool // the right answer that follows is taken
	}{
		"no answer":      {aiotest.DNSFault{Drop: true}, dnsx.KindTimeout, false},
		"late answer":    {aiotest.DNSFault{Delay: inAll + time.Second}, dnsx.KindTimeout, false},
		"wrong ID":       {aiotest.DNSFault{WrongID: true}, dnsx.KindTimeout, true},
		"wrong question": {aiotest.DNSFault{WrongQuestion: true}, dnsx.KindTimeout, true},
		"other port":     {aiotest.DNSFault{OtherPort: true}, dnsx.KindTimeout, true},
		"garbage":        {aiotest.DNSFault{Garbage: true}, dnsx.KindTimeout, true},
		"pure garbage": {aiotest.DNSFault{Answer: func(aiotest.DNSQuery, []byte) [][]byte {
			return [][]byte{nil, {0}, []byte(strings.Repeat("garbage", 1000))}
		}}, dnsx.KindTimeout, true},
		"many wrong IDs": {aiotest.DNSFault{Answer: manyIDs}, dnsx.KindTimeout, true},
		"the query":      {aiotest.DNSFault{Answer: echoed}, dnsx.KindTimeout, true},
		"a loop":         {aiotest.DNSFault{Loop: true}, dnsx.KindMalformed, false},
		"cut off": {aiotest.DNSFault{Answer: func(_ aiotest.DNSQuery, a []byte) [][]byte {
			return [][]byte{a[:40]} // within the first record
		}}, dnsx.KindMalformed, false},
		"SERVFAIL":         {aiotest.DNSFault{RCode: dnsmessage.RCodeServerFailure}, dnsx.KindServer, false},
		"REFUSED":          {aiotest.DNSFault{RCode: dnsmessage.RCodeRefused}, dnsx.KindServer, false},
		"NOTIMP":           {aiotest.DNSFault{RCode: dnsmessage.RCodeNotImplemented}, dnsx.KindServer, false},
		"FORMERR":          {aiotest.DNSFault{RCode: dnsmessage.RCodeFormatError}, dnsx.KindServer, false},
		"an unknown rcode": {aiotest.DNSFault{RCode: 11}, dnsx.KindServer, false},
	} {
		t.Run(lie, func(t *testing.T) {
			t.Parallel()
			least := time.Duration(0)
			if c.kind == dnsx.KindTimeout {
				least = inAll // two attempts of 5 s
			}
			// the only server does wrong
			against(t, 1, func(ctx context.Context, h hostile) {
				h.SetFault(aiotest.DNSMatch{}, c.fault)
				e := h.fails(ctx, name, c.kind, least, inAll)
				if e.RCode != c.fault.RCode || e.Server != first && c.kind != dnsx.KindTimeout {
					h.Errorf("RCode %v of server %q, want %v of %q", e.RCode, e.Server, c.fault.RCode, first)
				}
				h.ClearFaults() // the cache has kept nothing
				h.right(ctx, 0)
			})
			// the first of two does
			against(t, 2, func(ctx context.Context, h hostile) {
				h.SetFault(aiotest.DNSMatch{Server: first}, c.fault)
				h.right(ctx, 5*time.Second)
			})
			if !c.ignored {
				return
			}
			// the right answer follows
			against(t, 1, func(ctx context.Context, h hostile) {
				c.fault.AnswerToo = true
				h.SetFault(aiotest.DNSMatch{}, c.fault)
				h.right(ctx, 0)
				if n := h.Count(aiotest.DNSMatch{}); n != 2 {
					h.Errorf("%d queries, want one for A and one for AAAA", n)
				}
				if h.Stats().Ignored == 0 && !c.fault.OtherPort {
					h.Error("wrong answers: none was counted as ignored")
				}
			})
		})
	}
}

// manyIDs returns the answer with 4,095 wrong IDs. TestWrongAnswersAreIgnored
// has all of them.
func manyIDs(q aiotest.DNSQuery, answer []byte) [][]byte {
	var all [][]byte
	for i := range 4095 {
		b := slices.Clone(answer)
		binary.BigEndian.PutUint16(b, q.Header.ID+uint16(i+1)*16)
		all = append(all, b)
	}
	return all
}

// echoed is the query itself: an answer's bytes without the bit that says so.
func echoed(_ aiotest.DNSQuery, answer []byte) [][]byte {
	answer[2] &^= 0x80
	return [][]byte{answer}
}

// An answer that comes after its attempt's end, but before the end of the
// lookup, is no answer to the next attempt.
func TestHostileLate(t *testing.T) {
	t.Parallel()
	against(t, 1, func(ctx context.Context, h hostile) {
		h.SetFault(aiotest.DNSMatch{}, aiotest.DNSFault{Delay: 6 * time.Second, Times: 2})
		if addrs, took, err := h.look(ctx, name); addrs != "[192.0.2.1]" || took != 5*time.Second || err != nil {
			h.Errorf("got %s, %v after %v, want the second attempt's answer after 5 s", addrs, err, took)
		}
	})
}

// A server that truncates is asked by TCP: what it may do wrong there.
func TestHostileTCP(t *testing.T) {
	t.Parallel()
	for lie, c := range map[string]struct {
		fault aiotest.DNSFault
		kinds []dnsx.ErrorKind
	}{
		"no answer":            {aiotest.DNSFault{Drop: true}, []dnsx.ErrorKind{dnsx.KindTimeout}},
		"half, then silence":   {aiotest.DNSFault{Half: true}, []dnsx.ErrorKind{dnsx.KindTimeout}},
		"half, then the end":   {aiotest.DNSFault{Half: true, Hangup: true}, []dnsx.ErrorKind{dnsx.KindMalformed}},
		"half, then a reset":   {aiotest.DNSFault{Half: true, Reset: true}, []dnsx.ErrorKind{dnsx.KindNetwork, dnsx.KindMalformed}},
		"no answer, the end":   {aiotest.DNSFault{Drop: true, Hangup: true}, []dnsx.ErrorKind{dnsx.KindNetwork}},
		"no answer, a reset":   {aiotest.DNSFault{Drop: true, Reset: true}, []dnsx.ErrorKind{dnsx.KindNetwork}},
		"too long a length":    {aiotest.DNSFault{Length: new(uint16(65535))}, []dnsx.ErrorKind{dnsx.KindTimeout}},
		"too long, the end":    {aiotest.DNSFault{Length: new(uint16(65535)), Hangup: true}, []dnsx.ErrorKind{dnsx.KindMalformed}},
		"too short a length":   {aiotest.DNSFault{Length: new(uint16(14))}, []dnsx.ErrorKind{dnsx.KindMalformed, dnsx.KindTimeout}},
		"length 0":             {aiotest.DNSFault{Length: new(uint16(0))}, []dnsx.ErrorKind{dnsx.KindMalformed, dnsx.KindTimeout}},
		"wrong ID":             {aiotest.DNSFault{WrongID: true}, []dnsx.ErrorKind{dnsx.KindMalformed, dnsx.KindTimeout}},
		"wrong question":       {aiotest.DNSFault{WrongQuestion: true}, []dnsx.ErrorKind{dnsx.KindMalformed, dnsx.KindTimeout}},
		"garbage":              {aiotest.DNSFault{Garbage: true}, []dnsx.ErrorKind{dnsx.KindMalformed, dnsx.KindTimeout}},
		"a compression loop":   {aiotest.DNSFault{Loop: true}, []dnsx.ErrorKind{dnsx.KindMalformed}},
		"a server failure":     {aiotest.DNSFault{RCode: dnsmessage.RCodeServerFailure}, []dnsx.ErrorKind{dnsx.KindServer}},
		"truncated once again": {aiotest.DNSFault{Answer: truncated}, []dnsx.ErrorKind{dnsx.KindMalformed}},
	} {
		t.Run(lie, func(t *testing.T) {
			t.Parallel()
			against(t, 1, func(ctx context.Context, h hostile) {
				h.SetFault(aiotest.DNSMatch{Transport: aiotest.DNSOverUDP}, aiotest.DNSFault{Truncate: true})
				h.SetFault(aiotest.DNSMatch{Transport: aiotest.DNSOverTCP}, c.fault)
				addrs, took, err := h.look(ctx, name)
				e, ok := errors.AsType[*dnsx.Error](err)
				if ok = ok && took <= inAll; ok {
					for _, k := range c.kinds {
						if e.Kind == k {
							return
						}
					}
				}
				h.Errorf("got %s, %v after %v, want one of %v", addrs, err, took, c.kinds)
			})
			against(t, 2, func(ctx context.Context, h hostile) {
				h.SetFault(aiotest.DNSMatch{Server: first, Transport: aiotest.DNSOverUDP}, aiotest.DNSFault{Truncate: true})
				h.SetFault(aiotest.DNSMatch{Server: first, Transport: aiotest.DNSOverTCP}, c.fault)
				h.right(ctx, 5*time.Second)
			})
		})
	}
}

// truncated is an answer without records that says that there are more.
func truncated(_ aiotest.DNSQuery, answer []byte) [][]byte {
	return [][]byte{edited(answer, func(m *dnsmessage.Message) { m.Truncated, m.Answers, m.Authorities = true, nil, nil })}
}

// edited is a message that was changed.
func edited(msg []byte, edit func(m *dnsmessage.Message)) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(msg); err != nil {
		panic(err)
	}
	edit(&m)
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

// A thousand records come by TCP, all of them.
func TestHostileManyRecords(t *testing.T) {
	t.Parallel()
	against(t, 1, func(ctx context.Context, h hostile) {
		h.SetFault(aiotest.DNSMatch{}, aiotest.DNSFault{Extra: 1000})
		a, err := h.LookupFamily(ctx, name, dnsx.V4).Await(ctx)
		if err != nil || len(a.Addrs) != 1001 {
			h.Errorf("1,001 records: %d addresses, %v, want all", len(a.Addrs), err)
		}
		udp, tcp := h.Count(aiotest.DNSMatch{Transport: aiotest.DNSOverUDP}), h.Count(aiotest.DNSMatch{Transport: aiotest.DNSOverTCP})
		if udp != 1 || tcp != 1 {
			h.Errorf("%d queries by UDP and %d by TCP, want one of each", udp, tcp)
		}
	})
}

// Chains that lead nowhere, in a circle, or to a zone that the server has no
// say in.
func TestHostileChains(t *testing.T) {
	t.Parallel()
	against(t, 1, func(ctx context.Context, h hostile) {
		for _, host := range []string{"loop.example", "self.example"} {
			h.fails(ctx, host, dnsx.KindChain, 0, 0)
		}
		h.fails(ctx, "lost.example", dnsx.KindNotFound, 0, 0)
		h.fails(ctx, "empty.example", dnsx.KindNotFound, 0, 0)
		e := h.fails(ctx, "nowhere.example", dnsx.KindNotFound, 0, 0)
		if e.RCode != dnsmessage.RCodeNameError {
			h.Errorf("nowhere.example: RCode %v, want %v", e.RCode, dnsmessage.RCodeNameError)
		}
	})
	// An address for a name outside the question's chain is ignored.
	against(t, 1, func(ctx context.Context, h hostile) {
		h.SetFault(aiotest.DNSMatch{Name: name}, aiotest.DNSFault{Answer: strangers})
		addrs, _, err := h.look(ctx, name)
		if strings.Contains(addrs, "6.6.6.6") {
			h.Errorf("www.example, with records of other names: %s, %v, want 6.6.6.6 not among them", addrs, err)
		}
		for _, victim := range []string{"victim.example", "www.elsewhere.test"} {
			if a, _, err := h.look(ctx, victim); strings.Contains(a, "6.6.6.6") {
				h.Errorf("%s, after a record for it in another answer: %s, %v, want it ignored", victim, a, err)
			}
		}
	})
	// What an answer adds about the name that its chain leads to, which lies in
	// another zone, is not for others to hear.
	against(t, 1, func(ctx context.Context, h hostile) {
		h.SetFault(aiotest.DNSMatch{Name: "away.example"}, aiotest.DNSFault{Answer: poison})
		_, _, err := h.look(ctx, "away.example")
		a, _, err2 := h.look(ctx, "www.elsewhere.test")
		if a != "[192.0.2.77]" {
			h.Errorf("www.elsewhere.test: %s, %v, want [192.0.2.77]; away.example: %v", a, err2, err)
		}
	})
}

// address is a record with an address that is a lie.
func address(host string) dnsmessage.Resource {
	return dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(host), Class: dnsmessage.ClassINET, TTL: 1 << 20},
		Body:   &dnsmessage.AResource{A: [4]byte{6, 6, 6, 6}},
	}
}

// strangers adds records for other names to an answer.
func strangers(_ aiotest.DNSQuery, answer []byte) [][]byte {
	return [][]byte{edited(answer, func(m *dnsmessage.Message) {
		for _, host := range []string{"victim.example.", "www.elsewhere.test."} {
			m.Answers = append(m.Answers, address(host))
			m.Additionals = append(m.Additionals, address(host))
		}
	})}
}

// poison answers for the end of a chain too.
func poison(q aiotest.DNSQuery, answer []byte) [][]byte {
	return [][]byte{edited(answer, func(m *dnsmessage.Message) {
		if q.Type == dnsmessage.TypeA {
			// the CNAME, and a lie
			m.Answers = append(m.Answers[:1], address("www.elsewhere.test."))
		}
	})}
}

// TTLs of zero and of 2^31, which counts as zero (RFC 2181), are not kept.
func TestHostileTTL(t *testing.T) {
	t.Parallel()
	for ttl, kept := range map[uint32]bool{0: false, 1 << 31: false, 1<<32 - 1: false, 60: true, 1<<31 - 1: true} {
		t.Run(fmt.Sprint(ttl), func(t *testing.T) {
			t.Parallel()
			against(t, 1, func(ctx context.Context, h hostile) {
				h.SetFault(aiotest.DNSMatch{}, aiotest.DNSFault{TTL: &ttl})
				h.right(ctx, 0)
				time.Sleep(time.Second)
				before := h.Count(aiotest.DNSMatch{Type: dnsmessage.TypeA})
				a, err := h.LookupFamily(ctx, name, dnsx.V4).Await(ctx)
				if asked := h.Count(aiotest.DNSMatch{Type: dnsmessage.TypeA}) > before; err != nil || asked == kept {
					h.Errorf("a second later: asked again %v, %v, want %v", asked, err, !kept)
				}
				if a.TTL > 24*time.Hour || a.TTL < 0 {
					h.Errorf("the answer's TTL is %v, want 0 to 24h", a.TTL)
				}
			})
		})
	}
}

// An answer without records, without an error and without an SOA: there are
// none, but it is not kept.
func TestHostileEmpty(t *testing.T) {
	t.Parallel()
	against(t, 1, func(ctx context.Context, h hostile) {
		h.SetFault(aiotest.DNSMatch{}, aiotest.DNSFault{Answer: func(_ aiotest.DNSQuery, answer []byte) [][]byte {
			return [][]byte{edited(answer, func(m *dnsmessage.Message) { m.Answers, m.Authorities = nil, nil })}
		}})
		h.fails(ctx, name, dnsx.KindNotFound, 0, 0)
		h.ClearFaults()
		h.right(ctx, 0)
	})
}

// A lookup that is given up leaves nothing, whatever the server is about to do.
func TestHostileGivenUp(t *testing.T) {
	t.Parallel()
	for lie, fault := range map[string]aiotest.DNSFault{
		"no answer": {Drop: true}, "late answer": {Delay: time.Minute}, "half a message": {Half: true}, "wrong ID": {WrongID: true},
	} {
		t.Run(lie, func(t *testing.T) {
			t.Parallel()
			against(t, 2, func(ctx context.Context, h hostile) {
				h.SetFault(aiotest.DNSMatch{}, fault)
				if fault.Half {
					h.SetFault(aiotest.DNSMatch{Transport: aiotest.DNSOverUDP}, aiotest.DNSFault{Truncate: true})
				}
				ctx, cancel := context.WithTimeout(ctx, 700*time.Millisecond)
				defer cancel()
				f := h.Lookup(ctx, name)
				begin := time.Now()
				<-f.Done()
				if _, err := f.Result(); err == nil || time.Since(begin) != 700*time.Millisecond {
					h.Errorf("given up after 700ms: %v after %v, want an error at once", err, time.Since(begin))
				}
				synctest.Wait()
			})
		})
	}
}

// 10,000 lookups of one name are one query for A and one for AAAA. If all but
// one are cancelled, the last gets the answer.
func TestHostileCrowd(t *testing.T) {
	t.Parallel()
	against(t, 1, func(ctx context.Context, h hostile) {
		h.SetFault(aiotest.DNSMatch{}, aiotest.DNSFault{Delay: time.Second})
		crowd := make([]*aio.Future[dnsx.Answer], 10000)
		for i := range crowd {
			crowd[i] = h.Lookup(ctx, name)
		}
		synctest.Wait()
		for _, f := range crowd[1:] {
			f.Cancel(errors.New("not wanted"))
		}
		a, err := crowd[0].Await(ctx)
		if err != nil || len(a.Addrs) != 1 {
			h.Errorf("the lookup that was not cancelled: %v, %v, want one address", a.Addrs, err)
		}
		for _, f := range crowd[1:] {
			if _, err := f.Await(ctx); err == nil {
				h.Fatal("a cancelled lookup has an answer, want an error")
			}
		}
		if n := h.Count(aiotest.DNSMatch{}); n != 2 {
			h.Errorf("%d queries, want 2", n)
		}
	})
}
