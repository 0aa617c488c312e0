package httpx_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// TestProbedBody checks how a GET is sent whose body's length is not known, as
// with net/http: it has a body only if there is something in that, and is sent
// after 200 ms if that is not known by then.
func TestProbedBody(t *testing.T) {
	why := errors.New("why")
	for name, x := range map[string]struct {
		after   time.Duration // when the body comes
		text    string
		err     error // that ends it
		early   bool  // the server answers at once
		at      time.Duration
		framing string
	}{
		"empty":                {after: 100 * time.Millisecond, err: io.EOF, at: 100 * time.Millisecond, framing: "[] "},
		"a body":               {after: 100 * time.Millisecond, text: "hello", err: io.EOF, at: 100 * time.Millisecond, framing: "[chunked] hello"},
		"a late body":          {after: time.Second, text: "hello", err: io.EOF, at: 200 * time.Millisecond, framing: "[chunked] hello"},
		"late and empty":       {after: time.Second, err: io.EOF, at: 200 * time.Millisecond, framing: "[chunked] "},
		"late, and fails":      {after: time.Second, err: why},
		"fails":                {after: 100 * time.Millisecond, err: why},
		"late, answered early": {after: time.Minute, err: io.EOF, early: true, at: 200 * time.Millisecond, framing: "[chunked]"},
	} {
		for by, ours := range map[string]bool{"net/http": false, "httpx": true} {
			t.Run(name+"/"+by, func(t *testing.T) {
				var begin time.Time
				var at time.Duration
				bubbleRequests(t, func(_ int, c net.Conn, r *bufio.Reader, req *http.Request) {
					at = time.Since(begin)
					text := fmt.Sprint(req.TransferEncoding)
					if !x.early {
						body, _ := io.ReadAll(req.Body)
						text += " " + string(body)
					}
					answerPath(c, text)
					io.Copy(io.Discard, r)
				}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
					std := &http.Transport{DialContext: n.DialContext}
					defer std.CloseIdleConnections()
					var rt http.RoundTripper = std
					if ours {
						rt = inMemory(new(httpx.Client), n)
					}
					body, w := io.Pipe()
					defer time.Sleep(x.after) // for what is left behind
					go func() {
						time.Sleep(x.after)
						if x.text != "" {
							io.WriteString(w, x.text)
						}
						w.CloseWithError(x.err)
					}()
					begin = time.Now()
					resp, err := rt.RoundTrip(request(t, "GET", "http://origin/", body).WithContext(ctx))
					if x.framing == "" {
						if !errors.Is(err, why) {
							t.Errorf("got %v, %v", resp, err)
						}
						return nil
					}
					if err != nil {
						return err
					}
					got, err := io.ReadAll(resp.Body)
					if err != nil || string(got) != x.framing || at != x.at {
						t.Errorf("after %v: got %q, %v; want %q", at, got, err, x.framing)
					}
					return resp.Body.Close()
				})
			})
		}
	}
}

// TestProbedBodyAnsweredWithin checks that a connection is not used for another
// request when a response is complete and only the beginning of a body was sent
// whose length is not known.
func TestProbedBodyAnsweredWithin(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		var conns atomic.Int32
		bubbleScript(t, func(n int, c net.Conn, r *bufio.Reader) {
			conns.Store(int32(n))
			for line := ""; n == 1 && line != "hello\r\n"; {
				line, _ = r.ReadString('\n')
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
			if rest, _ := io.ReadAll(r); strings.Contains(string(rest), "/next") {
				t.Errorf("%s: the next request is sent within the body: %q", method, rest)
			}
		}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
			c := inMemory(&httpx.Client{Timeouts: httpx.Timeouts{Header: time.Second}}, n)
			body, w := io.Pipe()
			defer w.Close()
			time.AfterFunc(250*time.Millisecond, func() { io.WriteString(w, "hello") })
			r, err := c.Do(ctx, request(t, method, "http://origin/", body)).Await(ctx)
			wantBody(t, r, err, 200, "hi")
			r, err = c.Get(ctx, "http://origin/next").Await(ctx)
			wantBody(t, r, err, 200, "hi")
			if k := conns.Load(); k != 2 {
				t.Errorf("%s: %d connections, want 2", method, k)
			}
			return nil
		})
	}
}

// TestProbedBodyBadHead checks that a request whose head cannot be sent fails
// when the head is due, although the first Read of its body does not return.
func TestProbedBodyBadHead(t *testing.T) {
	bubbleScript(t, silent, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
		body, w := io.Pipe()
		defer w.Close()
		req := request(t, "GET", "http://origin/", body)
		req.URL.RawQuery = "a\nb"
		begin := time.Now()
		_, err := inMemory(new(httpx.Client), n).Do(ctx, req).Await(ctx)
		if d := time.Since(begin); err == nil || d != 200*time.Millisecond {
			t.Errorf("c.Do: %v after %v, want an error after 200ms", err, d)
		}
		return nil
	})
}
