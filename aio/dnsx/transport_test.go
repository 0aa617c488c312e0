package dnsx

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"goaio.example/aio/aiotest"
)

// realServer answers by UDP and TCP on a port of loopback. It returns the
// address.
func realServer(t testing.TB, n *fake) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pc, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { n.serveStream(c, "tcp", l.Addr().String()) })
		}
	})
	wg.Go(func() {
		var buf [4096]byte
		for {
			k, from, err := pc.ReadFrom(buf[:])
			if err != nil {
				return
			}
			n.receive(&fakeQuery{
				network: "udp", server: from.String(), raw: append([]byte(nil), buf[:k]...),
				send: func(raw []byte) { pc.WriteTo(raw, from) },
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		pc.Close()
		wg.Wait()
	})
	return l.Addr().String()
}

// over returns an exchange that asks a real server.
func over(edns bool, servers ...string) *exchange {
	x := new(exchange)
	x.configure(exchangeConfig{servers: servers, edns0: edns})
	return x
}

func TestRealSockets(t *testing.T) {
	n := &fake{answer: func(q *fakeQuery) {
		if q.network == "udp" && q.name() == "large.example." {
			q.reply(truncate)
			return
		}
		good(q)
	}}
	addr := realServer(t, n)
	aiotest.Run(t, func(ctx context.Context) error {
		for _, spec := range []string{addr, "udp://" + addr, "tcp://" + addr} {
			x := over(true, spec)
			ipOf(t, mustAsk(ctx, t, x, qa("small.example.")))
			ipOf(t, mustAsk(ctx, t, x, qa("large.example.")))
		}
		ports := map[string]bool{}
		for i := range 50 {
			mustAsk(ctx, t, over(true, addr), nth(i))
		}
		for _, q := range n.asked() {
			if q.network == "udp" {
				ports[q.server] = true
			}
		}
		if len(ports) < 40 {
			t.Errorf("52 queries came from %d ports", len(ports))
		}
		return nil
	})
}

// A port where nobody listens is told of, which is no timeout, and another
// server asked.
func TestRealRefused(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := pc.LocalAddr().String()
	pc.Close()
	addr := realServer(t, &fake{answer: good})
	aiotest.Run(t, func(ctx context.Context) error {
		if r := mustAsk(ctx, t, over(true, closed, addr), qa("a.example.")); r.server != addr {
			t.Errorf("got %+v", r)
		}
		_, err := over(true, closed).ask(ctx, qa("a.example."))
		wantError(t, err, KindNetwork)
		return nil
	})
}

// A forged answer that has everything right but the address or the port that
// it comes from is not taken.
func TestRealSpoof(t *testing.T) {
	var spoofers []net.PacketConn
	for _, addr := range []string{"127.0.0.1:0", "127.0.0.2:0"} {
		pc, err := net.ListenPacket("udp", addr)
		if err != nil {
			t.Logf("no socket on %s: %v", addr, err)
			continue
		}
		defer pc.Close()
		spoofers = append(spoofers, pc)
	}
	n := &fake{answer: func(q *fakeQuery) {
		to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(q.server)) // where the query came from
		for _, s := range spoofers {
			if _, err := s.WriteTo(q.response(bad(q.name())), to); err != nil {
				t.Errorf("forged answer from %v: %v", s.LocalAddr(), err)
			}
		}
		good(q)
	}}
	addr := realServer(t, n)
	aiotest.Run(t, func(ctx context.Context) error {
		if ip := ipOf(t, mustAsk(ctx, t, over(true, addr), qa("bank.example."))); ip != "192.0.2.1" {
			t.Errorf("bank.example has address %s, want 192.0.2.1: the forged answer was taken", ip)
		}
		return nil
	})
}

func TestIDs(t *testing.T) {
	var s idSource
	seen := map[uint16]int{}
	for range 100_000 {
		seen[s.next()]++
	}
	if len(seen) < 45_000 { // 65,536 * (1 - 1/e^1.5) = 50,900 are to be expected
		t.Errorf("%d different IDs of 100,000", len(seen))
	}
	for id, n := range seen {
		if n > 20 {
			t.Errorf("ID %d came %d times", id, n)
		}
	}
}

func TestPack(t *testing.T) {
	for _, name := range []string{".", "a.", "www.example."} {
		for _, edns := range []bool{false, true} {
			for _, pad := range []bool{false, true} {
				w := wires.Get().(*wire)
				if err := w.pack(77, question{name, dnsmessage.TypeMX}, edns, true, pad); err != nil {
					t.Fatal(err)
				}
				var m dnsmessage.Message
				if err := m.Unpack(w.message()); err != nil {
					t.Fatal(err)
				}
				q := m.Questions[0]
				if m.ID != 77 || !m.RecursionDesired || !m.AuthenticData || q.Name.String() != name || q.Type != dnsmessage.TypeMX {
					t.Errorf("packed %+v", m)
				}
				if edns != (len(m.Additionals) == 1) || edns && pad && len(w.message())%padTo != 0 {
					t.Errorf("%s, edns %v, pad %v: %d bytes", name, edns, pad, len(w.message()))
				}
				w.message()[2] |= 0x80
				if !w.answeredBy(w.message()) {
					t.Errorf("%s: not its own answer", name)
				}
				wires.Put(w)
			}
		}
	}
	w := wires.Get().(*wire)
	for _, name := range []string{"", "example", "a..b.", "..", string(make([]byte, 300)), strings.Repeat("a", 64) + ".example."} {
		if err := w.pack(1, qa(name), true, false, false); err == nil {
			t.Errorf("%q is a name", name)
		}
	}
}

func TestUpstream(t *testing.T) {
	for spec, want := range map[string]upstream{
		"127.0.0.1:53":                         {scheme: schemeUDP, addr: "127.0.0.1:53"},
		"127.0.0.1":                            {scheme: schemeUDP, addr: "127.0.0.1:53"},
		"[::1]:5353":                           {scheme: schemeUDP, addr: "[::1]:5353"},
		"::1":                                  {scheme: schemeUDP, addr: "[::1]:53"},
		"[fe80::1%eth0]:53":                    {scheme: schemeUDP, addr: "[fe80::1%eth0]:53"},
		"tcp://127.0.0.1":                      {scheme: schemeTCP, addr: "127.0.0.1:53"},
		"tls://9.9.9.9":                        {scheme: schemeTLS, addr: "9.9.9.9:853", serverName: "9.9.9.9"},
		"tls://dns.example@9.9.9.9:8853":       {scheme: schemeTLS, addr: "9.9.9.9:8853", serverName: "dns.example"},
		"https://dns.example/q":                {scheme: schemeHTTPS, addr: "dns.example:443", serverName: "dns.example", url: "https://dns.example/q"},
		"https://dns.example/q@9.9.9.9":        {scheme: schemeHTTPS, addr: "9.9.9.9:443", serverName: "dns.example", url: "https://dns.example/q"},
		"https://dns.example:8443/q@[::1]:444": {scheme: schemeHTTPS, addr: "[::1]:444", serverName: "dns.example", url: "https://dns.example:8443/q"},
		"https://dns.example:8443/q@9.9.9.9":   {scheme: schemeHTTPS, addr: "9.9.9.9:8443", serverName: "dns.example", url: "https://dns.example:8443/q"},
	} {
		u := parseUpstream(spec)
		if u.bad != nil || u.scheme != want.scheme || u.addr != want.addr || u.serverName != want.serverName || u.url != want.url {
			t.Errorf("%s: got %+v", spec, u)
		}
	}
	for _, spec := range []string{
		"", "name:53", "tls://name", "https://", "https:///q", "https://u:p@host/q", "https://host/q@name", "ftp://1.2.3.4", "1.2.3.4:x",
	} {
		if u := parseUpstream(spec); u.bad == nil {
			t.Errorf("%q is a server: %+v", spec, u)
		}
	}
}
