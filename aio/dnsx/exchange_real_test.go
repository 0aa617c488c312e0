package dnsx

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"

	"goaio.example/aio/aiotest"
)

// realServer answers by UDP and TCP on a port of loopback. It returns the
// address.
func realServer(t testing.TB, n *fake) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("net.Listen: %v", err)
	}
	pc, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Fatalf("net.ListenPacket: %v", err)
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
			t.Errorf("52 queries came from %d ports, want about 52", len(ports))
		}
		return nil
	})
}

// The error of a closed port is not a timeout, and the next server is asked at
// once.
func TestRealRefused(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("net.ListenPacket: %v", err)
	}
	closed := pc.LocalAddr().String()
	pc.Close()
	addr := realServer(t, &fake{answer: good})
	aiotest.Run(t, func(ctx context.Context) error {
		if r := mustAsk(ctx, t, over(true, closed, addr), qa("a.example.")); r.server != addr {
			t.Errorf("the first server's port is closed: %+v, want the answer of %s", r, addr)
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
		// where the query came from
		to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(q.server))
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
