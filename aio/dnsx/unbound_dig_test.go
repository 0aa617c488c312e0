package dnsx_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/dnsx"
)

// A said is what dig or dnsx says of a question, in dig's words.
type said struct {
	status string   // NOERROR, NXDOMAIN
	chain  []string // the CNAMEs' targets, in order
	// the rest of the answer, as dig prints it, in alphabetical order
	records []string
	ttl     int    // the least of the answer's, in seconds
	soa     string // of the authority section (dig only)
}

// askAll runs dig, once for all questions. A transport's flags come before
// them.
func (u *unbound) askAll(t *testing.T, port string, flags []string, qs []question) []said {
	t.Helper()
	args := append([]string{
		"@127.0.0.1", "-p", port, "+noall", "+comments", "+answer", "+authority", "+tries=1", "+time=10",
	}, flags...)
	for _, q := range qs {
		args = append(args, "-q", q.name+".", "-t", q.typ)
	}
	cmd := exec.Command(u.dig, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir()) // no .digrc
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	answers := strings.Split(string(out), ";; Got answer:")[1:]
	if len(answers) != len(qs) {
		t.Fatalf("%v: %d answers to %d questions:\n%s", cmd.Args, len(answers), len(qs), out)
	}
	var all []said
	for _, text := range answers {
		all = append(all, parse(t, text))
	}
	return all
}

// parse reads one of dig's answers.
func parse(t *testing.T, text string) said {
	t.Helper()
	s := said{ttl: math.MaxInt32}
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if _, rest, ok := strings.Cut(line, "status: "); ok {
			s.status, _, _ = strings.Cut(rest, ",")
		}
		if rest, ok := strings.CutPrefix(line, ";; "); ok {
			section = rest
		}
		f := strings.Fields(line)
		if strings.HasPrefix(line, ";") || len(f) < 5 {
			continue
		}
		s.take(t, section, f, line)
	}
	slices.Sort(s.records)
	return s
}

// take takes in a record: "NAME TTL IN TYPE DATA...".
func (s *said) take(t *testing.T, section string, f []string, line string) {
	t.Helper()
	ttl, err := strconv.Atoi(f[1])
	if err != nil {
		t.Fatalf("dig prints %q", line)
	}
	data := strings.Join(f[4:], " ")
	switch {
	case strings.HasPrefix(section, "AUTHORITY"):
		if f[3] == "SOA" {
			s.soa = data
		}
		return
	case f[3] == "CNAME":
		s.chain = append(s.chain, data)
	case f[3] == "TXT": // dnsx joins the strings of a record
		data = strconv.Quote(strings.ReplaceAll(strings.Trim(data, `"`), `" "`, ""))
		fallthrough
	default:
		s.records = append(s.records, data)
	}
	s.ttl = min(s.ttl, ttl)
}

// A question is one to ask both.
type question struct {
	name, typ string
	ask       func(ctx context.Context, r *dnsx.Resolver, name string) (said, error)
}

// ofType asks dnsx for records of a type, which show prints.
func ofType[R dnsx.Record](typ, name string, show func(R) string) question {
	return question{name, typ, func(ctx context.Context, r *dnsx.Resolver, name string) (said, error) {
		rs, err := dnsx.QueryWith[R](ctx, r, name).Await(ctx)
		if err != nil {
			return said{}, err
		}
		s := said{status: "NOERROR", ttl: seconds(rs.TTL)}
		for _, c := range rs.Chain {
			s.chain = append(s.chain, dot(c))
		}
		for _, r := range rs.Records {
			s.records = append(s.records, show(r))
		}
		slices.Sort(s.records)
		return s, nil
	}}
}

// seconds is a TTL as it was a moment ago.
func seconds(ttl time.Duration) int { return int((ttl + time.Second - 1) / time.Second) }

// dot puts the dot to a name that dig prints.
func dot(name string) string { return strings.TrimSuffix(name, ".") + "." }

// service prints a service binding.
func service(s dnsx.SVCB) string {
	b := fmt.Sprintf("%d %s", s.Priority, dot(s.Target))
	add := func(ok bool, format string, v any) {
		if ok {
			b += " " + fmt.Sprintf(format, v)
		}
	}
	for _, k := range s.Mandatory {
		add(true, "mandatory=%s", map[uint16]string{3: "port"}[k])
	}
	add(s.ALPN != nil, "alpn=%q", strings.Join(s.ALPN, ","))
	add(s.NoDefaultALPN, "%s", "no-default-alpn")
	add(s.Port != 0, "port=%d", s.Port)
	add(s.IPv4Hint != nil, "ipv4hint=%s", addrs(s.IPv4Hint))
	add(s.ECH != nil, "ech=%s", base64.StdEncoding.EncodeToString(s.ECH))
	add(s.IPv6Hint != nil, "ipv6hint=%s", addrs(s.IPv6Hint))
	for _, p := range s.Other {
		add(true, "key"+strconv.Itoa(int(p.Key))+"=%q", p.Value)
	}
	return b
}

func addrs(list []netip.Addr) string {
	var s []string
	for _, a := range list {
		s = append(s, a.String())
	}
	return strings.Join(s, ",")
}

// questions are those whose answers dig and dnsx must agree on.
func questions() []question {
	a := func(r dnsx.A) string { return r.Addr.String() }
	cname := func(r dnsx.CNAME) string { return dot(r.Target) }
	text := func(r dnsx.TXT) string { return strconv.Quote(r.Text) }
	svcb := func(r dnsx.SVCB) string { return service(r) }
	return []question{
		ofType("A", "www.example", a),
		ofType("A", "alias.example", a),
		ofType("A", "twice.example", a),
		ofType("A", "x.wild.example", a),
		ofType("A", "host.example.net", a),
		ofType("A", "many.example", a),
		ofType("AAAA", "www.example", func(r dnsx.AAAA) string { return r.Addr.String() }),
		ofType("CNAME", "alias.example", cname),
		ofType("NS", "example", func(r dnsx.NS) string { return dot(r.Host) }),
		ofType("MX", "mail.example", func(r dnsx.MX) string { return fmt.Sprint(r.Preference, " ", dot(r.Host)) }),
		ofType("TXT", "text.example", text),
		ofType("TXT", "text.example.net", text),
		ofType("SRV", "_http._tcp.example", func(r dnsx.SRV) string {
			return fmt.Sprint(r.Priority, r.Weight, r.Port, " ", dot(r.Target))
		}),
		ofType("PTR", "1.2.0.192.in-addr.arpa", func(r dnsx.PTR) string { return dot(r.Target) }),
		ofType("SOA", "example", func(r dnsx.SOA) string {
			return fmt.Sprint(dot(r.NS), " ", dot(r.Mailbox), " ", r.Serial, seconds(r.Refresh), seconds(r.Retry), seconds(r.Expire), seconds(r.Minimum))
		}),
		ofType("CAA", "example", func(r dnsx.CAA) string {
			return fmt.Sprintf("%d %s %q", map[bool]int{true: 128}[r.Critical], r.Tag, r.Value)
		}),
		ofType("HTTPS", "svc.example", func(r dnsx.HTTPS) string { return service(r.SVCB) }),
		ofType("SVCB", "svc.example", svcb),
		ofType("SVCB", "svc2.example", svcb),
		ofType("A", "nowhere.example", a),
		ofType("AAAA", "ns.example", func(r dnsx.AAAA) string { return r.Addr.String() }),
		ofType("A", "nowhere.example.net", a),
	}
}

// The same answers as dig's, from a server that the world uses, over every
// transport.
func TestUnbound(t *testing.T) {
	t.Parallel()
	u := startUnbound(t)
	for transport, tt := range map[string]struct {
		port, server string
		dig          []string
	}{
		"UDP":   {u.port, "127.0.0.1:" + u.port, nil},
		"TCP":   {u.port, "tcp://127.0.0.1:" + u.port, []string{"+tcp"}},
		"TLS":   {u.tls, "tls://dns.example@127.0.0.1:" + u.tls, []string{"+tls"}},
		"HTTPS": {u.https, "https://dns.example:" + u.https + "/dns-query@127.0.0.1", []string{"+https"}},
	} {
		t.Run(transport, func(t *testing.T) {
			if tt.port == "" {
				t.Skip("this unbound was built without DNS over HTTPS")
			}
			r := &dnsx.Resolver{Servers: []string{tt.server}, TLS: u.client(), HostsFile: os.DevNull}
			aiotest.Runner{Parallel: true}.Run(t, func(ctx context.Context) error {
				qs := questions()
				for i, want := range u.askAll(t, tt.port, tt.dig, qs) {
					qs[i].compare(ctx, t, r, want)
				}
				return nil
			})
		})
	}
}

// compare asks dnsx, and expects what dig says.
func (q question) compare(ctx context.Context, t *testing.T, r *dnsx.Resolver, want said) {
	t.Helper()
	got, err := q.ask(ctx, r, q.name)
	if q.typ == "CNAME" {
		// asked for, they lead nowhere
		want.chain, want.records = nil, want.chain
	}
	if len(want.records) > 0 {
		want.soa = ""
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s %s:\n dig %v\ndnsx %v, %v", q.typ, q.name, want, got, err)
		}
		return
	}
	e, ok := errors.AsType[*dnsx.Error](err)
	code := map[string]dnsmessage.RCode{"NXDOMAIN": dnsmessage.RCodeNameError}[want.status]
	if !ok || e.Kind != dnsx.KindNotFound || e.RCode != code || !errors.Is(err, aio.ErrDNS) || want.soa == "" {
		t.Errorf("%s %s: dig says %+v, dnsx %v", q.typ, q.name, want, err)
		return
	}
	// It came with an SOA, so it is known by now.
	before := r.Stats().Queries
	if _, err := q.ask(ctx, r, q.name); err == nil || r.Stats().Queries != before {
		t.Errorf("%s %s: asked again: %v", q.typ, q.name, err)
	}
}

// An answer that does not fit into a packet is asked for by TCP, on its own.
func TestUnboundTruncated(t *testing.T) {
	t.Parallel()
	u := startUnbound(t)
	cmd := exec.Command(u.dig, "@127.0.0.1", "-p", u.port, "+ignore", "+tries=1", "+time=10", "many.example.")
	if out, err := cmd.Output(); err != nil || !strings.Contains(string(out), "flags: qr aa tc ") {
		t.Fatalf("unbound does not truncate, %v:\n%s", err, out)
	}
	r := &dnsx.Resolver{Servers: []string{"127.0.0.1:" + u.port}, HostsFile: os.DevNull}
	aiotest.Runner{Parallel: true}.Run(t, func(ctx context.Context) error {
		a, err := r.LookupFamily(ctx, "many.example", dnsx.V4).Await(ctx)
		if err != nil || len(a.Addrs) != 300 || r.Stats().Queries != 2 {
			t.Errorf("%d addresses by %d queries, %v; want 300 by two", len(a.Addrs), r.Stats().Queries, err)
		}
		return nil
	})
}

// Both families, a chain that unbound does not follow to its end, and reverse
// lookups.
func TestUnboundLookup(t *testing.T) {
	t.Parallel()
	u := startUnbound(t)
	r := &dnsx.Resolver{Servers: []string{"127.0.0.1:" + u.port}, HostsFile: os.DevNull}
	aiotest.Runner{Parallel: true}.Run(t, func(ctx context.Context) error {
		a, err := r.Lookup(ctx, "twice.example").Await(ctx)
		slices.SortFunc(a.Addrs, netip.Addr.Compare)
		if fmt.Sprintf("%v %v %s", a.Addrs, a.Chain, a.CNAME) != "[192.0.2.1 192.0.2.2 2001:db8::1] [alias.example www.example] www.example" ||
			seconds(a.TTL) != 120 || err != nil {
			t.Errorf("twice.example: %+v, %v", a, err)
		}
		if _, err := r.Lookup(ctx, "lost.example").Await(ctx); !errors.Is(err, aio.ErrDNS) {
			t.Errorf("lost.example: %v", err)
		}
		names, err := r.Reverse(ctx, netip.MustParseAddr("192.0.2.1")).Await(ctx)
		if err != nil || !slices.Equal(names, []string{"www.example"}) {
			t.Errorf("192.0.2.1: %v, %v", names, err)
		}
		return nil
	})
}

// What dig says of the embedded server is what it says of unbound with the same
// zone.
func TestUnboundEmbedded(t *testing.T) {
	t.Parallel()
	u, d := startUnbound(t), aiotest.StartDNS(t, unboundZone)
	_, port, err := net.SplitHostPort(d.Addr())
	if err != nil {
		t.Fatalf("net.SplitHostPort: %v", err)
	}
	// what is not in the zone
	qs := slices.DeleteFunc(questions(), func(q question) bool {
		return !strings.HasSuffix(q.name, "example") || q.name == "many.example"
	})
	want, got := u.askAll(t, u.port, nil, qs), u.askAll(t, port, nil, qs)
	for i, q := range qs {
		if fmt.Sprint(got[i]) != fmt.Sprint(want[i]) {
			t.Errorf("%s %s:\n unbound %+v\nembedded %+v", q.typ, q.name, want[i], got[i])
		}
	}
}
