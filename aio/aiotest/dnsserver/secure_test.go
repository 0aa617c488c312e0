package dnsserver

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// dialFunc is how a client gets to a server.
type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// secure runs a test with a server on loopback and with one in memory, in a
// bubble.
func secure(t *testing.T, test func(t *testing.T, s *Server, dial dialFunc, tlsAddr, url string)) {
	t.Helper()
	t.Run("loopback", func(t *testing.T) {
		t.Parallel()
		s := start(t, &Server{Zone: zoneText, TLS: true, HTTPS: true})
		test(t, s, new(net.Dialer).DialContext, s.TLSAddr(), s.URL())
	})
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := inMemory(t, &Server{Zone: zoneText, Names: []string{"192.0.2.53", "doh.test"}})
			test(t, s, s.Dial, "192.0.2.53:853", "https://192.0.2.53/dns-query")
		})
	})
}

func TestTLS(t *testing.T) {
	t.Parallel()
	secure(t, func(t *testing.T, s *Server, dial dialFunc, tlsAddr, _ string) {
		raw, err := dial(t.Context(), "tcp", tlsAddr)
		if err != nil {
			t.Fatalf("dial: %v", err)
		}
		cfg := s.ClientTLS()
		cfg.ServerName, _, _ = net.SplitHostPort(tlsAddr)
		c := tls.Client(raw, cfg)
		defer c.Close()
		// Several queries at once on one connection.
		var all []byte
		for i := range 5 {
			all = append(all, framed(query(t, uint16(i), www, dnsmessage.TypeA, 0))...)
		}
		if _, err := c.Write(all); err != nil {
			t.Fatalf("c.Write: %v", err)
		}
		for i := range 5 {
			if m := unpack(t, receiveFramed(t, c)); int(m.ID) != i || len(m.Answers) != 2 {
				t.Errorf("answer %d by TLS: ID %d, %d records, want that ID, two records", i, m.ID, len(m.Answers))
			}
		}
		if n := s.Count(Match{Transport: TLS, Server: tlsAddr}); n != 5 {
			t.Errorf("%d queries counted, want 5: %+v", n, s.Queries(Match{}))
		}
		s.SetFault(Match{Transport: TLS}, Fault{Drop: true, Reset: true})
		if _, err := c.Write(framed(query(t, 9, www, dnsmessage.TypeA, 0))); err != nil {
			t.Fatalf("c.Write: %v", err)
		}
		if _, err := c.Read(make([]byte, 9)); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("read after the fault Reset: %v, want a reset", err)
		}
	})
}

// A client that does not trust the server's certificate cannot connect.
func TestTLSUntrusted(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{TLS: true})
	if c, err := tls.Dial("tcp", s.TLSAddr(), nil); err == nil {
		c.Close()
		t.Error("a client without the certificate trusts the server, want an error")
	}
	cfg := s.ClientTLS()
	cfg.ServerName = "other.example"
	if c, err := tls.Dial("tcp", s.TLSAddr(), cfg); err == nil {
		c.Close()
		t.Error("the certificate is valid for another name, want an error")
	}
}

// client is an HTTP client for the server.
func client(t *testing.T, s *Server, dial dialFunc, h2 bool) *http.Client {
	t.Helper()
	tr := &http.Transport{TLSClientConfig: s.ClientTLS(), DialContext: dial, ForceAttemptHTTP2: h2}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 30 * time.Second}
}

// post asks by POST.
func post(c *http.Client, url string, q []byte) (*http.Response, []byte, error) {
	res, err := c.Post(url, dohType, bytes.NewReader(q))
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res, b, err
}

func TestHTTPS(t *testing.T) {
	t.Parallel()
	secure(t, func(t *testing.T, s *Server, dial dialFunc, _, url string) {
		q := query(t, 0, www, dnsmessage.TypeA, 0)
		for _, h2 := range []bool{true, false} {
			c := client(t, s, dial, h2)
			res, b, err := post(c, url, q)
			if err != nil {
				t.Fatalf("post: %v", err)
			}
			if m := unpack(t, b); len(m.Answers) != 2 || res.Header.Get("Content-Type") != dohType ||
				res.Header.Get("Cache-Control") != "max-age=300" || (res.ProtoMajor == 2) != h2 {
				t.Errorf("POST, HTTP/2 %v: %d records, %s, %v, want two, and a max-age", h2, len(m.Answers), res.Proto, res.Header)
			}
			res, err = c.Get(url + "?dns=" + base64.RawURLEncoding.EncodeToString(q))
			if err != nil {
				t.Fatalf("c.Get: %v", err)
			}
			b, err = io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || len(unpack(t, b).Answers) != 2 {
				t.Errorf("GET, HTTP/2 %v: %x, %v, want the same answer as by POST", h2, b, err)
			}
		}
		if n := s.Count(Match{Name: www, Transport: HTTPS}); n != 4 {
			t.Errorf("%d queries counted, want 4", n)
		}
	})
}

func TestHTTPSFaults(t *testing.T) {
	t.Parallel()
	secure(t, func(t *testing.T, s *Server, dial dialFunc, _, url string) {
		q := query(t, 0, www, dnsmessage.TypeA, 0)
		c := client(t, s, dial, true)
		for name, f := range map[string]Fault{
			"hang up": {Hangup: true}, "reset": {Reset: true}, "half": {Half: true}, "drop and hang up": {Drop: true, Hangup: true},
		} {
			s.SetFault(Match{}, f)
			if res, b, err := post(c, url, q); err == nil {
				t.Errorf("%s: %v, %x", name, res.Status, b)
			}
		}
		s.SetFault(Match{}, Fault{Drop: true, Status: 503})
		if res, b, err := post(c, url, q); err != nil || res.StatusCode != 503 || len(b) != 0 {
			t.Errorf("fault with status 503: %v, %x, %v, want that status", res, b, err)
		}
		s.SetFault(Match{}, Fault{Delay: time.Millisecond, TTL: new(uint32(7))})
		if res, _, err := post(c, url, q); err != nil || res.Header.Get("Cache-Control") != "max-age=7" {
			t.Errorf("TTL 7: %v, %v, want max-age=7", res, err)
		}
		for _, f := range []Fault{{Drop: true}, {Delay: time.Hour}} {
			s.SetFault(Match{}, f)
			ctx, cancel := context.WithCancel(t.Context())
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(q))
			if err != nil {
				t.Fatalf("http.NewRequestWithContext: %v", err)
			}
			req.Header.Set("Content-Type", dohType)
			stop := time.AfterFunc(20*time.Millisecond, cancel)
			if _, err := c.Do(req); !errors.Is(err, context.Canceled) {
				t.Errorf("%+v: %v, want an error", f, err)
			}
			stop.Stop()
			cancel()
		}
	})
}

func TestHTTPSRequests(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{HTTPS: true})
	c := client(t, s, nil, true)
	for name, tt := range map[string]struct {
		method, url, contentType string
		body                     []byte
		status                   int
	}{
		"another path":  {"GET", "https://" + s.HTTPSAddr() + "/", "", nil, 404},
		"no query":      {"GET", s.URL(), "", nil, 400},
		"no base64":     {"GET", s.URL() + "?dns=*", "", nil, 400},
		"no DNS":        {"POST", s.URL(), dohType, []byte("hello"), 400},
		"another type":  {"POST", s.URL(), "text/plain", []byte("hello"), 415},
		"too long":      {"POST", s.URL(), dohType, make([]byte, maxMessage+1), 413},
		"another verb":  {"PUT", s.URL(), dohType, nil, 405},
		"a good answer": {"POST", s.URL(), dohType, query(t, 0, "x.", 1, 0), 200},
	} {
		req, err := http.NewRequest(tt.method, tt.url, bytes.NewReader(tt.body))
		if err != nil {
			t.Fatalf("http.NewRequest: %v", err)
		}
		req.Header.Set("Content-Type", tt.contentType)
		res, err := c.Do(req)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		res.Body.Close()
		if res.StatusCode != tt.status {
			t.Errorf("%s: %s, want %d", name, res.Status, tt.status)
		}
	}
}
