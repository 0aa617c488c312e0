package httpx_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
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
