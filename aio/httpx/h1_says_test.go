package httpx_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"goaio.example/aio/httpx"
)

// said is an answer, and what of it is on the wire except a Date: the lines of
// the header, and what follows.
type said struct {
	name, text string // the request
	status     int
	header     http.Header
	body       string
	want       []string
	rest       string
}

const (
	get1      = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	get1Close = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
	once10    = "GET / HTTP/1.0\r\n\r\n"
	keep10    = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
	head1     = "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"
	connect1  = "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n"
	options1  = "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"

	ok11     = "HTTP/1.1 200 OK"
	ok10     = "HTTP/1.0 200 OK"
	length4  = "Content-Length: 4"
	sniffed4 = "Content-Type: text/plain; charset=utf-8"
	closing  = "Connection: close"
	chunked  = "Transfer-Encoding: chunked"
	typed    = "Content-Type: x/y"
)

var xy = http.Header{"Content-Type": {"x/y"}}

// plus is a header of type x/y with another field.
func plus(name string, values ...string) http.Header {
	h := xy.Clone()
	h[name] = values
	return h
}

// saids is what holds for Respond, and for an http.Handler.
var saids = []said{
	{name: "plain", text: get1, status: 200, header: xy, body: "body", want: []string{ok11, length4, typed}, rest: "body"},
	{name: "sniffed", text: get1, status: 200, body: "body", want: []string{ok11, length4, sniffed4}, rest: "body"},
	{name: "close", text: get1Close, status: 200, header: xy, body: "body", want: []string{ok11, length4, typed, closing}, rest: "body"},
	{name: "HTTP/1.0", text: once10, status: 200, header: xy, body: "body", want: []string{ok10, length4, typed}, rest: "body"},
	{name: "HTTP/1.0 kept", text: keep10, status: 200, header: xy, body: "body", want: []string{ok10, length4, typed, "Connection: keep-alive"}, rest: "body"},
	{name: "unknown status", text: get1, status: 299, header: xy, body: "body", want: []string{"HTTP/1.1 299 status code 299", length4, typed}, rest: "body"},
	{name: "HEAD", text: head1, status: 200, header: xy, body: "body", want: []string{ok11, length4, typed}},
	{name: "HEAD with a length", text: head1, status: 200, header: plus("Content-Length", "99"), want: []string{ok11, "Content-Length: 99", typed}},
	{name: "204", text: get1, status: 204, header: plus("Content-Length", "4"), want: []string{"HTTP/1.1 204 No Content", typed}},
	{name: "205", text: get1, status: 205, header: xy, want: []string{"HTTP/1.1 205 Reset Content", "Content-Length: 0", typed}},
	{name: "205 with a length", text: get1, status: 205, header: plus("Content-Length", "4"), want: []string{"HTTP/1.1 205 Reset Content", "Content-Length: 0", typed}},
	{name: "205 with a coding", text: get1, status: 205, header: plus("Transfer-Encoding", "chunked"), want: []string{"HTTP/1.1 205 Reset Content", "Content-Length: 0", typed}},
	{name: "205 of HEAD", text: head1, status: 205, header: xy, want: []string{"HTTP/1.1 205 Reset Content", "Content-Length: 0", typed}},
	{name: "304", text: get1, status: 304, header: plus("Etag", `"a"`), want: []string{"HTTP/1.1 304 Not Modified", `Etag: "a"`}},
	{name: "304 with a coding", text: get1, status: 304, header: plus("Transfer-Encoding", "chunked"), want: []string{"HTTP/1.1 304 Not Modified"}},
	{name: "CONNECT 200", text: connect1, status: 200, header: xy, want: []string{ok11, typed}},
	{name: "CONNECT 200 with a length", text: connect1, status: 200, header: plus("Content-Length", "0"), want: []string{ok11, typed}},
	{name: "CONNECT 200 with a coding", text: connect1, status: 200, header: plus("Transfer-Encoding", "chunked"), want: []string{ok11, typed}},
	{name: "CONNECT 204", text: connect1, status: 204, header: xy, want: []string{"HTTP/1.1 204 No Content", typed}},
	{name: "CONNECT 403", text: connect1, status: 403, header: xy, body: "body", want: []string{"HTTP/1.1 403 Forbidden", length4, typed, closing}, rest: "body"},

	{name: "two lengths", text: get1, status: 200, header: plus("Content-Length", "4", "5"), body: "body", want: []string{ok11, length4, typed}, rest: "body"},
	{name: "length with spaces", text: get1, status: 200, header: plus("Content-Length", " 4 "), body: "body", want: []string{ok11, length4, typed}, rest: "body"},
	{name: "length that is none", text: get1, status: 200, header: plus("Content-Length", "4, 4"), body: "body", want: []string{ok11, length4, typed}, rest: "body"},
	{name: "length of another spelling", text: get1, status: 200, header: plus("content-length", "4"), body: "body", want: []string{ok11, length4, typed}, rest: "body"},
	{name: "length of two spellings", text: get1, status: 200, header: http.Header{"Content-Type": {"x/y"}, "content-length": {"4"}, "CONTENT-LENGTH": {"4"}}, body: "body", want: []string{ok11, length4, typed}, rest: "body"},

	{name: "values with spaces", text: get1, status: 200, header: plus("X-A", " b\t", "", "\t"), body: "body", want: []string{ok11, length4, typed, "X-A: b", "X-A: ", "X-A: "}, rest: "body"},
	{name: "Connection: close", text: get1, status: 200, header: plus("Connection", "close"), body: "body", want: []string{ok11, length4, typed, closing}, rest: "body"},
	{name: "Connection: Close, x", text: get1, status: 200, header: plus("Connection", " Close , x"), body: "body", want: []string{ok11, length4, typed, "Connection: Close , x"}, rest: "body"},
	{name: "connection: close", text: get1, status: 200, header: plus("connection", "close"), body: "body", want: []string{ok11, length4, typed, closing}, rest: "body"},
	{name: "Connection of two spellings", text: get1, status: 200, header: http.Header{"Content-Type": {"x/y"}, "connection": {"x"}, "Connection": {"close"}}, body: "body", want: []string{ok11, length4, typed, closing, "Connection: x"}, rest: "body"},
	{name: "Connection: x", text: get1, status: 200, header: plus("Connection", "x"), body: "body", want: []string{ok11, length4, typed, "Connection: x"}, rest: "body"},
	{name: "Connection: x, closing", text: get1Close, status: 200, header: plus("Connection", "x"), body: "body", want: []string{ok11, length4, typed, "Connection: x", closing}, rest: "body"},
	{name: "Connection: keep-alive, closing", text: get1Close, status: 200, header: plus("Connection", "keep-alive"), body: "body", want: []string{ok11, length4, typed, closing}, rest: "body"},
	{name: "Connection: keep-alive of HTTP/1.0", text: keep10, status: 200, header: plus("Connection", "Keep-Alive"), body: "body", want: []string{ok10, length4, typed, "Connection: Keep-Alive"}, rest: "body"},
	{name: "Connection: keep-alive of HTTP/1.0, closing", text: once10, status: 200, header: plus("Connection", "keep-alive"), body: "body", want: []string{ok10, length4, typed}, rest: "body"},
	{name: "Connection: keep-alive, close", text: get1, status: 200, header: plus("Connection", "keep-alive, close"), body: "body", want: []string{ok11, length4, typed, "Connection: keep-alive, close"}, rest: "body"},
	{name: "no Date", text: get1, status: 200, header: plus("date"), body: "body", want: []string{ok11, length4, typed}, rest: "body"},
	{name: "request ID", text: get1, status: 200, header: plus("x-id", "theirs"), body: "body", want: []string{ok11, length4, typed, "X-Id: ours"}, rest: "body"},
	{name: "OPTIONS *", text: options1, status: 200, header: xy, body: "body", want: []string{ok11, length4, typed}, rest: "body"},
}

// respondSaids is what holds for Respond only.
var respondSaids = []said{
	{name: "coding", text: get1, status: 200, header: plus("Transfer-Encoding", "chunked"), body: "body", want: []string{ok11, length4, typed}, rest: "body"},
	{name: "coding gzip", text: get1, status: 200, header: plus("transfer-encoding", "gzip"), body: "body", want: []string{ok11, length4, typed}, rest: "body"},
	{name: "length that is too small", text: get1, status: 200, header: plus("Content-Length", "3"), body: "body", want: []string{ok11, length4, typed}, rest: "body"},
	{name: "length that is too large", text: get1, status: 200, header: plus("Content-Length", "5"), body: "body", want: []string{ok11, length4, typed}, rest: "body"},
	{name: "nothing", text: get1, status: 200, want: []string{ok11, "Content-Length: 0"}},
	{name: "HEAD of nothing", text: head1, status: 200, want: []string{ok11, "Content-Length: 0"}},
	{name: "204 with a body", text: get1, status: 204, header: xy, body: "body", want: []string{"HTTP/1.1 204 No Content", typed}},
	{name: "205 with a body", text: get1, status: 205, header: xy, body: "body", want: []string{"HTTP/1.1 205 Reset Content", "Content-Length: 0", typed}},
	{name: "304 with a body", text: get1, status: 304, header: xy, body: "body", want: []string{"HTTP/1.1 304 Not Modified"}},
	{name: "CONNECT 200 with a body", text: connect1, status: 200, header: xy, body: "body", want: []string{ok11, typed}},
}

// handlerSaids is what holds for an http.Handler only.
var handlerSaids = []said{
	{name: "coding", text: get1, status: 200, header: plus("Transfer-Encoding", "chunked"), body: "body", want: []string{ok11, typed, chunked}, rest: "4\r\nbody\r\n0\r\n\r\n"},
	{name: "coding and length", text: get1, status: 200, header: http.Header{"Transfer-Encoding": {"chunked"}, "Content-Length": {"3"}}, body: "body", want: []string{ok11, chunked}, rest: "4\r\nbody\r\n0\r\n\r\n"},
	{name: "coding identity", text: get1, status: 200, header: plus("Transfer-Encoding", "identity"), body: "body", want: []string{ok11, typed, closing}, rest: "body"},
	{name: "coding of HTTP/1.0", text: keep10, status: 200, header: plus("Transfer-Encoding", "chunked"), body: "body", want: []string{ok10, typed}, rest: "body"},
	{name: "coding of HEAD", text: head1, status: 200, header: plus("Transfer-Encoding", "chunked"), body: "body", want: []string{ok11, typed}},
	{
		name: "trailer", text: get1, status: 200, header: http.Header{"Content-Type": {"x/y"}, "Trailer": {"x-b, Content-Length, x-a,"}, "X-B": {" 1"}, "X-A": {"2"}, "Trailer:X-C": {"3 "}, "Trailer:Content-Length": {"4"}, "Trailer:Transfer-Encoding": {"5"}}, body: "body",
		want: []string{ok11, typed, "Trailer: x-b, Content-Length, x-a,", "X-A: 2", "X-B: 1", chunked}, rest: "4\r\nbody\r\n0\r\nX-A: 2\r\nX-B: 1\r\nX-C: 3\r\n\r\n",
	},
	{name: "trailer of HTTP/1.0", text: keep10, status: 200, header: http.Header{"Content-Type": {"x/y"}, "Trailer:X-C": {"3"}}, body: "body", want: []string{ok10, typed}, rest: "body"},
	{name: "trailer of HEAD", text: head1, status: 200, header: http.Header{"Content-Type": {"x/y"}, "Trailer:X-C": {"3"}}, body: "body", want: []string{ok11, typed}},
	{name: "101", text: get1, status: 101, header: http.Header{"Connection": {"upgrade"}, "Upgrade": {"x"}, "Content-Length": {"4"}}, want: []string{"HTTP/1.1 101 Switching Protocols", "Connection: upgrade", "Upgrade: x"}},
	{name: "CONNECT 200 and data", text: connect1, status: 200, header: xy, body: "data", want: []string{ok11, typed}, rest: "data"},
}

// TestSays checks what is on the wire of answers whose headers have what the
// server says itself, or would garble it.
func TestSays(t *testing.T) {
	for mode, list := range map[string][]said{"Handle": append(respondSaids, saids...), "Handler": append(handlerSaids, saids...)} {
		for _, c := range list {
			if mode == "Handler" && c.text == options1 {
				continue // which net/http's server answers itself, and so do we
			}
			t.Run(mode+"/"+strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
				s := &httpx.Server{HalfOpen: true}
				if c.name == "request ID" {
					s.RequestIDHeader = "X-Id"
					c.text = strings.Replace(c.text, "\r\n\r\n", "\r\nX-Id: ours\r\n\r\n", 1)
				}
				if mode == "Handle" {
					s.Handle = func(r *httpx.Request) { r.Respond(c.status, c.header, []byte(c.body)) }
				} else {
					s.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
						for k, v := range c.header {
							w.Header()[k] = v
						}
						w.WriteHeader(c.status)
						io.WriteString(w, c.body)
					})
				}
				inH1Dial(t, s, func(t *testing.T, dial func() raw) { c.check(t, dial()) })
			})
		}
	}
}

func (c *said) check(t *testing.T, conn raw) {
	defer conn.Close()
	conn.say(c.text)
	closeWrite(conn)
	all, err := io.ReadAll(conn)
	if err != nil {
		t.Errorf("reading to the end: %v", err)
	}
	text, rest, _ := strings.Cut(string(all), "\r\n\r\n")
	var got []string
	for line := range strings.SplitSeq(text, "\r\n") {
		if !strings.HasPrefix(line, "Date: ") {
			got = append(got, line)
		} else if c.name == "no Date" {
			t.Error(line)
		}
	}
	want := slices.Clone(c.want)
	slices.Sort(got)
	slices.Sort(want)
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) || rest != c.rest {
		t.Errorf("%q\ngot  %q, %q\nwant %q, %q", c.text, got, rest, want, c.rest)
	}
}
