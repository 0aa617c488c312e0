package tcp_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

const never = 48 * time.Hour

// A reply is what an address does with an attempt to connect: after a while it
// accepts or fails.
type reply struct {
	after time.Duration // never: no answer
	err   error
	deaf  bool // does not notice the end of the ctx
}

// A fakeNet is a network of addresses with their replies.
type fakeNet struct {
	replies map[string]reply
	start   time.Time

	mu    sync.Mutex
	log   []string // attempts: "address@time"
	open  int      // connections that are not closed
	ended int      // attempts that have ended
}

func (n *fakeNet) attempt(ctx context.Context, a netip.Addr) (net.Conn, error) {
	n.mu.Lock()
	n.log = append(n.log, fmt.Sprintf("%v@%v", a, time.Since(n.start)))
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.ended++
	}()
	r := n.replies[a.String()]
	if r.deaf {
		time.Sleep(r.after)
	} else if err := pause(ctx, r.after); err != nil {
		return nil, err
	}
	if r.err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: a.AsSlice(), Port: 80}, Err: r.err}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open++
	c, _ := aiotest.Pipe()
	return &fakeConn{c, n, a}, nil
}

type fakeConn struct {
	aiotest.Conn
	net  *fakeNet
	addr netip.Addr
}

func (c *fakeConn) Close() error {
	c.net.mu.Lock()
	c.net.open--
	c.net.mu.Unlock()
	return c.Conn.Close()
}

const (
	v6a, v6b = "2001:db8::1", "2001:db8::2"
	v4a, v4b = "192.0.2.1", "192.0.2.2"
)

var eyeballTests = []struct {
	name    string
	r       resolver
	net     map[string]reply
	network string
	delay   time.Duration
	log     string // attempts
	want    string // the winner, or what the error says
	after   time.Duration
}{
	{
		name: "IPv6 first", r: resolver{addrs: addrs(v4a, v6a)},
		log: v6a + "@0s", want: v6a,
	},
	{
		name: "IPv6 dead", r: resolver{addrs: addrs(v6a, v4a)},
		net: map[string]reply{v6a: {after: never}},
		log: v6a + "@0s " + v4a + "@250ms", want: v4a, after: 250 * time.Millisecond,
	},
	{
		name: "families in turn", r: resolver{addrs: addrs(v6a, v6b, v4a, v4b)},
		net: map[string]reply{v6a: {after: never}, v6b: {after: never}, v4a: {after: never}},
		log: v6a + "@0s " + v4a + "@250ms " + v6b + "@500ms " + v4b + "@750ms", want: v4b, after: 750 * time.Millisecond,
	},
	{
		name: "an error starts the next at once", r: resolver{addrs: addrs(v6a, v6b, v4a, v4b)},
		net: map[string]reply{v6a: {after: 10 * time.Millisecond, err: syscall.ECONNREFUSED}, v4a: {after: 100 * time.Millisecond, err: syscall.ECONNREFUSED}, v6b: {after: never}},
		log: v6a + "@0s " + v4a + "@10ms " + v6b + "@110ms " + v4b + "@360ms", want: v4b, after: 360 * time.Millisecond,
	},
	{
		name: "the first of two wins", r: resolver{addrs: addrs(v6a, v4a)},
		net: map[string]reply{v6a: {after: 300 * time.Millisecond}, v4a: {after: 100 * time.Millisecond}},
		log: v6a + "@0s " + v4a + "@250ms", want: v6a, after: 300 * time.Millisecond,
	},
	{
		name: "a late loser is closed", r: resolver{addrs: addrs(v6a, v4a)},
		net: map[string]reply{v6a: {after: time.Second, deaf: true}},
		log: v6a + "@0s " + v4a + "@250ms", want: v4a, after: 250 * time.Millisecond,
	},
	{
		name: "IPv4 waits 50 ms for IPv6", r: resolver{addrs: addrs(v6a, v4a), delay: map[string]time.Duration{"ip6": 40 * time.Millisecond}},
		log: v6a + "@40ms", want: v6a, after: 40 * time.Millisecond,
	},
	{
		name: "and no longer", r: resolver{addrs: addrs(v6a, v4a), delay: map[string]time.Duration{"ip6": time.Second}},
		net: map[string]reply{v4a: {after: 100 * time.Millisecond}},
		log: v4a + "@50ms", want: v4a, after: 150 * time.Millisecond,
	},
	{
		name: "a slow AAAA still counts", r: resolver{addrs: addrs(v6a, v4a), delay: map[string]time.Duration{"ip6": time.Second}},
		net: map[string]reply{v4a: {err: syscall.ECONNREFUSED}},
		log: v4a + "@50ms " + v6a + "@1s", want: v6a, after: time.Second,
	},
	{
		name: "a slow A", r: resolver{addrs: addrs(v6a, v4a), delay: map[string]time.Duration{"ip4": time.Second}},
		net: map[string]reply{v6a: {after: never}},
		log: v6a + "@0s " + v4a + "@1s", want: v4a, after: time.Second,
	},
	{
		name: "no AAAA", r: resolver{addrs: addrs(v4a), errs: map[string]error{"ip6": &net.DNSError{Err: "no such host", IsNotFound: true}}},
		log: v4a + "@0s", want: v4a,
	},
	{
		name: "an empty AAAA", r: resolver{addrs: addrs(v4a)},
		log: v4a + "@0s", want: v4a,
	},
	{
		name: "the AAAA lookup fails late", r: resolver{
			addrs: addrs(v4a), errs: map[string]error{"ip6": errors.New("servfail")},
			delay: map[string]time.Duration{"ip6": 20 * time.Millisecond},
		},
		log: v4a + "@20ms", want: v4a, after: 20 * time.Millisecond,
	},
	{
		name: "a resolver that ignores its ctx", r: resolver{addrs: addrs(v6a, v4a), delay: map[string]time.Duration{"ip6": never}},
		log: v4a + "@50ms", want: v4a, after: 50 * time.Millisecond,
	},
	{
		name: "all refused", r: resolver{addrs: addrs(v6a, v4a)},
		net: map[string]reply{v6a: {err: syscall.ECONNREFUSED}, v4a: {err: syscall.ENETUNREACH}},
		log: v6a + "@0s " + v4a + "@0s", want: v6a + "]:80: connection refused|" + v4a + ":80: network is unreachable",
	},
	{
		name: "all dead", r: resolver{addrs: addrs(v6a, v4a)},
		net: map[string]reply{v6a: {after: never}, v4a: {after: never}},
		log: v6a + "@0s " + v4a + "@250ms", want: v6a + ", " + v4a + "|deadline exceeded", after: 30 * time.Second,
	},
	{
		name: "only IPv4", r: resolver{addrs: addrs(v6a, v4a)}, network: "tcp4",
		log: v4a + "@0s", want: v4a,
	},
	{
		name: "only IPv6", r: resolver{addrs: addrs(v6a, v4a)}, network: "tcp6",
		net: map[string]reply{v6a: {err: syscall.ECONNREFUSED}},
		log: v6a + "@0s", want: "connection refused",
	},
	{
		name: "one after the other", r: resolver{addrs: addrs(v6a, v4a), delay: map[string]time.Duration{"ip6": 20 * time.Millisecond}}, delay: -1,
		net: map[string]reply{v6a: {after: 5 * time.Second, err: syscall.ETIMEDOUT}},
		log: v6a + "@20ms " + v4a + "@5.02s", want: v4a, after: 5020 * time.Millisecond,
	},
	{
		name: "another delay", r: resolver{addrs: addrs(v6a, v4a)}, delay: time.Second,
		net: map[string]reply{v6a: {after: never}},
		log: v6a + "@0s " + v4a + "@1s", want: v4a, after: time.Second,
	},
}

func TestHappyEyeballs(t *testing.T) {
	for _, tt := range eyeballTests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, new(aio.Loop), func(b *bubble) {
				r := tt.r
				r.forever = make(chan struct{})
				network := tt.network
				if network == "" {
					network = "tcp"
				}
				n := &fakeNet{replies: tt.net, start: time.Now()}
				ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
				c, err := tcp.HappyEyeballs(ctx, &r, network, "name.test", tt.delay, n.attempt)
				cancel()
				if d := time.Since(n.start); d != tt.after {
					b.Errorf("it took %v, want %v", d, tt.after)
				}
				if log := strings.Join(n.log, " "); log != tt.log {
					b.Errorf("attempts %s\nwant     %s", log, tt.log)
				}
				wantWinner(b, c, err, tt.want)
				close(r.forever)
				time.Sleep(time.Minute)
				if s := b.loop.Stats(); n.open != 0 || n.ended != len(n.log) || s.InFlight != 1 {
					b.Errorf("%d connections are open, %d of %d attempts ended, %v", n.open, n.ended, len(n.log), s.Kinds)
				}
			})
		})
	}
}

// wantWinner checks what came of it, and closes it.
func wantWinner(b *bubble, c net.Conn, err error, want string) {
	b.Helper()
	if err == nil {
		if got := c.(*fakeConn).addr.String(); got != want {
			b.Errorf("the winner is %s, want %s", got, want)
		}
		c.Close()
		return
	}
	for part := range strings.SplitSeq(want, "|") {
		if !strings.Contains(err.Error(), part) {
			b.Errorf("got %v, want %q in it", err, part)
		}
	}
}

// Every lookup and attempt is an operation under the dial while it lasts.
func TestHappyEyeballsOps(t *testing.T) {
	inBubble(t, new(aio.Loop), func(b *bubble) {
		r := &resolver{addrs: addrs(v6a, v4a), delay: map[string]time.Duration{"ip6": time.Second, "ip4": time.Second}}
		hang := errors.New("cancelled")
		d := &tcp.Dialer{Resolver: r, Control: func(ctx context.Context, _, _ string, _ syscall.RawConn) error {
			<-ctx.Done()
			return hang
		}}
		f := d.Dial(b.ctx, "name.test:80")
		synctest.Wait()
		if s := b.loop.Stats(); s.DNSQueries != 2 || s.Kinds["tcp.dial"] != 1 {
			b.Errorf("looking up: %v", s.Kinds)
		}
		time.Sleep(time.Second + time.Millisecond)
		if s := b.loop.Stats(); s.DNSQueries != 0 || s.Kinds["tcp.attempt"] != 1 {
			b.Errorf("the first attempt: %v", s.Kinds)
		}
		time.Sleep(250 * time.Millisecond)
		if s := b.loop.Stats(); s.Kinds["tcp.attempt"] != 2 {
			b.Errorf("the second attempt: %v", s.Kinds)
		}
		for op := range b.loop.Ops() {
			if op.Kind.String() == "tcp.attempt" && !slices.Contains(op.Parents, "dial name.test:80") {
				b.Errorf("%v has the parents %q", op, op.Parents)
			}
		}
		start := time.Now()
		_, err := f.Await(b.ctx)
		if d := time.Since(start); !errors.Is(err, aio.ErrTimeout) || d.Round(time.Second) != 29*time.Second {
			b.Errorf("got %v after %v", err, d)
		}
		synctest.Wait()
		if s := b.loop.Stats(); s.InFlight != 1 {
			b.Errorf("left: %v", s.Kinds)
		}
	})
}

// One ConnError names every address tried, with the conditions of all.
func TestHappyEyeballsError(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		_, port, _ := net.SplitHostPort(freeAddr(t))
		d := &tcp.Dialer{Resolver: &resolver{addrs: addrs("127.0.0.1", "127.0.0.2")}}
		_, err := d.Dial(ctx, "name.test:"+port).Await(ctx)
		var e *aio.ConnError
		if !errors.Is(err, aio.ErrRefused) || errors.Is(err, aio.ErrDNS) || !errors.As(err, &e) || e.Code != int(syscall.ECONNREFUSED) || e.Addr != "name.test:"+port {
			t.Errorf("got %#v", err)
		}
		for _, a := range []string{"127.0.0.1:" + port, "127.0.0.2:" + port} {
			if !strings.Contains(err.Error(), a) {
				t.Errorf("%v does not name %s", err, a)
			}
		}
		return nil
	})
}
