package httpx_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"goaio.example/aio/httpx"
)

// hostile is what is written on a connection, and the wanted result. Each of
// the statuses is a response; without open the connection must be closed behind
// the last.
type hostile struct {
	name  string
	send  string
	want  []int
	open  bool
	calls int // how often the handler may be called: for the well-formed ones
}

// ok is a request that is answered.
const ok = "GET /ok HTTP/1.1\r\nHost: h\r\n\r\n"

func head(lines ...string) string {
	return "GET / HTTP/1.1\r\nHost: h\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

func post(lines ...string) string {
	return "POST / HTTP/1.1\r\nHost: h\r\n" + strings.Join(lines, "\r\n")
}

func fields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "X-%d: v\r\n", i)
	}
	return b.String()
}

var refused = []int{400}

var hostiles = []hostile{
	{name: "plain", send: ok, want: []int{200}, open: true, calls: 1},
	{name: "pipelined", send: ok + ok + ok, want: []int{200, 200, 200}, open: true, calls: 3},
	{name: "empty line before", send: "\r\n" + ok, want: refused},
	{name: "HTTP/1.0", send: "GET / HTTP/1.0\r\n\r\n", want: []int{200}, calls: 1},
	{name: "HTTP/1.0 keep-alive", send: "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", want: []int{200}, open: true, calls: 1},

	{name: "CL and TE", send: post("Content-Length: 4", "Transfer-Encoding: chunked", "", "0\r\n\r\n"), want: refused},
	{name: "TE and CL", send: post("Transfer-Encoding: chunked", "Content-Length: 4", "", "0\r\n\r\n"), want: refused},
	{name: "two CLs", send: post("Content-Length: 4", "Content-Length: 5", "", "abcde"), want: refused},
	{name: "two equal CLs", send: post("Content-Length: 4", "Content-Length: 4", "", "abcd"), want: refused},
	{name: "CL list", send: post("Content-Length: 4, 4", "", "abcd"), want: refused},
	{name: "CL sign", send: post("Content-Length: +4", "", "abcd"), want: refused},
	{name: "CL negative", send: post("Content-Length: -1", "", ""), want: refused},
	{name: "CL hex", send: post("Content-Length: 0x4", "", "abcd"), want: refused},
	{name: "CL empty", send: post("Content-Length:", "", ""), want: refused},
	{name: "CL huge", send: post("Content-Length: 99999999999999999999", "", ""), want: refused},
	{name: "TE on 1.0", send: "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", want: refused},
	{name: "repeated TE", send: post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", "", "0\r\n\r\n"), want: refused},
	{name: "TE identity", send: post("Transfer-Encoding: identity", "", "0\r\n\r\n"), want: []int{501}},
	{name: "TE list", send: post("Transfer-Encoding: chunked, identity", "", "0\r\n\r\n"), want: []int{501}},
	{name: "TE xchunked", send: post("Transfer-Encoding: xchunked", "", "0\r\n\r\n"), want: []int{501}},
	{name: "TE vertical tab", send: post("Transfer-Encoding: \x0bchunked", "", "0\r\n\r\n"), want: refused},
	{name: "TE space before colon", send: post("Transfer-Encoding : chunked", "", "0\r\n\r\n"), want: refused},
	{name: "TE case", send: post("Transfer-Encoding: Chunked", "", "0\r\n\r\n"), want: []int{200}, open: true, calls: 1},

	{name: "obs-fold", send: head("A: b", " c"), want: refused},
	{name: "obs-fold tab", send: head("A: b", "\tc"), want: refused},
	{name: "fold first", send: "GET / HTTP/1.1\r\n Host: h\r\n\r\n", want: refused},
	{name: "bare LF in the request line", send: "GET / HTTP/1.1\nHost: h\r\n\r\n", want: refused},
	{name: "bare LF in the header", send: "GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n", want: refused},
	{name: "bare LF at the end", send: "GET / HTTP/1.1\r\nHost: h\r\n\n", want: refused},
	{name: "bare CR", send: head("A: b\rc"), want: refused},
	{name: "space before colon", send: head("A : b"), want: refused},
	{name: "no colon", send: head("A"), want: refused},
	{name: "no name", send: head(": b"), want: refused},
	{name: "NUL in a value", send: head("A: b\x00c"), want: refused},
	{name: "NUL in a name", send: head("A\x00: b"), want: refused},
	{name: "control byte", send: head("A: b\x01"), want: refused},
	{name: "DEL", send: head("A: b\x7f"), want: refused},
	{name: "umlaut in a name", send: head("\xc3\xa4: b"), want: refused},

	{name: "no Host", send: "GET / HTTP/1.1\r\n\r\n", want: refused},
	{name: "two Hosts", send: head("Host: other"), want: refused},
	{name: "bad Host", send: "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", want: refused},
	{name: "Host with user", send: "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", want: refused},
	{name: "empty Host", send: "GET / HTTP/1.1\r\nHost:\r\n\r\n", want: []int{200}, open: true, calls: 1},

	{name: "100 fields", send: "GET / HTTP/1.1\r\nHost: h\r\n" + fields(99) + "\r\n", want: []int{200}, open: true, calls: 1},
	{name: "101 fields", send: "GET / HTTP/1.1\r\nHost: h\r\n" + fields(100) + "\r\n", want: []int{431}},
	{name: "2,000 fields", send: "GET / HTTP/1.1\r\nHost: h\r\n" + fields(2000) + "\r\n", want: []int{431}},
	{name: "64 KiB header", send: head("A: " + strings.Repeat("a", 64<<10)), want: []int{431}},
	{name: "64 KiB target", send: "GET /" + strings.Repeat("a", 64<<10) + " HTTP/1.1\r\nHost: h\r\n\r\n", want: []int{431}},

	{name: "no version", send: "GET /\r\nHost: h\r\n\r\n", want: refused},
	{name: "two spaces", send: "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", want: refused},
	{name: "space in the target", send: "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", want: refused},
	{name: "tab in the target", send: "GET /a\tb HTTP/1.1\r\nHost: h\r\n\r\n", want: refused},
	{name: "bad method", send: "G@T / HTTP/1.1\r\nHost: h\r\n\r\n", want: refused},
	{name: "version 2.0", send: "GET / HTTP/2.0\r\nHost: h\r\n\r\n", want: []int{505}},
	{name: "version 1.10", send: "GET / HTTP/1.10\r\nHost: h\r\n\r\n", want: refused},
	{name: "lower case version", send: "GET / http/1.1\r\nHost: h\r\n\r\n", want: refused},
	{name: "HTTP/2 preface", send: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", want: refused},
	{name: "garbage", send: "\x16\x03\x01\x02\x00\x01\r\n\r\n", want: refused},
	{name: "absolute form", send: "GET http://h/x HTTP/1.1\r\nHost: h\r\n\r\n", want: []int{200}, open: true, calls: 1},
	{name: "absolute form of something else", send: "GET ftp://h/x HTTP/1.1\r\nHost: h\r\n\r\n", want: refused},
	{name: "authority form", send: "GET h:80 HTTP/1.1\r\nHost: h\r\n\r\n", want: refused},
	{name: "authority form of CONNECT", send: "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n", want: []int{200}, calls: 1},
	{name: "asterisk form", send: "GET * HTTP/1.1\r\nHost: h\r\n\r\n", want: refused},
	{name: "OPTIONS *", send: "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", want: []int{200}, open: true, calls: 1},
	{name: "unknown Expect", send: post("Content-Length: 1", "Expect: magic", "", "x"), want: []int{417}},

	{name: "chunked", send: post("Transfer-Encoding: chunked", "", "3\r\nabc\r\n0\r\n\r\n"), want: []int{200}, open: true, calls: 1},
	{name: "chunk extension", send: post("Transfer-Encoding: chunked", "", "3;a=b\r\nabc\r\n0\r\n\r\n"), want: []int{200}, open: true, calls: 1},
	{name: "trailer", send: post("Transfer-Encoding: chunked", "", "0\r\nA: b\r\n\r\n") + ok, want: []int{200, 200}, open: true, calls: 2},
	{name: "long chunk extension", send: post("Transfer-Encoding: chunked", "", "3;"+strings.Repeat("a", 4096)+"\r\nabc\r\n0\r\n\r\n"), want: refused},
	{name: "chunk extension with bare LF", send: post("Transfer-Encoding: chunked", "", "3;a\nabc\r\n0\r\n\r\n"), want: refused},
	{name: "overlong chunk size", send: post("Transfer-Encoding: chunked", "", "0000000000000000003\r\nabc\r\n0\r\n\r\n"), want: refused},
	{name: "chunk size overflow", send: post("Transfer-Encoding: chunked", "", "fffffffffffffffff\r\nabc"), want: refused},
	{name: "chunk size 0x", send: post("Transfer-Encoding: chunked", "", "0x3\r\nabc\r\n0\r\n\r\n"), want: refused},
	{name: "chunk size with space", send: post("Transfer-Encoding: chunked", "", " 3\r\nabc\r\n0\r\n\r\n"), want: refused},
	{name: "chunk without end", send: post("Transfer-Encoding: chunked", "", "3\r\nabcd\r\n0\r\n\r\n"), want: refused},
	{name: "chunk ended by bare LF", send: post("Transfer-Encoding: chunked", "", "3\r\nabc\n0\r\n\r\n"), want: refused},
	{name: "bad trailer", send: post("Transfer-Encoding: chunked", "", "0\r\nA : b\r\n\r\n"), want: refused},
	{name: "big body", send: post("Content-Length: 2000000", "", ""), want: []int{413}},

	{name: "good, then bad", send: ok + "GET / HTTP/1.1\nHost: h\r\n\r\n", want: []int{200, 400}, calls: 1},
	{name: "good, then garbage", send: ok + "\x00\x01\x02 garbage\r\n\r\n" + ok, want: []int{200, 400}, calls: 1},
	{name: "smuggled behind a short body", send: post("Content-Length: 3", "", "abcGET /smuggled HTTP/1.1\r\nHost : h\r\n\r\n"), want: []int{200, 400}, calls: 1},
	{name: "body, then good", send: post("Content-Length: 3", "", "abc") + ok, want: []int{200, 200}, open: true, calls: 2},
}

// check writes the bytes in pieces of n and looks at what comes back.
func (h hostile) check(t *testing.T, addr string, n int) {
	c := dialRaw(t, addr)
	defer c.Close()
	wrote := make(chan struct{})
	go func() { // the server may answer, and close, before it has read all
		defer close(wrote)
		for p := h.send; p != ""; {
			m := min(n, len(p))
			if _, err := io.WriteString(c.Conn, p[:m]); err != nil {
				return
			}
			p = p[m:]
		}
	}()
	for i, want := range h.want {
		resp, err := http.ReadResponse(c.Reader, &http.Request{Method: strings.Fields(h.send + " x")[0]})
		if err != nil {
			t.Fatalf("response %d: %v", i, err)
		}
		if resp.StatusCode != want {
			t.Errorf("response %d: %d, want %d", i, resp.StatusCode, want)
		}
		if resp.StatusCode/100 == 2 && !strings.HasPrefix(h.send, "CONNECT") {
			io.Copy(io.Discard, resp.Body)
		} else if strings.HasPrefix(h.send, "CONNECT") {
			return // what follows is not HTTP
		} else {
			io.CopyN(io.Discard, c.Reader, int64(c.Reader.Buffered()))
		}
	}
	<-wrote
	if h.open {
		c.say(ok)
		if resp, _ := c.response("GET"); resp.StatusCode != 200 {
			t.Errorf("the connection's next request got %d", resp.StatusCode)
		}
		return
	}
	c.SetReadDeadline(time.Now().Add(patience))
	rest, err := io.ReadAll(c.Reader)
	if strings.Contains(string(rest), "HTTP/1.1 ") {
		t.Errorf("another response: %q", rest)
	}
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the connection was not closed: %v", err)
	}
}

// done checks the arguments of Done for the requests. With inBody the handler
// may have answered by itself.
func (h hostile) done(t *testing.T, calls told, inBody bool) {
	t.Helper()
	want := h.want
	if h.open {
		want = append(want[:len(want):len(want)], 200)
	}
	for _, status := range want {
		s := calls.next(t)
		if s.Status != status || !strings.HasPrefix(s.Remote, "127.0.0.1:") {
			t.Errorf("Done was told %+v, want status %d", s, status)
		}
		switch refused := s.Outcome == httpx.OutcomeRefused; {
		case !inBody && refused != (status >= 400), s.Err != nil:
			t.Errorf("status %d is %v, %v", status, s.Outcome, s.Err)
		case s.Method == "" && !refused, s.Method == "" && s.Proto+s.Path+s.Host != "":
			t.Errorf("Done was told %+v", s)
		}
	}
	if len(calls) > 0 {
		t.Errorf("Done was told of another request: %+v", <-calls)
	}
}

// TestHostileRequests checks which requests are refused, and with what status,
// as the package's documentation says under Errors and panics, however the
// bytes arrive, in both modes.
func TestHostileRequests(t *testing.T) {
	var calls atomic.Int64
	handle := func(r *httpx.Request) {
		calls.Add(1)
		answers(r)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			http.Error(w, err.Error(), 400)
			w.(http.Flusher).Flush()
		}
	})
	for mode, s := range map[string]*httpx.Server{"Handle": {Handle: handle}, "Handler": {Handler: handler}} {
		ended := make(told, 10)
		s.Done = func(s httpx.RequestStats) { ended <- s }
		serve(t, s, func(addr string) {
			for _, h := range hostiles {
				for _, n := range []int{1 << 20, 1, 7} {
					if n < 100 && len(h.send) > 4096 {
						continue
					}
					t.Run(fmt.Sprintf("%s/%s/%d", mode, h.name, n), func(t *testing.T) {
						if mode == "Handler" && strings.Contains(h.name, "big body") {
							t.Skip("an http.Handler bounds its bodies itself")
						}
						before := calls.Load()
						h.check(t, addr, n)
						inBody := mode == "Handler" && (strings.Contains(h.name, "chunk") || strings.Contains(h.name, "trailer"))
						h.done(t, ended, inBody)
						if got := calls.Load() - before; !inBody && int(got) > h.calls+1 || !h.open && !inBody && int(got) != h.calls {
							t.Errorf("the handler was called %d times, want %d", got, h.calls)
						}
					})
				}
			}
		})
	}
}

// TestTruncatedRequests checks that a request of which the rest does not come
// is not handled.
func TestTruncatedRequests(t *testing.T) {
	var calls atomic.Int64
	serve(t, &httpx.Server{Handle: func(r *httpx.Request) {
		calls.Add(1)
		answers(r)
	}}, func(addr string) {
		for _, send := range []string{
			"", "G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: h\r\n",
			post("Content-Length: 5", "", "abc"),
			post("Transfer-Encoding: chunked", "", "5\r\nabc"),
			post("Transfer-Encoding: chunked", "", "3\r\nabc\r\n"),
		} {
			c := dialRaw(t, addr)
			c.say(send)
			c.Conn.(*net.TCPConn).CloseWrite()
			if rest, err := io.ReadAll(bufio.NewReader(c)); strings.Contains(string(rest), "200") {
				t.Errorf("%q got %q, %v", send, rest, err)
			}
			c.Close()
		}
	})
	if n := calls.Load(); n != 0 {
		t.Errorf("the handler was called %d times", n)
	}
}

// TestResponseSplitting checks that a line's end in a response's header fails
// the response.
func TestResponseSplitting(t *testing.T) {
	for _, value := range []string{"a\r\nSet-Cookie: x=y", "a\nb", "a\rb", "a\x00b"} {
		got := make(chan error, 1)
		serve(t, &httpx.Server{Handle: func(r *httpx.Request) {
			f := r.Respond(200, http.Header{"X-Evil": {value}}, []byte("body"))
			go func() {
				<-f.Done()
				_, err := f.Result()
				got <- err
			}()
		}}, func(addr string) {
			c := dialRaw(t, addr)
			defer c.Close()
			c.say(ok)
			resp, body := c.response("GET")
			if resp.StatusCode != 500 || resp.Header.Get("Set-Cookie") != "" || resp.Header.Get("X-Evil") != "" || strings.Contains(body, "body") {
				t.Errorf("%q: got %d %v %q", value, resp.StatusCode, resp.Header, body)
			}
			c.closed()
			if err := <-got; !errors.Is(err, httpx.ErrBadHeader) {
				t.Errorf("%q: Respond's future has %v", value, err)
			}
		})
	}
}
