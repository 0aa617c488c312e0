package dnsx

import (
	"bytes"
	"context"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"goaio.example/aio/aiotest"
)

// testQuery looks records up and compares them.
func testQuery[R Record](ctx context.Context, t *testing.T, r *rig, name string, want ...R) {
	t.Helper()
	for range 2 { // from the server, from the cache
		rs := await(ctx, t, QueryWith[R](ctx, r.Resolver, name))
		if !reflect.DeepEqual(rs.Records, want) || rs.Host != name || rs.TTL != 300*time.Second {
			t.Errorf("%s %s: %+v, want %+v", name, typeName[R](), rs, want)
		}
	}
}

func TestQuery(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r := newRig(t)
		testQuery(ctx, t, r, "www.example", A{netip.MustParseAddr("192.0.2.1")})
		testQuery(ctx, t, r, "alias.example", AAAA{netip.MustParseAddr("2001:db8::1")})
		testQuery(ctx, t, r, "EXAMPLE", MX{"mail.example", 10}, MX{"backup.example", 20})
		testQuery(ctx, t, r, "example.", TXT{"v=spf1 -all"})
		testQuery(ctx, t, r, "_sip._tcp.example", SRV{"mail.example", 5060, 10, 60}, SRV{"backup.example", 5061, 20, 0})
		testQuery(ctx, t, r, "example", NS{"ns.example"})
		testQuery(ctx, t, r, "alias.example", CNAME{"hop.example"})
		testQuery(ctx, t, r, "1.2.0.192.in-addr.arpa", PTR{"www.example"})
		testQuery(ctx, t, r, "example", CAA{true, "issue", "ca.example.net"})
		testQuery(ctx, t, r, "example", SOA{
			NS: "ns.example", Mailbox: "hostmaster.example", Serial: 7,
			Refresh: 2 * time.Hour, Retry: 15 * time.Minute, Expire: 14 * 24 * time.Hour, Minimum: time.Minute,
		})
		testQuery(ctx, t, r, "example", HTTPS{SVCB{
			Priority: 1, Target: ".", ALPN: []string{"h2", "h3"}, Port: 8443, IPv4Hint: addrs("192.0.2.1"),
		}})
		testQuery(ctx, t, r, "_svc.example", SVCB{Priority: 2, Target: "svc.example", Port: 53})
		rs := await(ctx, t, QueryWith[A](ctx, r.Resolver, "alias.example"))
		if want := []string{"hop.example", "www.example"}; !slices.Equal(rs.Chain, want) || rs.CNAME != want[1] {
			t.Errorf("A of alias.example: %+v, want chain %q", rs, want)
		}
		return nil
	})
}

func TestQueryFails(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r := newRig(t)
		for name, want := range map[string]ErrorKind{
			"www.example": KindNotFound, "nowhere.example": KindNotFound, "x.onion": KindNotFound,
			"localhost": KindNotFound, "": KindName, "a b.example": KindName, "a\\.b.example": KindName,
		} {
			if k := kindOf(ctx, t, QueryWith[MX](ctx, r.Resolver, name)); k != want {
				t.Errorf("%q: %v, want %v", name, k, want)
			}
		}
		if a, err := QueryWith[A](ctx, r.Resolver, "localhost").Result(); err != nil || a.Records[0].Addr.String() != "127.0.0.1" {
			t.Errorf("A of localhost: %+v, %v, want 127.0.0.1 at once", a, err)
		}
		if a, err := QueryWith[AAAA](ctx, r.Resolver, "a.localhost").Result(); err != nil || a.Records[0].Addr.String() != "::1" {
			t.Errorf("AAAA of a.localhost: %+v, %v, want ::1 at once", a, err)
		}
		return nil
	})
}

func TestReverse(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r := newRig(t, func(r *Resolver) { r.HostsFile = "" })
		write(t, r.env.hosts, "192.0.2.9 nine.example nine\nfe80::1%eth0 router\n")
		for a, want := range map[string][]string{
			"192.0.2.1": {"www.example"}, "::ffff:192.0.2.1": {"www.example"}, "192.0.2.9": {"nine.example", "nine"},
			"127.0.0.1": {"localhost"}, "127.3.2.1": {"localhost"}, "::1": {"localhost"}, "fe80::1%eth0": {"router"},
		} {
			for range 2 {
				if names := await(ctx, t, r.Reverse(ctx, netip.MustParseAddr(a))); !slices.Equal(names, want) {
					t.Errorf("%s: %q, want %q", a, names, want)
				}
			}
		}
		if k := kindOf(ctx, t, r.Reverse(ctx, netip.MustParseAddr("192.0.2.200"))); k != KindNotFound {
			t.Errorf("an address without a name: kind %v, want %v", k, KindNotFound)
		}
		if k := kindOf(ctx, t, r.Reverse(ctx, netip.Addr{})); k != KindName {
			t.Errorf("the zero address: kind %v, want %v", k, KindName)
		}
		return nil
	})
}

func TestArpa(t *testing.T) {
	for a, want := range map[string]string{
		"192.0.2.1":        "1.2.0.192.in-addr.arpa",
		"::ffff:192.0.2.1": "1.2.0.192.in-addr.arpa",
		"2001:db8::567:89ab": "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0." +
			"0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
	} {
		if got := arpa(netip.MustParseAddr(a)); got != want {
			t.Errorf("%s: %s, want %s", a, got, want)
		}
	}
}

// caaOf is a CAA as it is sent.
func caaOf(data string) *dnsmessage.UnknownResource {
	return &dnsmessage.UnknownResource{Type: typeCAA, Data: []byte(data)}
}

func TestCAA(t *testing.T) {
	for data, want := range map[string]CAA{
		"\x00\x05issueca.example": {false, "issue", "ca.example"},
		"\x80\x05ISSUE;":          {true, "issue", ";"},
		"\x01\x01x":               {false, "x", ""},
	} {
		if got, ok := decode[CAA](caaOf(data)); !ok || got != want {
			t.Errorf("CAA %q: %+v, %v, want %+v", data, got, ok, want)
		}
	}
	for _, data := range []string{"", "\x00", "\x00\x05", "\x00\x00abc", "\x00\x05issu", "\x00\xffissue", "\x00\x03a-b", "\x00\x01\x00"} {
		if got, ok := decode[CAA](caaOf(data)); ok {
			t.Errorf("malformed CAA %q: %+v, want none", data, got)
		}
	}
	if _, ok := decode[CAA](&dnsmessage.UnknownResource{Type: 99, Data: []byte("\x00\x01x")}); ok {
		t.Error("a resource of type 99 is taken for a CAA")
	}
}

// svcbOf is an SVCB with parameters: key and value in turn.
func svcbOf(priority uint16, params ...any) *dnsmessage.SVCBResource {
	r := &dnsmessage.SVCBResource{Priority: priority, Target: dnsmessage.MustNewName(".")}
	for i := 0; i < len(params); i += 2 {
		r.Params = append(r.Params, dnsmessage.SVCParam{Key: dnsmessage.SVCParamKey(params[i].(int)), Value: []byte(params[i+1].(string))})
	}
	return r
}

func TestSVCB(t *testing.T) {
	full := svcbOf(1, 0, "\x00\x01\x00\x03", 1, "\x02h2\x02h3", 2, "", 3, "\x20\xfb", 4, "\xc0\x00\x02\x01\xc0\x00\x02\x02",
		5, "ech", 6, "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01", 7, "/dns{?dns}", 667, "x")
	want := SVCB{
		Priority: 1, Target: ".", Mandatory: []uint16{1, 3}, ALPN: []string{"h2", "h3"}, NoDefaultALPN: true, Port: 8443,
		IPv4Hint: addrs("192.0.2.1 192.0.2.2"), IPv6Hint: addrs("2001:db8::1"), ECH: []byte("ech"), DoHPath: "/dns{?dns}",
		Other: []SVCParam{{667, []byte("x")}},
	}
	if got, ok := decode[SVCB](full); !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("SVCB: %+v, %v, want %+v", got, ok, want)
	}
	if got, ok := decode[HTTPS](&dnsmessage.HTTPSResource{SVCBResource: *full}); !ok || !reflect.DeepEqual(got.SVCB, want) {
		t.Errorf("HTTPS: %+v, %v, want %+v", got, ok, want)
	}
	if got, ok := decode[SVCB](svcbOf(0, 3, "bad")); !ok || got.Port != 0 {
		t.Errorf("AliasMode with a malformed parameter: %+v, %v, want the parameter ignored", got, ok)
	}
	for i, bad := range []*dnsmessage.SVCBResource{
		svcbOf(1, 0, ""), svcbOf(1, 0, "\x00"), svcbOf(1, 0, "\x00\x00", 1, "\x02h2"), svcbOf(1, 0, "\x00\x03"),
		svcbOf(1, 0, "\x00\x03\x00\x01", 1, "\x02h2", 3, "\x00\x01"), svcbOf(1, 0, "\x00\x03\x00\x03", 3, "\x00\x01"),
		svcbOf(1, 1, ""), svcbOf(1, 1, "\x00"), svcbOf(1, 1, "\x03h2"), svcbOf(1, 1, "\x02h2\x05h3"),
		svcbOf(1, 2, ""), svcbOf(1, 1, "\x02h2", 2, "x"), svcbOf(1, 3, "\x01"), svcbOf(1, 3, "\x01\x02\x03"),
		svcbOf(1, 4, ""), svcbOf(1, 4, "\x01\x02\x03"), svcbOf(1, 6, "\x01\x02\x03\x04"), svcbOf(1, 5, ""),
		svcbOf(1, 7, "\xff"), svcbOf(1, 4, "\x01\x02\x03\x04", 3, "\x00\x01"), svcbOf(1, 3, "\x00\x01", 3, "\x00\x01"),
	} {
		if got, ok := decode[SVCB](bad); ok {
			t.Errorf("malformed SVCB %d: %+v, want none", i, got)
		}
	}
}

// Records with names that are not valid in queries are left out.
func TestUnsafeNames(t *testing.T) {
	n := dnsmessage.MustNewName("a b\n.example.")
	for _, body := range []dnsmessage.ResourceBody{
		&dnsmessage.MXResource{MX: n}, &dnsmessage.NSResource{NS: n}, &dnsmessage.CNAMEResource{CNAME: n}, &dnsmessage.PTRResource{PTR: n},
		&dnsmessage.SRVResource{Target: n}, &dnsmessage.SOAResource{NS: n, MBox: n}, &dnsmessage.SVCBResource{Target: n},
	} {
		if r := newRecord(body); r != nil {
			t.Errorf("a %T with the name %q: %+v, want none", body, n.String(), r)
		}
	}
	if r, ok := decode[MX](&dnsmessage.MXResource{MX: dnsmessage.MustNewName(".")}); !ok || r.Host != "." {
		t.Errorf("an MX of the root: %+v, %v, want the host \".\"", r, ok)
	}
}

// The share of an SRV record's weight is that of its coming first.
func TestWeights(t *testing.T) {
	const rounds = 20_000
	counts := map[uint16]float64{}
	for range rounds {
		list := []SRV{{Port: 0}, {Port: 1, Weight: 10}, {Port: 2, Weight: 30}, {Port: 3, Weight: 60}, {Port: 9, Priority: 1, Weight: 1000}}
		sortRecords(list)
		counts[list[0].Port]++
		if list[4].Port != 9 {
			t.Fatal("a record of priority 1 comes before one of priority 0")
		}
	}
	for port, want := range map[uint16]float64{0: 0.01, 1: 0.1, 2: 0.3, 3: 0.59} {
		if got := counts[port] / rounds; math.Abs(got-want) > 0.03 {
			t.Errorf("weight %d: %.3f, want about %.3f", port, got, want)
		}
	}
}

func TestJoinText(t *testing.T) {
	long := string(bytes.Repeat([]byte("x"), 255))
	if got := joinText([]string{long, "y", ""}); got != long+"y" {
		t.Errorf("joinText of 255 x, y and nothing: %q, want them joined", got)
	}
}

// A record of weight 0 comes first sometimes, and not always.
func TestWeightZero(t *testing.T) {
	first := map[uint16]int{}
	for range 1000 {
		list := []SRV{{Weight: 0}, {Weight: 1}}
		byWeight(list)
		first[list[0].Weight]++
	}
	if first[0] < 400 || first[0] > 600 {
		t.Errorf("weights 0 and 1, 1,000 times: 0 came first %d times, want about 500", first[0])
	}
}
