package httpx_test

import (
	"io"
	"net/http"
	"strings"
)

// chunked11 is a request with a chunked body "abc" and trailers.
func chunked11(header, trailer string) string {
	return "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n" + header + "\r\n3\r\nabc\r\n0\r\n" + trailer + "\r\n"
}

var trailerContracts = []contract{{
	name: "declared",
	serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-A, X-B")
		w.Header().Add("Trailer", "X-C")
		io.WriteString(w, "body")
		w.Header().Set("X-A", "a")
		w.Header().Set("X-C", "c")
		w.Header().Set("X-D", "not declared")
	},
	send: []string{get11, head11, "GET / HTTP/1.0\r\n\r\n"},
}, {
	name: "declared, set before the header",
	serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-A")
		w.Header().Set("X-A", "before")
		io.WriteString(w, "body")
		w.Header().Set("X-A", "after")
	},
	send: []string{get11},
}, {
	name: "declared without a body",
	serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-A")
		w.WriteHeader(200)
		w.Header().Set("X-A", "a")
	},
	send: []string{get11, head11},
}, {
	name: "declared with a length",
	serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-A")
		w.Header().Set("Content-Length", "4")
		io.WriteString(w, "body")
		w.Header().Set("X-A", "a")
	},
	send: []string{get11},
}, {
	name: "with the prefix",
	serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "body")
		w.(http.Flusher).Flush()
		w.Header().Set(http.TrailerPrefix+"X-A", "a")
		w.Header()[http.TrailerPrefix+"X-B"] = []string{"b1", "b2"}
	},
	send: []string{get11, "GET / HTTP/1.0\r\n\r\n"},
}, {
	name: "with the prefix, short and unflushed",
	serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "body")
		w.Header().Set(http.TrailerPrefix+"X-A", "a")
	},
	send: []string{get11},
}, {
	name: "with the prefix, before the header",
	serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(http.TrailerPrefix+"X-A", "a")
		io.WriteString(w, "body")
	},
	send: []string{get11},
}, {
	name: "of forbidden names",
	serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "Content-Length, Transfer-Encoding, X-A, Trailer")
		io.WriteString(w, "body")
		w.(http.Flusher).Flush()
		w.Header().Set("Transfer-Encoding", "gzip")
		w.Header().Set("X-A", "a")
		w.Header().Set(http.TrailerPrefix+"Content-Length", "3")
	},
	send: []string{get11},
}, {
	name: "with a newline",
	serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-A")
		io.WriteString(w, "body")
		w.(http.Flusher).Flush()
		w.Header().Set("X-A", "a\r\nX-B: b")
	},
	send: []string{get11},
}, {
	name: "seen by net/http's client",
	serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-A")
		io.WriteString(w, "body")
		w.Header().Set("X-A", "a")
		w.Header().Set(http.TrailerPrefix+"X-B", "b")
	},
	visit: func(s *side) { s.do(s.web(), s.request("GET", "/", nil)) },
}, {
	name: "of a request",
	serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
		s.served("before: %v", r.Trailer)
		b, err := io.ReadAll(r.Body)
		s.served("read %q, %v", b, err)
		s.served("after: %v", r.Trailer)
		s.served("Trailer field: %q", r.Header["Trailer"])
	},
	send: []string{
		chunked11("Trailer: X-A, x-b\r\n", "X-A: a\r\nX-B: b1\r\nX-B: b2\r\nX-C: not declared\r\n"),
		chunked11("", "X-A: a\r\n"),
		chunked11("Trailer: X-A\r\n", ""),
	},
}, {
	name: "of a request, forbidden",
	serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		s.served("read %q, %v, %v", b, err, r.Trailer)
	},
	send: []string{chunked11("Trailer: Content-Length\r\n", "Content-Length: 5\r\n")},
}, {
	name:  "of a request, unread",
	serve: func(*side, http.ResponseWriter, *http.Request) {},
	send:  []string{chunked11("Trailer: X-A\r\n", "X-A: a\r\n"), get11},
}, {
	name: "of a request, malformed",
	serve: func(s *side, w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		s.served("Read fails: %v", err != nil)
		w.WriteHeader(400)
	},
	send: []string{chunked11("", "no colon\r\n")},
}, {
	name: "of net/http's client",
	serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		s.served("read %q, %v, %v", b, err, r.Trailer)
	},
	visit: func(s *side) {
		r := s.request("POST", "/", struct{ io.Reader }{strings.NewReader("abc")})
		r.Trailer = http.Header{"X-A": {"a"}}
		s.do(s.web(), r)
	},
}}
