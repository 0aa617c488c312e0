package httpx_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
	"goaio.example/aio/tcp"
)

// TestProtocols checks that HTTP/2 is spoken over TLS where the server does,
// HTTP/1.1 otherwise, and h2c when asked for; that HTTP/2's requests share a
// connection; and that all of them stop at MaxBody and when they are cancelled.
func TestProtocols(t *testing.T) {
	for name, x := range map[string]struct {
		secure, http2, h2c bool
		proto              string
	}{
		"plain":          {proto: "HTTP/1.1"},
		"TLS":            {secure: true, proto: "HTTP/1.1"},
		"HTTP/2":         {secure: true, http2: true, proto: "HTTP/2.0"},
		"HTTP/2, no TLS": {h2c: true, proto: "HTTP/2.0"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := make(chan bool)
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/hang":
					asked <- true
					<-r.Context().Done()
					// an answer could be there before the end of TLS
					panic(http.ErrAbortHandler)
				case "/big":
					w.Write(make([]byte, 1000))
				default:
					echoes(w, r)
				}
			}))
			s.EnableHTTP2 = x.http2
			if x.h2c {
				s.Config.Protocols = new(http.Protocols)
				s.Config.Protocols.SetUnencryptedHTTP2(true)
			}
			c := &httpx.Client{H2C: x.h2c, MaxBody: 100}
			if x.secure {
				s.StartTLS()
				roots := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
				c.Dialer = &tcp.Dialer{TLS: &tls.Config{RootCAs: roots}}
			} else {
				s.Start()
			}
			defer s.Close()
			aiotest.Run(t, func(ctx context.Context) error {
				for range 3 {
					r, err := c.Put(ctx, s.URL+"/x", "", []byte("body")).Await(ctx)
					wantBody(t, r, err, 200, "/x\nbody")
					if err == nil && r.Proto != x.proto {
						t.Errorf("by %s", r.Proto)
					}
				}
				f := c.Get(ctx, s.URL+"/hang")
				<-asked
				if x.proto == "HTTP/2.0" {
					r, err := c.Get(ctx, s.URL+"/x").Await(ctx)
					wantBody(t, r, err, 200, "/x\n")
					if n := outgoing(ctx); n != 1 {
						t.Errorf("%d connections", n)
					}
				}
				why := errors.New("why")
				f.Cancel(why)
				_, err := f.Await(ctx)
				// all may be sent before this side knows
				if !errors.Is(err, why) {
					t.Errorf("got %v", err)
				}
				_, err = c.Get(ctx, s.URL+"/big").Await(ctx)
				failsWith(t, err, httpx.PhaseBody, httpx.ErrBodyTooLarge)
				return nil
			})
			if n := x.secure; n {
				refusesStranger(t, s.URL)
			}
		})
	}
}

// refusesStranger checks that an unknown certificate is not trusted, that the
// request is not retried, and that TLS below 1.2 is refused.
func refusesStranger(t *testing.T, url string) {
	aiotest.Run(t, func(ctx context.Context) error {
		c := &httpx.Client{Retry: httpx.Retry{Attempts: 3, Backoff: exactly}}
		_, err := c.Get(ctx, url).Await(ctx)
		var cert *tls.CertificateVerificationError
		if failsWith(t, err, httpx.PhaseTLS, err); !errors.As(err, &cert) {
			t.Errorf("got %v", err)
		}
		return nil
	})
	old := httptest.NewUnstartedServer(http.HandlerFunc(echoes))
	old.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	old.StartTLS()
	defer old.Close()
	aiotest.Run(t, func(ctx context.Context) error {
		c := &httpx.Client{Dialer: &tcp.Dialer{TLS: &tls.Config{InsecureSkipVerify: true}}}
		_, err := c.Get(ctx, old.URL).Await(ctx)
		failsWith(t, err, httpx.PhaseTLS, err)
		if errors.Is(err, aio.ErrTimeout) {
			t.Errorf("got %v", err)
		}
		return nil
	})
}
