package httpx_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// silent is a script that says nothing until the other side has closed.
func silent(_ int, _ net.Conn, r *bufio.Reader) { io.Copy(io.Discard, r) }

// drips sends a byte each interval.
func drips(text string, every time.Duration) func(int, net.Conn, *bufio.Reader) {
	return func(_ int, c net.Conn, _ *bufio.Reader) {
		for _, b := range []byte(text) {
			if _, err := c.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(every)
		}
	}
}

// TestTimeouts checks that each phase of a request is bounded, by default and
// by Timeouts, and says so.
func TestTimeouts(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
	for name, x := range map[string]struct {
		script   func(int, net.Conn, *bufio.Reader)
		url      string
		body     []byte
		timeouts httpx.Timeouts
		after    time.Duration
		phase    httpx.Phase
	}{
		"dial":                {url: "http://hole", after: 30 * time.Second, phase: httpx.PhaseDial},
		"dial, set":           {url: "http://hole", timeouts: httpx.Timeouts{Dial: time.Second}, after: time.Second, phase: httpx.PhaseDial},
		"dial, total":         {url: "http://hole", timeouts: httpx.Timeouts{Total: time.Second}, after: time.Second, phase: httpx.PhaseDial},
		"TLS":                 {url: "https://quiet", after: 10 * time.Second, phase: httpx.PhaseTLS},
		"TLS, set":            {url: "https://quiet", timeouts: httpx.Timeouts{TLS: time.Second}, after: time.Second, phase: httpx.PhaseTLS},
		"send":                {body: make([]byte, 1<<20), after: 30 * time.Second, phase: httpx.PhaseSend},
		"send, set":           {body: make([]byte, 1<<20), timeouts: httpx.Timeouts{Send: time.Second}, after: time.Second, phase: httpx.PhaseSend},
		"header":              {script: silent, after: 30 * time.Second, phase: httpx.PhaseHeader},
		"header, set":         {script: silent, timeouts: httpx.Timeouts{Header: time.Second}, after: time.Second, phase: httpx.PhaseHeader},
		"header drips":        {script: drips(head, 20*time.Second), after: 30 * time.Second, phase: httpx.PhaseHeader},
		"header, total":       {script: silent, timeouts: httpx.Timeouts{Total: time.Second}, after: time.Second, phase: httpx.PhaseHeader},
		"body":                {script: drips(head, 0), after: 30 * time.Second, phase: httpx.PhaseBody},
		"body, set":           {script: drips(head, 0), timeouts: httpx.Timeouts{Body: time.Second}, after: time.Second, phase: httpx.PhaseBody},
		"body drips too slow": {script: drips(head+"12345", 0), after: 30 * time.Second, phase: httpx.PhaseBody},
		"body drips, total":   {script: drips(head+"12345", 10*time.Minute), timeouts: httpx.Timeouts{Total: time.Hour, Body: -1, Header: -1}, after: time.Hour, phase: httpx.PhaseHeader},
	} {
		t.Run(name, func(t *testing.T) {
			fn := func(n int, c net.Conn, r *bufio.Reader) {
				if x.script != nil {
					x.script(n, c, r)
				}
				if x.body == nil {
					silent(n, c, r)
				} else {
					time.Sleep(24 * time.Hour) // and reads nothing
				}
			}
			bubbleScript(t, fn, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
				n.BlackHole("hole:80")
				quiet, err := n.Listen("quiet:443")
				if err != nil {
					return err
				}
				defer quiet.Close()
				c := inMemory(&httpx.Client{Timeouts: x.timeouts}, n)
				begin := time.Now()
				if x.url == "" {
					x.url = "http://origin"
				}
				var r io.Reader
				if x.body != nil {
					r = bytes.NewReader(x.body)
				}
				_, err = c.Do(ctx, request(t, "PUT", x.url, r)).Await(ctx)
				failsWith(t, err, x.phase, aio.ErrTimeout)
				if d := time.Since(begin); d != x.after {
					t.Errorf("it took %v, not %v: %v", d, x.after, err)
				}
				return nil
			})
		})
	}
}

// TestSlowDripIsProgress checks that a body may take long as long as it comes.
func TestSlowDripIsProgress(t *testing.T) {
	text := "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	bubbleScript(t, func(n int, c net.Conn, r *bufio.Reader) {
		io.WriteString(c, text[:len(text)-5])
		drips("hello", 29*time.Second)(n, c, r)
	}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
		r, err := inMemory(new(httpx.Client), n).Get(ctx, "http://origin").Await(ctx)
		wantBody(t, r, err, 200, "hello")
		return nil
	})
}

// TestContextTimeouts checks that the end of the request's own context, and of
// the operation's, ends the request.
func TestContextTimeouts(t *testing.T) {
	bubbleScript(t, silent, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
		c := inMemory(new(httpx.Client), n)
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := c.Get(short, "http://origin").Await(ctx)
		failsWith(t, err, httpx.PhaseHeader, context.DeadlineExceeded)
		failsWith(t, err, httpx.PhaseHeader, aio.ErrTimeout)
		short, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = c.Do(ctx, request(t, "GET", "http://origin", nil).WithContext(short)).Await(ctx)
		failsWith(t, err, httpx.PhaseHeader, context.DeadlineExceeded)
		return nil
	})
}

// TestDialEndsWithItsRequest checks that a dial for which no request waits does
// not hold the loop open.
func TestDialEndsWithItsRequest(t *testing.T) {
	bubbleScript(t, silent, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
		n.BlackHole("hole:80")
		c := inMemory(&httpx.Client{Timeouts: httpx.Timeouts{Dial: -1}}, n)
		f := c.Get(ctx, "http://hole")
		synctest.Wait()
		if k := aio.LoopOf(ctx).Stats().Kinds["tcp.dial"]; k != 1 {
			t.Errorf("%d dials", k)
		}
		f.Cancel(context.Canceled)
		_, err := f.Await(ctx)
		failsWith(t, err, httpx.PhaseDial, context.Canceled)
		synctest.Wait()
		if k := aio.LoopOf(ctx).Stats().Kinds["tcp.dial"]; k != 0 {
			t.Errorf("%d dials after the request", k)
		}
		return nil
	})
}
