package dnsx

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
)

const testZone = `
	$TTL 300
	.            SOA   ns.example. hostmaster.example. 1 1h 1h 1h 60
	$ORIGIN example.
	@            SOA   ns hostmaster 7 2h 15m 2w 60
	             NS    ns
	             MX    20 backup
	             MX    10 mail
	             TXT   "v=spf1 " "-all"
	             CAA   128 issue "ca.example.net"
	             HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1 port=8443
	ns           A     192.0.2.53
	www          A     192.0.2.1
	             AAAA  2001:db8::1
	v4           A     192.0.2.4
	v6           AAAA  2001:db8::6
	alias        CNAME hop
	hop          CNAME www
	mail         A     192.0.2.25
	_sip._tcp    SRV   20 0 5061 backup
	             SRV   10 60 5060 mail
	_svc         SVCB  2 svc port=53
	xn--bcher-kva A    192.0.2.77
	a.sub        A     192.0.2.11
	short   2    A     192.0.2.2
	1.2.0.192.in-addr.arpa. PTR www
	8.8.8.8.in-addr.arpa. PTR dns.google.
	8.8.8.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.8.4.0.6.8.4.1.0.0.2.ip6.arpa. PTR dns.google.
	dns.google.  A     8.8.8.8
`

// rig is a resolver and what it asks, in memory.
type rig struct {
	*Resolver
	dns *aiotest.DNS
	env *environment
}

// newRig returns a resolver that asks a server in memory, and does not use the
// configuration of this machine.
func newRig(t testing.TB, change ...func(r *Resolver)) *rig {
	t.Helper()
	dns := aiotest.MemoryDNS(t, testZone)
	r := &Resolver{Servers: []string{"192.0.2.53"}, Dial: dns.Dial, HostsFile: os.DevNull}
	r.env = testEnvironment(t)
	for _, c := range change {
		c(r)
	}
	return &rig{Resolver: r, dns: dns, env: r.env}
}

// testEnvironment is a system with nothing in it, where every address can be
// reached.
func testEnvironment(t testing.TB) *environment {
	dir := t.TempDir()
	return &environment{
		goos:       "linux",
		resolvConf: filepath.Join(dir, "resolv.conf"),
		nsswitch:   filepath.Join(dir, "nsswitch.conf"),
		hosts:      filepath.Join(dir, "hosts"),
		lookupEnv:  func(string) (string, bool) { return "", false },
		hostname:   func() (string, error) { return "here", nil },
		source:     func(a netip.Addr) netip.Addr { return a },
		system:     &fakeSystem{t: t},
	}
}

// write writes a file of the environment.
func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatalf("os.WriteFile: %v", err)
	}
}

// addrs are the addresses in a string.
func addrs(s string) []netip.Addr {
	var list []netip.Addr
	for f := range strings.FieldsSeq(s) {
		list = append(list, netip.MustParseAddr(f))
	}
	return list
}

// await waits for a future, and fails the test on an error.
func await[T any](ctx context.Context, t testing.TB, f *aio.Future[T]) T {
	t.Helper()
	v, err := f.Await(ctx)
	if err != nil {
		t.Fatalf("await: %v, want a result", err)
	}
	return v
}

// kindOf waits for a future that fails, and returns the kind of its error.
func kindOf[T any](ctx context.Context, t testing.TB, f *aio.Future[T]) ErrorKind {
	t.Helper()
	_, err := f.Await(ctx)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *Error", err)
	}
	return e.Kind
}

func TestLookup(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r := newRig(t)
		for _, tt := range []struct {
			host   string
			family Family
			addrs  string
			cname  string
		}{
			{"www.example", Any, "2001:db8::1 192.0.2.1", "www.example"},
			{"WWW.Example.", Any, "2001:db8::1 192.0.2.1", "www.example"},
			{"www.example", V4, "192.0.2.1", "www.example"},
			{"www.example", V6, "2001:db8::1", "www.example"},
			{"www.example", PreferV4, "192.0.2.1 2001:db8::1", "www.example"},
			{"www.example", PreferV6, "2001:db8::1 192.0.2.1", "www.example"},
			{"v4.example", Any, "192.0.2.4", "v4.example"},
			{"v6.example", PreferV4, "2001:db8::6", "v6.example"},
			{"alias.example", V4, "192.0.2.1", "www.example"},
			{"bücher.example", Any, "192.0.2.77", "xn--bcher-kva.example"},
			{"BÜCHER。example", Any, "192.0.2.77", "xn--bcher-kva.example"},
		} {
			for _, source := range []Source{SourceServer, SourceCache, SourceCache} {
				a := await(ctx, t, r.LookupFamily(ctx, tt.host, tt.family))
				if !slices.Equal(a.Addrs, addrs(tt.addrs)) || a.CNAME != tt.cname || a.Host != tt.host {
					t.Errorf("%s, %v: %+v, want %s, CNAME %s", tt.host, tt.family, a, tt.addrs, tt.cname)
				}
				if a.Source != source && a.Source != SourceCache || a.TTL != 300*time.Second || a.Stale {
					t.Errorf("%s, %v: source %v, TTL %v, want %v", tt.host, tt.family, a.Source, a.TTL, source)
				}
			}
		}
		a := await(ctx, t, r.Lookup(ctx, "alias.example"))
		if want := []string{"hop.example", "www.example"}; !slices.Equal(a.Chain, want) {
			t.Errorf("chain %q, want %q", a.Chain, want)
		}
		return nil
	})
}

func TestLookupFails(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r := newRig(t)
		for host, want := range map[string]ErrorKind{
			"nowhere.example": KindNotFound,
			"foo.invalid":     KindNotFound,
			"abc.onion":       KindNotFound,
			"ONION":           KindNotFound,
			"":                KindName,
			".":               KindName,
			"a..example":      KindName,
			".example":        KindName,
			"-a.example":      KindName,
			"a b.example":     KindName,
			"300.1.1.1":       KindName,
			"[::1]":           KindName,
			"\xff.example":    KindName,
			"a\u0000.example": KindName,

			strings.Repeat("a", 64) + ".example":       KindName,
			strings.Repeat("abcdefg.", 32) + "toolong": KindName,
		} {
			for range 2 {
				_, err := r.Lookup(ctx, host).Await(ctx)
				var e *Error
				var d *net.DNSError
				if !errors.As(err, &e) || e.Kind != want || e.Host != host {
					t.Errorf("%q: %v, want an error about it of kind %v", host, err, want)
				}
				if !errors.Is(err, aio.ErrDNS) || !errors.As(err, &d) || d.IsNotFound != (want == KindNotFound) || d.Name != host {
					t.Errorf("%q: %#v, want aio.ErrDNS, and a *net.DNSError that agrees with kind %v", host, err, want)
				}
			}
		}
		if n := r.dns.Count(aiotest.DNSMatch{}); n > 2 {
			t.Errorf("%d queries, want A and AAAA for one name: names that are not asked for were", n)
		}
		if k := kindOf(ctx, t, r.LookupFamily(ctx, "v4.example", V6)); k != KindNotFound {
			t.Errorf("v4.example, V6: kind %v, want %v", k, KindNotFound)
		}
		return nil
	})
}

func TestTTLCountsDown(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r := newRig(t)
		await(ctx, t, r.Lookup(ctx, "v4.example"))
		for _, step := range []time.Duration{time.Second, 2 * time.Second, 7 * time.Second} {
			before := await(ctx, t, r.Lookup(ctx, "v4.example")).TTL
			time.Sleep(step)
			if a := await(ctx, t, r.Lookup(ctx, "v4.example")); a.TTL != before-step || a.Source != SourceCache {
				t.Errorf("%v later: TTL %v from %v, want %v from the cache", step, a.TTL, a.Source, before-step)
			}
		}
		await(ctx, t, r.LookupFamily(ctx, "short.example", V4))
		time.Sleep(2 * time.Second)
		if a := await(ctx, t, r.LookupFamily(ctx, "short.example", V4)); a.Source != SourceServer || a.TTL != 2*time.Second {
			t.Errorf("short.example after its TTL: %+v, want a new answer", a)
		}
		return nil
	})
}

func TestFamiliesAskedAtOnce(t *testing.T) {
	for _, single := range []bool{false, true} {
		aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
			r := newRig(t, func(r *Resolver) {
				if r.Servers = nil; single {
					write(t, r.env.resolvConf, "nameserver 192.0.2.53\noptions single-request\n")
				} else {
					write(t, r.env.resolvConf, "nameserver 192.0.2.53\n")
				}
			})
			r.dns.SetFault(aiotest.DNSMatch{}, aiotest.DNSFault{Delay: 100 * time.Millisecond})
			began := time.Now()
			await(ctx, t, r.Lookup(ctx, "www.example"))
			want := 100 * time.Millisecond
			if single {
				want *= 2
			}
			if d := time.Since(began); d != want {
				t.Errorf("single-request %v: took %v, want %v", single, d, want)
			}
			return nil
		})
	}
}

// When one family's lookup fails, the other's addresses serve, and are not
// taken for all there is.
func TestOneFamilyFails(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r := newRig(t)
		r.dns.SetFault(aiotest.DNSMatch{Type: 28}, aiotest.DNSFault{RCode: 2})
		a := await(ctx, t, r.Lookup(ctx, "www.example"))
		if !slices.Equal(a.Addrs, addrs("192.0.2.1")) {
			t.Errorf("AAAA fails: %+v, want 192.0.2.1", a)
		}
		// The failure comes first: it does not hide that the name does not
		// exist.
		r.dns.SetFault(aiotest.DNSMatch{Type: 1, Name: "nodata6.v4.example"}, aiotest.DNSFault{Delay: time.Second})
		if k := kindOf(ctx, t, r.Lookup(ctx, "nodata6.v4.example")); k != KindNotFound {
			t.Errorf("AAAA fails, and the name does not exist: kind %v, want %v", k, KindNotFound)
		}
		if k := kindOf(ctx, t, r.Lookup(ctx, "v6.example")); k != KindServer {
			t.Errorf("AAAA fails, and there is no A: kind %v, want %v", k, KindServer)
		}
		r.dns.ClearFaults()
		a = await(ctx, t, r.Lookup(ctx, "www.example"))
		if len(a.Addrs) != 2 {
			t.Errorf("after AAAA failed once: %+v, want both addresses", a)
		}
		return nil
	})
}

// An answer made of two replies holds as long as both, and is authenticated if
// both are.
func TestTwoReplies(t *testing.T) {
	for _, tt := range []struct {
		ttl4, ttl6 uint32
		ad4, ad6   bool
	}{
		{300, 60, true, true}, {60, 300, true, false}, {60, 60, false, true}, {2, 300, false, false}, {300, 2, false, false},
	} {
		answer := func(q *fakeQuery) {
			ad, edit := tt.ad4, a(q.name(), tt.ttl4, 192, 0, 2, 1)
			if q.typ() == dnsmessage.TypeAAAA {
				ad, edit = tt.ad6, func(m *dnsmessage.Message) {
					m.Answers = []dnsmessage.Resource{{
						Header: header(q.name(), dnsmessage.TypeAAAA, tt.ttl6), Body: &dnsmessage.AAAAResource{AAAA: [16]byte{0x20, 1, 15: 1}},
					}}
				}
			}
			q.reply(edit, func(m *dnsmessage.Message) { m.AuthenticData = ad })
		}
		bubble(t, answer, func(ctx context.Context, t *testing.T, n *fake) {
			r := &Resolver{Servers: []string{"10.0.0.1"}, Dial: n.dial, HostsFile: os.DevNull, TrustAD: true}
			r.env = testEnvironment(t)
			want := time.Duration(min(tt.ttl4, tt.ttl6)) * time.Second
			for range 2 {
				found := await(ctx, t, r.Lookup(ctx, "www.example"))
				if len(found.Addrs) != 2 || found.TTL != want || found.Authenticated != (tt.ad4 && tt.ad6) {
					t.Errorf("%+v: %+v, want two addresses, TTL %v, authenticated %v", tt, found, want, tt.ad4 && tt.ad6)
				}
			}
			before := len(n.asked())
			if time.Sleep(want); want < recheck {
				await(ctx, t, r.Lookup(ctx, "www.example"))
				if got := len(n.asked()) - before; got != 1 {
					t.Errorf("%+v: %d queries after the shorter TTL, want 1", tt, got)
				}
			}
		})
	}
}

func TestLookupTimesOut(t *testing.T) {
	for _, tt := range []struct{ timeout, want time.Duration }{{0, 10 * time.Second}, {time.Second, time.Second}} {
		aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
			r := newRig(t, func(r *Resolver) { r.Timeout, r.AttemptTimeout, r.Attempts = tt.timeout, 20*time.Second, 5 })
			r.dns.SetFault(aiotest.DNSMatch{}, aiotest.DNSFault{Drop: true})
			began := time.Now()
			_, err := r.Lookup(ctx, "www.example").Await(ctx)
			if d := time.Since(began); d != tt.want || !errors.Is(err, aio.ErrTimeout) || !errors.Is(err, aio.ErrDNS) {
				t.Errorf("Timeout %v, a silent server: %v after %v, want %v after %v", tt.timeout, err, d, aio.ErrTimeout, tt.want)
			}
			return nil
		})
	}
}

// A lookup that is cancelled or dropped leaves nothing, and says whose
// cancellation it was.
func TestLookupCancelled(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r := newRig(t)
		r.dns.SetFault(aiotest.DNSMatch{}, aiotest.DNSFault{Drop: true})
		loop, cause := aio.LoopOf(ctx), errors.New("changed my mind")
		f := r.Lookup(ctx, "www.example")
		synctest.Wait()
		if s := loop.Stats(); s.DNSQueries != 1 || s.Kinds["dns.query"] != 2 {
			t.Errorf("a lookup under way: %v, want 1 lookup and 2 queries", s)
		}
		f.Cancel(cause)
		_, err := f.Await(ctx)
		var e *Error
		if !errors.Is(err, cause) || !errors.As(err, &e) || e.Kind != KindCancelled || errors.Is(err, aio.ErrDNS) {
			t.Errorf("cancelled: %v, want kind %v that wraps the cause", err, KindCancelled)
		}
		dead, cancel := context.WithCancelCause(ctx)
		g := r.Lookup(dead, "v4.example")
		synctest.Wait()
		cancel(cause)
		if _, err := g.Await(ctx); !errors.Is(err, cause) {
			t.Errorf("ctx cancelled: %v, want %v", err, cause)
		}
		if _, err := r.Lookup(dead, "v6.example").Await(ctx); !errors.Is(err, cause) {
			t.Errorf("begun with a dead ctx: %v, want %v", err, cause)
		}
		synctest.Wait()
		if s := loop.Stats(); s.DNSQueries != 0 || s.InFlight != 1 {
			t.Errorf("after all were cancelled: %v, want only main in flight", s)
		}
		return nil
	})
}

func TestLookupWithoutLoop(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	_, err1 := r.Lookup(ctx, "127.0.0.1").Result()
	_, err2 := r.Reverse(ctx, netip.IPv6Loopback()).Result()
	_, err3 := QueryWith[MX](ctx, r.Resolver, "example").Result()
	_, err4 := r.LookupHost(ctx, "localhost")
	_, err5 := r.LookupMX(ctx, "example")
	_, err6 := r.LookupAddr(ctx, "::1")
	for i, err := range []error{err1, err2, err3, err4, err5, err6} {
		if !errors.Is(err, aio.ErrNoLoop) {
			t.Errorf("call %d without a loop: %v, want %v", i+1, err, aio.ErrNoLoop)
		}
	}
}

// The error of a lookup that is never looked at is a lost error, reported once.
func TestLostError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, host := range []string{"nowhere.example", "not a name", "foo.invalid"} {
			rec := new(aiotest.Recorder)
			r := newRig(t)
			loop := &aio.Loop{OnEvent: rec.OnEvent}
			if err := loop.Run(t.Context(), func(ctx context.Context) error {
				r.Lookup(ctx, host)
				return nil
			}); err != nil {
				t.Errorf("%s: Run: %v, want nil", host, err)
			}
			if ev := rec.Events(); len(ev) != 1 || !ev[0].Lost || !errors.Is(ev[0].Err, aio.ErrDNS) {
				t.Errorf("%s: events %v, want one lost aio.ErrDNS", host, ev)
			}
		}
	})
}

func TestSearchList(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r := newRig(t, func(r *Resolver) { r.Search = []string{"sub.example", "example."} })
		for host, want := range map[string]string{"a": "a.sub.example", "www": "www.example", "a.sub": "a.sub.example"} {
			a := await(ctx, t, r.Lookup(ctx, host))
			if a.CNAME != want || a.Host != host {
				t.Errorf("%s: %+v, want CNAME %s", host, a, want)
			}
		}
		if k := kindOf(ctx, t, r.Lookup(ctx, "www.")); k != KindNotFound {
			t.Errorf("www. with a search list: kind %v, want %v", k, KindNotFound)
		}
		r.dns.SetFault(aiotest.DNSMatch{Name: "v4.sub.example"}, aiotest.DNSFault{RCode: 2})
		if k := kindOf(ctx, t, r.Lookup(ctx, "v4")); k != KindServer {
			t.Errorf("the first name of the search list fails: kind %v, want %v", k, KindServer)
		}
		return nil
	})
}

func TestStats(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r := newRig(t)
		write(t, r.env.hosts, "192.0.2.9 nine\n")
		r.HostsFile = ""
		for _, host := range []string{"www.example", "www.example", "192.0.2.1", "localhost", "nine", "nine"} {
			await(ctx, t, r.Lookup(ctx, host))
		}
		kindOf(ctx, t, r.LookupFamily(ctx, "nowhere.example", V4))
		want := Stats{
			Lookups: 7, Failed: 1, Literals: 2, Hosts: 1, Ready: 2,
			Misses: 3, Queries: 3, Names: 2,
		}
		if s := r.Stats(); s != want {
			t.Errorf("\ngot  %+v\nwant %+v", s, want)
		}
		return nil
	})
}
