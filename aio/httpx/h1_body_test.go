package httpx_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio/httpx"
)

// TestReadDeadlineInBetween checks that a read deadline that is set while a
// Read of the body waits holds for that Read, and that BodyTimeout still does,
// which HTTP/1 counts from the change on.
func TestReadDeadlineInBetween(t *testing.T) {
	const second = time.Second
	for _, x := range []struct {
		first, then time.Duration // deadlines from the beginning; 0: none
		after       time.Duration
	}{
		{0, second, second},
		{0, 5 * second, 5 * second},
		{3 * second, 2 * second, 2 * second},
		{3 * second, 5 * second, 5 * second},
		{3 * second, 0, 10 * second},
		{3 * second, 20 * second, 10 * second},
	} {
		server := &httpx.Server{BodyTimeout: 10 * second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			begin := time.Now()
			set := func(d time.Duration) {
				by := begin.Add(d)
				if d == 0 {
					by = time.Time{}
				}
				if err := http.NewResponseController(w).SetReadDeadline(by); err != nil {
					t.Errorf("SetReadDeadline: %v", err)
				}
			}
			set(x.first)
			later := time.AfterFunc(second, func() { set(x.then) })
			defer later.Stop()
			_, err := r.Body.Read(make([]byte, 1))
			if d := time.Since(begin); !errors.Is(err, os.ErrDeadlineExceeded) || d < x.after || d > x.after+second {
				t.Errorf("%s, deadlines of %v and then %v: Read returned %v after %v, want a timeout after %v", r.Proto, x.first, x.then, err, d, x.after)
			}
		})}
		inH1Dial(t, server, func(t *testing.T, dial func() raw) {
			c := dial()
			defer c.Close()
			c.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n")
			c.response("POST")
		})
		server = &httpx.Server{BodyTimeout: server.BodyTimeout, Handler: server.Handler}
		inH2(t, server, func(c h2raw) {
			c.request(1, "POST", 0, 0, false)
			c.answer()
		})
	}
}

// TestClosedBodyIsTaken checks that the rest of a body that the handler has
// closed is received while the handler goes on: a client may send all of it
// before it does what the handler waits for.
func TestClosedBodyIsTaken(t *testing.T) {
	const size = 4 << 20
	for _, reads := range []int{0, 1, 100 << 10} {
		var sent chan bool
		inH1Dial(t, &httpx.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second) // reading is paused meanwhile
			if _, err := io.CopyN(io.Discard, r.Body, int64(reads)); err != nil {
				t.Errorf("reading %d bytes: %v", reads, err)
			}
			r.Body.Close()
			select {
			case <-sent:
			case <-time.After(time.Minute):
				t.Errorf("%d bytes read: the rest of the body is not received", reads)
			}
		})}, func(t *testing.T, dial func() raw) {
			sent = make(chan bool)
			c := dial()
			defer c.Close()
			c.say("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n400000\r\n" + strings.Repeat("x", size) + "\r\n0\r\n\r\n")
			close(sent)
			if resp, _ := c.response("POST"); resp.StatusCode != 200 {
				t.Errorf("status %d, want 200", resp.StatusCode)
			}
		})
	}
}

// TestSkipLimit checks how much of an unread body is dropped to keep the
// connection.
func TestSkipLimit(t *testing.T) {
	const bound = 256 << 10
	for _, x := range []struct {
		size int
		kept bool
	}{{bound - 1, true}, {bound, true}, {bound + 1, false}} {
		inH1Dial(t, &httpx.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}, func(t *testing.T, dial func() raw) {
			c := dial()
			defer c.Close()
			c.say(fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", x.size))
			if resp, _ := c.response("POST"); resp.Close == x.kept {
				t.Errorf("%d bytes: Connection: close is %v, want %v", x.size, resp.Close, !x.kept)
			}
			if !x.kept {
				return
			}
			c.say(strings.Repeat("x", x.size) + getOf("/"))
			if resp, _ := c.response("GET"); resp.StatusCode != 200 {
				t.Errorf("%d bytes: the next request gets %d, want 200", x.size, resp.StatusCode)
			}
		})
	}
}

// TestUnreadBodyBounded checks how much of a body is received that the handler
// does not read, and that all of it is when it is read.
func TestUnreadBodyBounded(t *testing.T) {
	const size, bound = 4 << 20, 64 << 10
	for _, framing := range []string{fmt.Sprintf("Content-Length: %d\r\n\r\n", size), fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n", size)} {
		var reads chan bool
		inH1Dial(t, &httpx.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			<-reads
			if n, err := io.CopyN(io.Discard, r.Body, size); err != nil {
				t.Errorf("%q: the handler reads %d bytes, %v", framing, n, err)
			}
		})}, func(t *testing.T, dial func() raw) {
			reads = make(chan bool)
			c := dial()
			defer c.Close()
			c.say("POST / HTTP/1.1\r\nHost: h\r\n" + framing)
			var sent atomic.Int64
			go func() {
				for range size / 1024 {
					if _, err := io.WriteString(c.Conn, strings.Repeat("x", 1024)); err != nil {
						t.Errorf("%q: sending the body: %v", framing, err)
						return
					}
					sent.Add(1024)
				}
				io.WriteString(c.Conn, "\r\n0\r\n\r\n")
			}()
			synctest.Wait()
			// in memory a connection takes as much, and the server's buffer
			if n := sent.Load(); n < bound || n > 8*bound {
				t.Errorf("%q: %d bytes are taken before the handler reads, want about %d", framing, n, bound)
			}
			close(reads)
			if resp, _ := c.response("POST"); resp.StatusCode != 200 {
				t.Errorf("%q: status %d, want 200", framing, resp.StatusCode)
			}
		})
	}
}
