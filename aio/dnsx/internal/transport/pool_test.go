package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
)

// countedConn counts in open the connections that are not closed.
type countedConn struct {
	net.Conn
	open *int
}

func (c countedConn) Close() error {
	*c.open--
	return nil
}

// A pool keeps maxIdle connections to a server, returns each once, and closes
// them when the loop drains.
func TestPoolBound(t *testing.T) {
	open, held := 0, 0
	aiotest.Run(t, func(ctx context.Context) error {
		p := &Pool{Context: aio.Detach(ctx), Hold: func() { held++ }, LetGo: func() { held-- }}
		s := new(Server)
		for range maxIdle + 3 {
			open++
			p.put(s, countedConn{open: &open})
		}
		if open != maxIdle || held != 1 {
			t.Errorf("put %d connections: %d are open, held %d times, want %d, 1", maxIdle+3, open, held, maxIdle)
		}
		for i := range maxIdle {
			c := p.take(s)
			if c == nil {
				t.Fatalf("take %d of %d: nil, want a connection", i+1, maxIdle)
			}
			if i > 0 {
				c.Close()
				continue
			}
			defer p.put(s, c)
		}
		if c := p.take(s); c != nil {
			t.Error("an empty pool has a connection")
		}
		return nil
	})
	if open != 0 || held != 0 {
		t.Errorf("after the loop: %d connections are open, held %d times, want none", open, held)
	}
}

// While the loop drains, a pool keeps nothing: work in progress that asks a
// server leaves no connection.
func TestPoolInDrain(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		p := &Pool{Context: aio.Detach(ctx), Hold: func() {}, LetGo: func() {}}
		_, err := aio.Go(ctx, "work in progress", func(ctx context.Context) (int, error) {
			aio.LoopOf(ctx).Exit(nil)
			<-aio.Draining(ctx)
			open := 1
			if p.put(new(Server), countedConn{open: &open}); open != 0 {
				t.Error("loop draining: the pool keeps a connection, want it closed")
			}
			return 0, nil
		}).Await(ctx)
		return err
	})
}

// A client that is closed keeps its connections until its requests have ended.
func TestClientCloses(t *testing.T) {
	open := 0
	n := &Network{Dial: func(context.Context, string, string) (net.Conn, error) {
		open++
		return countedConn{open: &open}, nil
	}}
	h := newClient(n, new(Server), true)
	h.begin()
	for range 2 {
		if _, err := h.dial(t.Context(), n, "tcp", "192.0.2.1:443"); err != nil {
			t.Fatalf("dial: %v", err)
		}
	}
	for _, step := range []struct {
		name string
		do   func()
		want int
	}{{"one of two requests ends", h.end, 2}, {"the client is closed", h.close, 2}, {"the last request ends", h.end, 0}} {
		if step.do(); open != step.want {
			t.Errorf("%s: %d connections are open, want %d", step.name, open, step.want)
		}
	}
}

// A connection that is dialed for a request that has given up is closed.
func TestClientDialsLate(t *testing.T) {
	open := 0
	n := &Network{Dial: func(context.Context, string, string) (net.Conn, error) {
		open++
		return countedConn{open: &open}, nil
	}}
	h := newClient(n, new(Server), false)
	h.end()
	if _, err := h.dial(t.Context(), n, "tcp", "192.0.2.1:443"); err != nil {
		t.Fatalf("dial: %v", err)
	}
	if open != 0 {
		t.Errorf("dialed after the only request has ended: %d connections are open, want none", open)
	}
}

// A response of 65,535 bytes is the largest.
func TestReadBodyBound(t *testing.T) {
	for size, want := range map[int]error{headerLen - 1: errShort, headerLen: nil, maxBody: nil, maxBody + 1: errTooBig, 10 * maxBody: errTooBig} {
		c := &Call{wire: new(wire)}
		msg, err := c.readBody(&http.Response{
			StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {dnsMessage}, "Age": {"7"}},
			Body: io.NopCloser(strings.NewReader(strings.Repeat("x", size))),
		})
		if !errors.Is(err, want) || want == nil && len(msg) != size {
			t.Errorf("a response of %d bytes: %d bytes, %v, want %v", size, len(msg), err, want)
		}
		if want == nil && c.Age().Seconds() != 7 {
			t.Errorf("Age 7: %v", c.Age())
		}
	}
}

// TLS 1.2 is the least version, and a higher one that is configured stays.
func TestTLSVersion(t *testing.T) {
	for given, want := range map[uint16]uint16{0: tls.VersionTLS12, tls.VersionTLS10: tls.VersionTLS12, tls.VersionTLS13: tls.VersionTLS13} {
		n := NewNetwork(nil, &tls.Config{MinVersion: given})
		if got := n.tlsFor(&Server{name: "dns.example"}); got.MinVersion != want || got.ServerName != "dns.example" {
			t.Errorf("MinVersion %#x: %#x for %q, want %#x for dns.example", given, got.MinVersion, got.ServerName, want)
		}
	}
	n := NewNetwork(nil, nil)
	if got := n.tlsFor(new(Server)); got.MinVersion != tls.VersionTLS12 || got.ClientSessionCache == nil {
		t.Errorf("without a configuration: version %#x, session cache %v, want TLS 1.2 and a cache", got.MinVersion, got.ClientSessionCache)
	}
}
