package httpx_test

import (
	"bufio"
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
	"goaio.example/aio/httpx"
	"goaio.example/aio/tcp"
)

const upgrade = "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"

// echoUpgraded upgrades requests and sends back what comes then.
func echoUpgraded(t *testing.T) func(r *httpx.Request) {
	return func(r *httpx.Request) {
		c, err := r.Upgrade(http.Header{"X-A": {"b"}})
		if err != nil {
			if !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("r.Upgrade: %v", err)
			}
			r.RespondString(400, "no upgrade")
			return
		}
		c.SetHandler(tcp.Handler{Data: func(c *tcp.Conn, data []byte) { c.Send(data) }})
	}
}

// TestUpgrade checks that a connection changes hands with what was sent on it
// already, over TLS too.
func TestUpgrade(t *testing.T) {
	for _, cfg := range []*tls.Config{nil, serverTLS(t)} {
		serve(t, &httpx.Server{Handle: echoUpgraded(t), TLS: cfg}, func(addr string) {
			c := dialRaw(t, addr)
			if cfg != nil {
				tc := tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
				c.Conn, c.Reader = tc, bufio.NewReader(tc)
			}
			defer c.Close()
			early := strings.Repeat("early GET / HTTP/1.1\n", 1000)
			c.say(upgrade + early)
			resp, err := http.ReadResponse(c.Reader, nil)
			if err != nil || resp.StatusCode != 101 || resp.Header.Get("Upgrade") != "echo" || resp.Header.Get("X-A") != "b" {
				t.Fatalf("got %+v, %v", resp, err)
			}
			c.say("late")
			got := make([]byte, len(early)+4)
			if _, err := io.ReadFull(c.Reader, got); err != nil || string(got) != early+"late" {
				t.Errorf("got %d bytes ending in %.20q, %v", len(got), got[len(got)-20:], err)
			}
		})
	}
}

// TestNoUpgrade checks that a request without an offer can still be answered,
// and that an offer which is not taken up keeps its connection, on which the
// next request is parsed as any other.
func TestNoUpgrade(t *testing.T) {
	serve(t, &httpx.Server{Handle: echoUpgraded(t)}, func(addr string) {
		c := dialRaw(t, addr)
		defer c.Close()
		c.say(ok)
		if resp, _ := c.response("GET"); resp.StatusCode != 400 {
			t.Errorf("got %d", resp.StatusCode)
		}
	})
	serve(t, &httpx.Server{Handle: answers}, func(addr string) {
		c := dialRaw(t, addr)
		defer c.Close()
		c.say(upgrade)
		if resp, _ := c.response("GET"); resp.StatusCode != 200 || resp.Close {
			t.Errorf("got %d, close %v", resp.StatusCode, resp.Close)
		}
		c.say(post("Content-Length: 4", "Transfer-Encoding: chunked", "", "0\r\n\r\n"))
		if resp, _ := c.response("GET"); resp.StatusCode != 400 || !resp.Close {
			t.Errorf("got %d, close %v", resp.StatusCode, resp.Close)
		}
		c.closed()
	})
}

// TestConnect checks that CONNECT makes a tunnel.
func TestConnect(t *testing.T) {
	serve(t, &httpx.Server{Handle: echoUpgraded(t)}, func(addr string) {
		c := dialRaw(t, addr)
		defer c.Close()
		c.say("CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\nping")
		resp, err := http.ReadResponse(c.Reader, &http.Request{Method: "CONNECT"})
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("got %+v, %v", resp, err)
		}
		got := make([]byte, 4)
		if _, err := io.ReadFull(c.Reader, got); err != nil || string(got) != "ping" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

// TestHijack checks that an http.Handler can take its connection over, as
// websocket packages do, that it stays an operation of the loop, and that the
// handler learns of the drain.
func TestHijack(t *testing.T) {
	hijacked := make(chan struct{})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, b, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Errorf("Hijack: %v", err)
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
		line, err := b.ReadString('\n')
		if err != nil {
			t.Errorf("b.ReadString: %v", err)
		}
		io.WriteString(c, line)
		close(hijacked)
		<-aio.Draining(r.Context())
		io.WriteString(c, "bye")
	})
	l := new(aio.Loop)
	aiotest.RunLoop(t, l, func(ctx context.Context) error {
		s, err := httpx.ServeHandler(ctx, "127.0.0.1:0", h)
		if err != nil {
			return err
		}
		c, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			return err
		}
		defer c.Close()
		io.WriteString(c, upgrade+"hello\n")
		<-hijacked
		if n := l.Stats().IncomingConns; n != 1 {
			t.Errorf("%d connections", n)
		}
		l.Exit(nil)
		got, err := io.ReadAll(c)
		if !strings.HasSuffix(string(got), "\r\n\r\nhello\nbye") || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		return nil
	})
}

// TestSwitchingProtocols checks that an http.Handler can answer with 101 before
// it takes the connection over, as some websocket packages do, also while the
// server drains: the header is sent as it is.
func TestSwitchingProtocols(t *testing.T) {
	l := new(aio.Loop)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.Exit(nil)
		<-aio.Draining(r.Context())
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "echo")
		w.WriteHeader(http.StatusSwitchingProtocols)
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Errorf("Hijack: %v", err)
			return
		}
		defer c.Close()
		io.WriteString(c, "hello")
	})
	serveLoop(t, l, &httpx.Server{Handler: h}, func(addr string) {
		c := dialRaw(t, addr)
		defer c.Close()
		c.say(upgrade)
		resp, err := http.ReadResponse(c.Reader, nil)
		if err != nil || resp.StatusCode != 101 || resp.Header.Get("Connection") != "Upgrade" || resp.Header.Get("Upgrade") != "echo" {
			t.Fatalf("got %+v, %v", resp, err)
		}
		if rest, err := io.ReadAll(c.Reader); string(rest) != "hello" || err != nil {
			t.Errorf("got %q, %v", rest, err)
		}
	})
}
