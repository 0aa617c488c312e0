package httpx_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"goaio.example/aio/httpx"
)

// TestPipelined checks that requests that are sent together, in pieces of any
// size, are answered in their order, each once.
func TestPipelined(t *testing.T) {
	const rounds, depth = 30, 16
	for name, s := range map[string]*httpx.Server{
		"Handle": {Handle: answers},
		"Handler": {Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Errorf("reading the body: %v", err)
			}
			fmt.Fprintf(w, "%s %s\n%s", r.Method, r.RequestURI, body)
		})},
	} {
		t.Run(name, func(t *testing.T) {
			serve(t, s, func(addr string) {
				var all sync.WaitGroup
				for id := range 8 {
					all.Go(func() { sendPipelined(t, addr, id, rounds, depth) })
				}
				all.Wait()
			})
		})
	}
}

// sendPipelined sends rounds of depth requests, and reads their answers.
func sendPipelined(t *testing.T, addr string, id, rounds, depth int) {
	c := dialRaw(t, addr)
	defer c.Close()
	field := "X: " + strings.Repeat("x", 500) + "\r\n"
	for round := range rounds {
		var text strings.Builder
		for i := range depth {
			path := fmt.Sprintf("/%d/%d/%d", id, round, i)
			switch i % 3 {
			case 0:
				fmt.Fprintf(&text, "GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n", path, field)
			case 1:
				fmt.Fprintf(&text, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n%s\r\nhello", path, field)
			case 2:
				fmt.Fprintf(&text, "POST %s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n%s\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", path, field)
			}
		}
		for all := text.String(); all != ""; {
			n := len(all)
			if round%2 == 1 {
				n = min(1+rand.IntN(4000), n)
			}
			c.say(all[:n])
			all = all[n:]
		}
		for i := range depth {
			want := fmt.Sprintf("%s /%d/%d/%d\n", [...]string{"GET", "POST", "POST"}[i%3], id, round, i)
			if i%3 > 0 {
				want += "hello"
			}
			resp, body := c.response("GET")
			if resp.StatusCode != 200 || body != want {
				t.Errorf("got %d %q, want %q", resp.StatusCode, body, want)
				return
			}
		}
	}
}
