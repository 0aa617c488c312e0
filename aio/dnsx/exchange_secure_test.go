package dnsx

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
)

// What is sent over encrypted connections, and how long these are kept.
const (
	dnsMessage = "application/dns-message" // RFC 8484
	padTo      = 128                       // RFC 8467, section 4.1
	idleTime   = 10 * time.Second
)

// dohServer answers by HTTPS, with HTTP/2 if it is asked for. Its certificate
// is for example.com and 127.0.0.1.
func dohServer(t *testing.T, h2 bool, handler func(w http.ResponseWriter, r *http.Request, q *fakeQuery)) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := new(fakeQuery)
		q.raw, _ = io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != dnsMessage || q.msg.Unpack(q.raw) != nil {
			t.Errorf("the request is %s with %v, want POST of a query", r.Method, r.Header)
		}
		if q.msg.ID != 0 || len(q.raw)%padTo != 0 {
			t.Errorf("a query with ID %d and %d bytes, want ID 0, and a multiple of %d", q.msg.ID, len(q.raw), padTo)
		}
		q.send = func(raw []byte) {
			w.Header().Set("Content-Type", dnsMessage)
			w.Write(raw)
		}
		handler(w, r, q)
	}))
	s.Config.ErrorLog = quietLog()
	s.EnableHTTP2 = h2
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// secure returns an exchange that trusts s's certificate and asks the given
// servers.
func secure(s *httptest.Server, servers ...string) *exchange {
	x := new(exchange)
	cfg := s.Client().Transport.(*http.Transport).TLSClientConfig
	x.configure(exchangeConfig{servers: servers, edns0: true, tls: &tls.Config{RootCAs: cfg.RootCAs}})
	return x
}

func TestHTTPS(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("h2=%v", h2), func(t *testing.T) {
			var conns sync.Map
			s := dohServer(t, h2, func(w http.ResponseWriter, r *http.Request, q *fakeQuery) {
				conns.Store(r.RemoteAddr, true)
				if h2 != (r.ProtoMajor == 2) {
					t.Errorf("the request came by HTTP/%d, want HTTP/2: %v", r.ProtoMajor, h2)
				}
				w.Header().Set("Age", "20")
				good(q)
			})
			addr := s.Listener.Addr().String()
			x := secure(s, "https://example.com/dns-query@"+addr)
			aiotest.Run(t, func(ctx context.Context) error {
				for i := range 5 {
					r := mustAsk(ctx, t, x, nth(i))
					if ttl := r.ttl(time.Now()); ipOf(t, r) != "192.0.2.1" || ttl > 40*time.Second || ttl < 30*time.Second {
						t.Errorf("an answer of TTL 60 with Age 20: TTL %v, want 30s to 40s", ttl)
					}
				}
				if k := aio.LoopOf(ctx).Stats().Kinds["dns.pool"]; k != 1 {
					t.Errorf("%d pools after 5 queries, want 1", k)
				}
				return nil
			})
			n := 0
			conns.Range(func(any, any) bool { n++; return true })
			if n != 1 || len(x.lanes) != 0 {
				t.Errorf("5 queries used %d connections, and %d lanes are left, want 1, 0", n, len(x.lanes))
			}
		})
	}
}

func TestHTTPSTrouble(t *testing.T) {
	for what, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request, q *fakeQuery)
		kind   ErrorKind
	}{
		"status": {func(w http.ResponseWriter, _ *http.Request, _ *fakeQuery) { w.WriteHeader(503) }, KindServer},
		"redirect": {func(w http.ResponseWriter, r *http.Request, _ *fakeQuery) {
			http.Redirect(w, r, "/other", http.StatusTemporaryRedirect)
		}, KindServer},
		"type": {func(w http.ResponseWriter, _ *http.Request, q *fakeQuery) { w.Write(q.response()) }, KindMalformed},
		"short": {func(_ http.ResponseWriter, _ *http.Request, q *fakeQuery) {
			q.send([]byte("short"))
		}, KindMalformed},
		"endless": {func(_ http.ResponseWriter, _ *http.Request, q *fakeQuery) {
			for range 100 {
				q.send(bytes.Repeat([]byte{1}, 1<<16))
			}
		}, KindMalformed},
		"another answer": {func(_ http.ResponseWriter, _ *http.Request, q *fakeQuery) {
			q.reply(question1("evil.example.", q.typ(), 1), bad(q.name()))
		}, KindMalformed},
		"cut off": {func(w http.ResponseWriter, _ *http.Request, q *fakeQuery) {
			w.Header().Set("Content-Length", "1000")
			q.send(q.response())
			panic(http.ErrAbortHandler)
		}, KindNetwork},
		"no answer": {func(_ http.ResponseWriter, r *http.Request, _ *fakeQuery) { <-r.Context().Done() }, KindTimeout},
	} {
		t.Run(what, func(t *testing.T) {
			s := dohServer(t, true, c.answer)
			x := secure(s, "https://example.com/@"+s.Listener.Addr().String())
			p := x.plan.Load()
			p.timeout, p.attempts = 50*time.Millisecond, 1
			if c.kind != KindTimeout {
				p.timeout = 5 * time.Second
			}
			aiotest.Run(t, func(ctx context.Context) error {
				_, err := x.ask(ctx, qa("www.example."))
				wantError(t, err, c.kind)
				return nil
			})
		})
	}
}

func TestTLS(t *testing.T) {
	s := dohServer(t, false, nil)
	var n fake
	n.answer = func(q *fakeQuery) {
		if len(q.raw)%padTo != 0 {
			t.Errorf("a query of %d bytes, want a multiple of %d", len(q.raw), padTo)
		}
		good(q)
	}
	var accepted atomic.Int64
	hangUp := make(chan struct{})
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: s.TLS.Certificates})
	if err != nil {
		t.Fatalf("tls.Listen: %v", err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if accepted.Add(1) == 1 {
				wg.Go(func() { <-hangUp; c.Close() })
			}
			wg.Go(func() { n.serveStream(c, "tls", "") })
		}
	})
	defer wg.Wait()
	defer l.Close()
	addr := l.Addr().String()
	aiotest.Run(t, func(ctx context.Context) error {
		x := secure(s, "tls://example.com@"+addr)
		for i := range 5 {
			mustAsk(ctx, t, x, nth(i))
		}
		if got := accepted.Load(); got != 1 {
			t.Errorf("%d connections for 5 queries, want 1", got)
		}
		close(hangUp)
		for i := range 5 {
			mustAsk(ctx, t, x, nth(10+i))
		}
		if got := accepted.Load(); got > 3 {
			t.Errorf("%d connections for 10 queries, of which the server closed one, want at most 3", got)
		}
		mustAsk(ctx, t, secure(s, "tls://"+addr), qa("by.address."))
		_, err := secure(s, "tls://other.example@"+addr).ask(ctx, qa("www.example."))
		if e := wantError(t, err, KindNetwork); e.Err == nil || !strings.Contains(e.Err.Error(), "certificate") {
			t.Errorf("a certificate for another name: %v, want an error about it", err)
		}
		return nil
	})
}

// A server that accepts a connection and then says nothing costs its attempts,
// and no more.
func TestSilentHandshake(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		for _, spec := range []string{"tls://10.0.0.1", "https://dns.example/q@10.0.0.1"} {
			var silent []net.Conn
			x := new(exchange)
			x.configure(exchangeConfig{servers: []string{spec}, dial: func(context.Context, string, string) (net.Conn, error) {
				client, server := net.Pipe()
				silent = append(silent, server)
				return client, nil
			}})
			begin := time.Now()
			_, err := x.ask(ctx, qa("www.example."))
			if wantError(t, err, KindTimeout); time.Since(begin) != 10*time.Second || len(silent) != 2 {
				t.Errorf("%s: %v after %v and %d connections, want a timeout after 10s and 2", spec, err, time.Since(begin), len(silent))
			}
			for _, c := range silent {
				c.Close()
			}
		}
		return nil
	})
}

// Idle connections are closed after a while, and then nothing is left of the
// pool.
func TestPoolEnds(t *testing.T) {
	s := dohServer(t, false, nil) // outside the bubble: for its certificate
	n := &fake{answer: good}
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		x := secure(s, "tls://example.com@10.0.0.1")
		x.plan.Load().network.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			client, server := net.Pipe()
			go n.serveStream(tls.Server(server, &tls.Config{Certificates: s.TLS.Certificates}), network, addr)
			return client, nil
		}
		x.plan.Load().network.TLS.Time = func() time.Time { return s.Certificate().NotBefore.Add(time.Hour) }
		mustAsk(ctx, t, x, qa("a.example."))
		loop := aio.LoopOf(ctx)
		if k := loop.Stats().Kinds; k["dns.pool"] != 1 {
			t.Errorf("after a query by TLS, in flight: %v, want one dns.pool", k)
		}
		time.Sleep(idleTime + time.Second)
		if k := loop.Stats().Kinds; k["dns.pool"] != 0 || len(x.lanes) != 0 {
			t.Errorf("%v after the last query, in flight: %v, and %d lanes, want no dns.pool, no lane", idleTime, k, len(x.lanes))
		}
		return nil
	})
}
