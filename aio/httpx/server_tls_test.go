package httpx_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// certificate makes a certificate and its key, in PEM.
func certificate(t testing.TB, name string) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("ecdsa.GenerateKey: %v", err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatalf("x509.CreateCertificate: %v", err)
	}
	kder, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatalf("x509.MarshalPKCS8PrivateKey: %v", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: kder})
}

// serverTLS is a configuration to serve with.
func serverTLS(t testing.TB) *tls.Config {
	cert, key := certificate(t, "test")
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatalf("tls.X509KeyPair: %v", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}}
}

var anyCert = &tls.Config{InsecureSkipVerify: true}

// TestVersionsOfHTTP checks that both versions are served over TLS and, if that
// is asked for, without.
func TestVersionsOfHTTP(t *testing.T) {
	for _, mode := range []string{"Handle", "Handler"} {
		for _, v := range []struct {
			proto, scheme, want string
			tls                 bool
		}{
			{"h1", "https", "HTTP/1.1", true},
			{"h2", "https", "HTTP/2.0", true},
			{"h1", "http", "HTTP/1.1", false},
			{"h2c", "http", "HTTP/2.0", false},
		} {
			s := &httpx.Server{H2C: true}
			if v.tls {
				s.TLS = serverTLS(t)
			}
			check := func(r *http.Request) string {
				if (r.TLS != nil) != v.tls {
					t.Errorf("%s %s: TLS is %v", v.proto, v.scheme, r.TLS)
				}
				return r.Proto
			}
			s.Handle = func(r *httpx.Request) { r.RespondString(200, check(r.Std())+string(r.Body())) }
			if mode == "Handler" {
				s.Handle = nil
				s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					io.WriteString(w, check(r)+string(body))
				})
			}
			serve(t, s, func(addr string) {
				c := newClient(t, anyCert, v.proto)
				defer c.CloseIdleConnections()
				for range 3 {
					resp, err := c.Post(v.scheme+"://"+addr, "text/plain", io.LimitReader(zeros{}, 100<<10))
					if err != nil {
						t.Fatalf("c.Post: %v", err)
					}
					body, err := io.ReadAll(resp.Body)
					resp.Body.Close()
					if want := len(v.want) + 100<<10; err != nil || len(body) != want || string(body[:len(v.want)]) != v.want {
						t.Errorf("%s %s %s: got %.40q, %v", mode, v.proto, v.scheme, body, err)
					}
				}
			})
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestOldTLS checks that TLS 1.1 is refused.
func TestOldTLS(t *testing.T) {
	serve(t, &httpx.Server{Handle: answers, TLS: serverTLS(t)}, func(addr string) {
		c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10})
		if err == nil {
			c.Close()
			t.Error("the handshake went well")
		}
	})
}

// TestCertificateReload checks that a certificate that was replaced is used,
// and that half of one does no harm.
func TestCertificateReload(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write := func(name string, keyToo bool) {
		cert, key := certificate(t, name)
		os.WriteFile(certFile, cert, 0o600)
		if keyToo {
			os.WriteFile(keyFile, key, 0o600)
		}
	}
	served := func(addr string) string {
		c, err := tls.Dial("tcp", addr, anyCert)
		if err != nil {
			t.Fatalf("tls.Dial: %v", err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	write("first", true)
	httpx.SetCertLook(t, 0)
	serve(t, &httpx.Server{Handle: answers, CertFile: certFile, KeyFile: keyFile}, func(addr string) {
		if got := served(addr); got != "first" {
			t.Errorf("got %q", got)
		}
		write("half", false)
		if got := served(addr); got != "first" {
			t.Errorf("got %q, with a key that does not fit", got)
		}
		write("second", true)
		aiotest.Eventually(t, func() bool { return served(addr) == "second" })
	})
	if err := (&httpx.Server{Handle: answers, CertFile: "nowhere", KeyFile: "nowhere"}).Start(t.Context(), ":0"); err == nil {
		t.Error("Start without a certificate went well")
	}
}

// TestPlainToTLS checks that HTTP on a port with TLS is answered as net/http's
// server does, and that other things are not.
func TestPlainToTLS(t *testing.T) {
	const want = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
	serve(t, &httpx.Server{TLS: serverTLS(t), Handle: func(*httpx.Request) { t.Error("handled") }}, func(addr string) {
		for text, want := range map[string]string{
			ok: want,
			"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("a", 100000): want,
			"HEAD / HTTP/1.0\r\n\r\n":                want,
			"PUT http://h/a HTTP/1.1\r\nHost: h\r\n": want,
			"\x00\x00\x00\x00\x00\x00":               "",
		} {
			c := dialRaw(t, addr)
			c.say(text)
			got, err := io.ReadAll(c)
			if string(got) != want || err != nil && want != "" {
				t.Errorf("%.20q: got %q, %v", text, got, err)
			}
			c.Close()
		}
	})
}
