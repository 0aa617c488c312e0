package httpx_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"goaio.example/aio/httpx"
)

// TestUpgradeRefused checks that Upgrade is for requests that ask for one as
// they must, and that others can still be answered.
func TestUpgradeRefused(t *testing.T) {
	for _, text := range []string{
		head("A: b"),
		head("Upgrade: x"),
		head("Connection: keep-alive", "Upgrade: x"),
		head("Connection: xupgrade", "Upgrade: x"),
		head("Connection: upgraded", "Upgrade: x"),
		head("Connection: \"upgrade\"", "Upgrade: x"),
		head("X-Connection: upgrade", "Upgrade: x"),
		head("Connection: upgrade"),
		head("Connection: upgrade", "Upgrade:"),
		head("Connection: upgrade", "Upgrade: \t "),
		head("Connection: upgrade", "Upgrade: ,"),
		head("Connection: upgrade", "Upgrade: , ,", "Upgrade:"),
		head("Connection: upgrade", "X-Upgrade: x"),
		"GET / HTTP/1.0\r\nConnection: upgrade, keep-alive\r\nUpgrade: x\r\n\r\n",
		"GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
	} {
		s := &httpx.Server{Handle: func(r *httpx.Request) {
			if c, err := r.Upgrade(nil); !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("%q: %v", text, err)
				c.Close()
			}
			r.RespondString(426, "no")
		}}
		inH1Dial(t, s, func(t *testing.T, dial func() raw) {
			c := dial()
			defer c.Close()
			for range 2 {
				c.say(text)
				if resp, body := c.response("GET"); resp.StatusCode != 426 || body != "no" {
					t.Errorf("%q: %d %q", text, resp.StatusCode, body)
				}
			}
		})
	}
}

// TestUpgradeSays checks what is said on the wire to a request that is
// upgraded.
func TestUpgradeSays(t *testing.T) {
	for _, c := range []struct {
		text   string
		header http.Header
		want   []string // and no other line but a Date
	}{
		{head("Connection: upgrade", "Upgrade: x"), nil, []string{"HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: x"}},
		{head("Connection: keep-alive, Upgrade", "Upgrade: x/2, y"), nil, []string{"HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: x/2"}},
		{head("Connection: upgrade", "Upgrade: , y"), nil, []string{"HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: y"}},
		{head("Connection: upgrade", "Upgrade:", "Upgrade: y"), nil, []string{"HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: y"}},
		{
			head("Connection: upgrade", "Upgrade: x, y"),
			http.Header{"Upgrade": {"y"}, "Connection": {"upgrade"}, "X-A": {"b"}, "Content-Length": {"5"}, "Transfer-Encoding": {"chunked"}},
			[]string{"HTTP/1.1 101 Switching Protocols", "Upgrade: y", "X-A: b", "Connection: upgrade"},
		},
		{
			head("Connection: upgrade", "Upgrade: x"),
			http.Header{"upgrade": {"y"}, "connection": {"keep-alive"}},
			[]string{"HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: y", "Connection: keep-alive"},
		},
		{"CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n", http.Header{"Content-Length": {"5"}}, []string{"HTTP/1.1 200 OK"}},
		{"CONNECT h:80 HTTP/1.0\r\nHost: h:80\r\n\r\n", nil, []string{"HTTP/1.0 200 OK"}},
	} {
		s := &httpx.Server{Handle: func(r *httpx.Request) {
			conn, err := r.Upgrade(c.header)
			if err != nil {
				t.Errorf("%q: %v", c.text, err)
				return
			}
			conn.SendString("raw")
			conn.CloseAfterFlush()
		}}
		inH1Dial(t, s, func(t *testing.T, dial func() raw) {
			conn := dial()
			defer conn.Close()
			conn.say(c.text)
			closeWrite(conn)
			all, err := io.ReadAll(conn)
			text, rest, _ := strings.Cut(string(all), "\r\n\r\n")
			var got []string
			for line := range strings.SplitSeq(text, "\r\n") {
				if !strings.HasPrefix(line, "Date: ") {
					got = append(got, line)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) || rest != "raw" || err != nil {
				t.Errorf("%q: %q, then %q, %v; want %q", c.text, got, rest, err, c.want)
			}
		})
	}
}

// TestHintsByVersion checks that informational responses go to clients that
// know of them, and have nothing that is about a body.
func TestHintsByVersion(t *testing.T) {
	s := &httpx.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "4")
		w.Header().Set("Transfer-Encoding", "chunked")
		w.Header().Set("Link", "</a.css>")
		for _, status := range []int{100, 102, 103, 199} {
			w.WriteHeader(status)
		}
		w.Header().Del("Transfer-Encoding")
		io.WriteString(w, "body")
	})}
	for version, hints := range map[string]bool{"1.0": false, "1.1": true, "1.2": true} {
		for _, fields := range []string{"", "Connection: keep-alive\r\n", "Expect: 100-continue\r\n"} {
			inH1Dial(t, s2(s), func(t *testing.T, dial func() raw) {
				c := dial()
				defer c.Close()
				c.say("GET / HTTP/" + version + "\r\nHost: h\r\n" + fields + "\r\n")
				closeWrite(c)
				all, _ := io.ReadAll(c)
				n := strings.Count(string(all), "HTTP/1.")
				if hints && n != 5 || !hints && n != 1 {
					t.Errorf("HTTP/%s with %q: %q", version, fields, all)
				}
				if strings.Count(string(all), "Content-Length") != 1 || strings.Contains(string(all), "Transfer-Encoding") {
					t.Errorf("HTTP/%s: %q", version, all)
				}
			})
		}
	}
}

// s2 returns a server like s that was not started yet.
func s2(s *httpx.Server) *httpx.Server {
	return &httpx.Server{Handle: s.Handle, Handler: s.Handler, HalfOpen: true}
}
