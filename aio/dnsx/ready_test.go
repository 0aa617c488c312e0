package dnsx

import (
	"context"
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
)

// Of the answers that are ready some are forgotten when there are many, and
// none is taken for another.
func TestReadyCache(t *testing.T) {
	c, now := newReadyCache(128), clock()
	name := func(i int) string { return strings.Repeat("a", i%50) + strings.Repeat("b", i/50) }
	for i := range 1000 {
		for f := Any; f <= PreferV6; f++ {
			c.put(&readyAnswer{
				Answer: Answer{Host: name(i), CNAME: name(i) + f.String()}, family: f, expiry: now + instant(recheck),
			}, now)
			if a := c.get(name(i), f, now); a == nil || a.at(now).CNAME != name(i)+f.String() {
				t.Fatalf("%q, %v right after put: %+v, want the answer", name(i), f, a)
			}
		}
	}
	n := 0
	for i := range 1000 {
		for f := Any; f <= PreferV6; f++ {
			if a := c.get(name(i), f, now); a != nil {
				n++
				if a.CNAME != name(i)+f.String() || c.get(name(i), f, now+instant(recheck)) != nil {
					t.Errorf("%q, %v: %+v, want the answer to this question, until its expiry", name(i), f, a)
				}
			}
		}
	}
	if n > 128 || n < 64 {
		t.Errorf("put 5,000 answers into a cache for 128: %d are there, want 64 to 128", n)
	}
}

// An answer that has expired does not take the place of one that has not.
func TestReadyCacheExpired(t *testing.T) {
	now := clock()
	ready := func(host string, expiry instant) *readyAnswer {
		return &readyAnswer{Answer: Answer{Host: host}, expiry: expiry}
	}
	for i := range 50 {
		c := newReadyCache(2) // every name has both places
		c.put(ready("short", now+1), now)
		c.put(ready("long", now+100), now)
		c.put(ready(nth(i).name, now+100), now+2)
		if c.get("long", Any, now+2) == nil || c.get(nth(i).name, Any, now+2) == nil {
			t.Errorf("put one that has expired, one that has not and %s: want the last two kept", nth(i).name)
		}
	}
}

// TestReadyFuture checks that an answer that is ready comes in one future as
// long as what it says is true: for the rest of a second.
func TestReadyFuture(t *testing.T) {
	now := clock()
	a := &readyAnswer{
		Answer: Answer{Host: "a.example", TTL: 10 * time.Second, Source: SourceServer},
		until:  now + instant(10*time.Second),
	}
	var last *aio.Future[Answer]
	for _, step := range []struct {
		at   time.Duration
		ttl  time.Duration
		same bool
	}{
		{0, 10 * time.Second, false},
		{time.Millisecond, 9 * time.Second, false},
		{time.Second, 9 * time.Second, true},
		{time.Second + 1, 8 * time.Second, false},
		{9*time.Second + 1, 0, false},
		{time.Minute, 0, true},
		{time.Second, 9 * time.Second, false}, // a slower goroutine
	} {
		f := a.future(now + instant(step.at))
		got, err := f.Result()
		if err != nil || got.TTL != step.ttl || got.Source != SourceCache || got.Host != "a.example" {
			t.Errorf("future after %v: got %+v, %v, want a TTL of %v, from the cache", step.at, got, err, step.ttl)
		}
		if (f == last) != step.same {
			t.Errorf("future after %v: the same as before: got %v, want %v", step.at, f == last, step.same)
		}
		last = f
	}
	fixed := &readyAnswer{Answer: Answer{Host: "localhost", Source: SourceHosts}}
	if f := fixed.future(now); f != fixed.future(now+instant(time.Hour)) {
		t.Error("future of an answer without a TTL, an hour later: got another, want the same")
	}
}

// A literal, localhost and what was looked up before come in a future that has
// resolved.
func TestLookupReady(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r := newRig(t)
		for host, want := range map[string]string{
			"192.0.2.7": "192.0.2.7", "::1": "::1", "fe80::1%eth0": "fe80::1%eth0", "::ffff:192.0.2.7": "192.0.2.7",
			"localhost": "::1 127.0.0.1", "LOCALHOST.": "::1 127.0.0.1", "db.localhost": "::1 127.0.0.1",
		} {
			a, err := r.Lookup(ctx, host).Result()
			if err != nil || !slices.Equal(a.Addrs, addrs(want)) || a.Source != SourceLiteral || a.Host != host {
				t.Errorf("%s: %+v, %v, want %s at once", host, a, err, want)
			}
		}
		if a, err := r.LookupFamily(ctx, "localhost", V4).Result(); err != nil || a.Addrs[0].String() != "127.0.0.1" {
			t.Errorf("localhost, V4: %+v, %v, want 127.0.0.1 at once", a, err)
		}
		if _, err := r.LookupFamily(ctx, "127.0.0.1", V6).Result(); !errors.Is(err, aio.ErrDNS) {
			t.Errorf("127.0.0.1, V6: %v, want %v", err, aio.ErrDNS)
		}
		if n := r.dns.Count(aiotest.DNSMatch{}); n != 0 {
			t.Errorf("%d queries for names that need none, want none", n)
		}
		await(ctx, t, r.Lookup(ctx, "www.example"))
		if a, err := r.Lookup(ctx, "www.example").Result(); err != nil || a.Source != SourceCache {
			t.Errorf("www.example again: %+v, %v, want it from the cache at once", a, err)
		}
		return nil
	})
}

// What is known is handed out even if ctx is dead: ready wins.
func TestReadyWins(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r := newRig(t)
		await(ctx, t, r.Lookup(ctx, "www.example"))
		dead, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := r.Lookup(dead, "www.example").Result(); err != nil {
			t.Errorf("a known name with a dead ctx: %v, want the answer", err)
		}
		return nil
	})
}

func TestAnswersAreShared(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r := newRig(t)
		a := await(ctx, t, r.Lookup(ctx, "www.example"))
		list, err := r.LookupNetIP(ctx, "ip", "www.example")
		if err != nil {
			return err
		}
		list[0] = netip.Addr{}
		if b := await(ctx, t, r.Lookup(ctx, "www.example")); !reflect.DeepEqual(a.Addrs, b.Addrs) {
			t.Error("changing what LookupNetIP returned changes the answer of the next lookup")
		}
		return nil
	})
}

func TestNoCache(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r := newRig(t, func(r *Resolver) { r.CacheSize = -1 })
		for range 3 {
			if a := await(ctx, t, r.LookupFamily(ctx, "www.example", V4)); a.Source != SourceServer {
				t.Errorf("without a cache: source %v, want %v", a.Source, SourceServer)
			}
		}
		return nil
	})
}

func TestFlush(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r := newRig(t)
		look := func(host string, want Source) {
			t.Helper()
			if a := await(ctx, t, r.LookupFamily(ctx, host, V4)); a.Source != want {
				t.Errorf("%s: %v, want %v", host, a.Source, want)
			}
		}
		look("www.example", SourceServer)
		look("v4.example", SourceServer)
		r.Flush("WWW.example.")
		look("www.example", SourceServer)
		look("v4.example", SourceCache)
		r.Flush("")
		r.Flush("not a name")
		look("v4.example", SourceServer)
		return nil
	})
}
