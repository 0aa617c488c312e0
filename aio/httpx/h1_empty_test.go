package httpx_test

import (
	"io"
	"testing"
	"time"

	"goaio.example/aio/httpx"
)

// TestEmptyLines checks that up to two empty lines behind a POST are dropped,
// in any pieces, and that others are refused.
func TestEmptyLines(t *testing.T) {
	const full = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx"
	for _, c := range []struct {
		first, between string
		want           int
	}{
		{full, "", 200},
		{full, "\r\n", 200},
		{full, "\r\n\r\n", 200},
		{full, "\r\n\r\n\r\n", 400},
		{full, "\n", 400},
		{full, "\r", 400},
		{full, "\r\r\n", 400},
		{full, "\r\n\n", 400},
		{full, "\r\n ", 400},
		{ok, "\r\n", 400},
		{ok, "\r", 400},
	} {
		for size := 1; size <= len(c.between)+len(ok); size++ {
			inH1Dial(t, &httpx.Server{Handle: answers}, func(t *testing.T, dial func() raw) {
				c1 := dial()
				defer c1.Close()
				c1.say(c.first)
				c1.response("POST")
				for text := c.between + ok; text != ""; {
					n := min(size, len(text))
					if _, err := io.WriteString(c1.Conn, text[:n]); err != nil {
						break
					}
					text = text[n:]
				}
				if resp, _ := c1.response("GET"); resp.StatusCode != c.want {
					t.Errorf("%.10q, then %q in pieces of %d: %d, want %d", c.first, c.between, size, resp.StatusCode, c.want)
				}
			})
		}
	}
}

// TestHeaderTimeoutBehindEmptyLine checks that a head which comes slowly is
// ended in time, also behind the beginning of an empty line.
func TestHeaderTimeoutBehindEmptyLine(t *testing.T) {
	for _, between := range []string{"", "\r\n", "\r\n\r", "\r"} {
		inH1Dial(t, &httpx.Server{Handle: answers}, func(t *testing.T, dial func() raw) {
			c := dial()
			defer c.Close()
			c.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
			c.response("POST")
			if between != "" {
				c.say(between)
				time.Sleep(time.Second)
				if between[len(between)-1] == '\r' {
					c.say("\n")
				}
			}
			if took := drip(c.Conn, "GET / HTTP/1.1\r\nX: "); took > 11*time.Second {
				t.Errorf("behind %q: ended after %v", between, took)
			}
		})
	}
}
