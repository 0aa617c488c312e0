package httpx_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// http2Origin serves h over HTTP/2 over TLS, and counts the connections.
func http2Origin(t *testing.T, h http.HandlerFunc) (s *httptest.Server, conns *atomic.Int32) {
	t.Helper()
	conns = new(atomic.Int32)
	s = httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.Config.ErrorLog = quiet
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			conns.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, conns
}

// TestSharedConnection checks that requests over HTTP/2 that are made at once,
// to a host that nothing is known of, all get their answers, and then share one
// connection, whatever their bodies.
func TestSharedConnection(t *testing.T) {
	s, conns := http2Origin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("by %s", r.Proto)
		}
		echoes(w, r)
	})
	for _, most := range []int{0, 1} {
		conns.Store(0)
		aiotest.Run(t, func(ctx context.Context) error {
			c := &httpx.Client{Dialer: anyTLS(), MaxConnsPerHost: most}
			for round := range 3 {
				var fs []*aio.Future[*httpx.Response]
				for i := range 20 {
					if i%2 == 0 {
						fs = append(fs, c.Get(ctx, fmt.Sprint(s.URL, "/", i)))
					} else {
						body := opaque{strings.NewReader(strings.Repeat("x", 100_000))}
						fs = append(fs, c.Do(ctx, request(t, "POST", fmt.Sprint(s.URL, "/", i), body)))
					}
				}
				for i, f := range fs {
					r, err := f.Await(ctx)
					want := fmt.Sprintf("/%d\n", i)
					if i%2 == 1 {
						want += strings.Repeat("x", 100_000)
					}
					wantBody(t, r, err, 200, want)
				}
				if round == 0 {
					aiotest.Eventually(t, func() bool { return outgoing(ctx) == 1 })
				}
			}
			if n := outgoing(ctx); n != 1 || most == 1 && conns.Load() != 1 {
				t.Errorf("%d connections, of %d that were made", n, conns.Load())
			}
			c.CloseIdleConnections()
			aiotest.Eventually(t, func() bool { return outgoing(ctx) == 0 })
			r, err := c.Get(ctx, s.URL+"/again").Await(ctx)
			wantBody(t, r, err, 200, "/again\n")
			return nil
		})
	}
}

// TestSharedGone checks that a connection that the server has closed is not
// used again, and that the loop ends with one open.
func TestSharedGone(t *testing.T) {
	s, _ := http2Origin(t, echoes)
	aiotest.Run(t, func(ctx context.Context) error {
		c := &httpx.Client{Dialer: anyTLS()}
		for i := range 10 {
			r, err := c.Get(ctx, s.URL).Await(ctx)
			wantBody(t, r, err, 200, "/\n")
			if i%2 == 0 {
				s.CloseClientConnections()
				aiotest.Eventually(t, func() bool { return outgoing(ctx) == 0 })
			}
		}
		return nil
	})
}

// TestNoMoreHTTP2 checks that a host that spoke HTTP/2, and does so no more, is
// spoken to over HTTP/1.1.
func TestNoMoreHTTP2(t *testing.T) {
	var speaks atomic.Pointer[[]string]
	s := httptest.NewUnstartedServer(http.HandlerFunc(echoes))
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{}
	s.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		cfg := s.TLS.Clone()
		cfg.GetConfigForClient, cfg.NextProtos = nil, *speaks.Load()
		return cfg, nil
	}
	s.StartTLS()
	defer s.Close()
	aiotest.Run(t, func(ctx context.Context) error {
		c := &httpx.Client{Dialer: anyTLS()}
		for _, proto := range []string{"HTTP/2.0", "HTTP/1.1", "HTTP/1.1", "HTTP/2.0"} {
			protos := []string{"h2", "http/1.1"}
			if proto == "HTTP/1.1" {
				protos = protos[1:]
			}
			speaks.Store(&protos)
			c.CloseIdleConnections()
			aiotest.Eventually(t, func() bool { return outgoing(ctx) == 0 })
			r, err := c.Get(ctx, s.URL).Await(ctx)
			wantBody(t, r, err, 200, "/\n")
			if err == nil && r.Proto != proto {
				t.Errorf("by %s, not %s", r.Proto, proto)
			}
		}
		return nil
	})
}

// TestUpgradeOverTLS checks that a request that asks for an upgrade is made
// over HTTP/1.1, also to a host that speaks HTTP/2.
func TestUpgradeOverTLS(t *testing.T) {
	s, _ := http2Origin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			echoes(w, r)
			return
		}
		c, both, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Errorf("Hijack: %v", err)
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		io.Copy(c, both)
	})
	aiotest.Run(t, func(ctx context.Context) error {
		c := &httpx.Client{Dialer: anyTLS()}
		r, err := c.Get(ctx, s.URL).Await(ctx)
		wantBody(t, r, err, 200, "/\n")
		req := request(t, "GET", s.URL, nil)
		req.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"echo"}}
		st, err := c.Stream(ctx, req).Await(ctx)
		if err != nil {
			return err
		}
		defer st.Body.Close()
		both, ok := st.Body.(io.ReadWriteCloser)
		if !ok {
			return errors.New("it cannot be written to")
		}
		io.WriteString(both, "hello")
		b := make([]byte, 5)
		if _, err := io.ReadFull(both, b); err != nil || string(b) != "hello" {
			t.Errorf("got %q, %v", b, err)
		}
		return nil
	})
}

// TestFullConnection checks that a request for which no connection has room is
// made on another one, also if that turns out to speak HTTP/1.1.
func TestFullConnection(t *testing.T) {
	for _, second := range []string{"HTTP/2.0", "HTTP/1.1"} {
		var conns atomic.Int32
		asked, goOn := make(chan bool), make(chan bool)
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/hang" {
				asked <- true
				<-goOn
			}
			echoes(w, r)
		}))
		s.EnableHTTP2 = true
		s.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 1}
		s.TLS = &tls.Config{}
		s.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
			cfg := s.TLS.Clone()
			cfg.GetConfigForClient, cfg.NextProtos = nil, []string{"h2", "http/1.1"}
			if conns.Add(1) > 1 && second == "HTTP/1.1" {
				cfg.NextProtos = []string{"http/1.1"}
			}
			return cfg, nil
		}
		s.StartTLS()
		aiotest.Run(t, func(ctx context.Context) error {
			c := &httpx.Client{Dialer: anyTLS()}
			// which has brought the server's settings
			r, err := c.Get(ctx, s.URL).Await(ctx)
			wantBody(t, r, err, 200, "/\n")
			hangs := c.Get(ctx, s.URL+"/hang")
			<-asked
			for range 2 {
				r, err = c.Get(ctx, s.URL+"/x").Await(ctx)
				wantBody(t, r, err, 200, "/x\n")
				if err == nil && r.Proto != second {
					t.Errorf("by %s, not %s", r.Proto, second)
				}
			}
			goOn <- true
			r, err = hangs.Await(ctx)
			wantBody(t, r, err, 200, "/hang\n")
			return nil
		})
		s.Close()
	}
}
