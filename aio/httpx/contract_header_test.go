package httpx_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// sniffed is a case of a body whose type the handler does not tell.
func sniffed(name, body string, set func(h http.Header)) contract {
	return contract{
		name: "sniffing " + name,
		serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
			if set != nil {
				set(w.Header())
			}
			io.WriteString(w, body)
		},
		send: []string{get11, head11},
	}
}

// badValue is a case of a value that cannot be sent as it is.
func badValue(name, value string) contract {
	return contract{
		name: name,
		serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-A", value)
			s.writes(w, "body")
		},
		send: []string{get11},
	}
}

// withHeader is a case of a header and the body "body".
func withHeader(name string, h http.Header) contract {
	return contract{
		name: name,
		serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
			for k, v := range h {
				w.Header()[k] = v
			}
			io.WriteString(w, "body")
		},
		send: []string{get11},
	}
}

const page = "<!DOCTYPE html><html>"

var headerContracts = []contract{
	sniffed("HTML", page, nil),
	sniffed("text", "text", nil),
	sniffed("a picture", "\x89PNG\x0D\x0A\x1A\x0A", nil),
	sniffed("what it cannot tell", "\x00\x01\x02", nil),
	sniffed("an empty body", "", nil),
	sniffed("behind white space", strings.Repeat(" ", 600)+page, nil),
	sniffed("with a type", page, func(h http.Header) { h.Set("Content-Type", "text/x") }),
	sniffed("with an empty type", page, func(h http.Header) { h.Set("Content-Type", "") }),
	sniffed("with a nil type", page, func(h http.Header) { h["Content-Type"] = nil }),
	sniffed("with a coding", page, func(h http.Header) { h.Set("Content-Encoding", "x") }),
	sniffed("with an empty coding", page, func(h http.Header) { h.Set("Content-Encoding", "") }),
	sniffed("with a transfer coding", page, func(h http.Header) { h.Set("Transfer-Encoding", "chunked") }),
	{
		name: "sniffing the first of two pieces",
		serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "<!DOCTYPE")
			io.WriteString(w, " html>")
		},
		send: []string{get11},
	},
	{
		name: "sniffing behind a Flush",
		serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			io.WriteString(w, page)
		},
		send: []string{get11},
	},
	{
		name: "sniffing an error",
		serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/x")
			w.Header().Set("Content-Length", "1000")
			w.Header().Set("Content-Encoding", "gzip")
			http.Error(w, "wrong", http.StatusTeapot)
		},
		send: []string{get11},
	},
	withHeader("Date of the handler", http.Header{"Date": {"Thu, 01 Jan 1970 00:00:00 GMT"}}),
	withHeader("no Date", http.Header{"Date": nil}),
	withHeader("empty Date", http.Header{"Date": {""}}),
	withHeader("nil entries", http.Header{"X-A": nil, "X-B": {}, "X-C": {""}, "Content-Length": nil}),
	withHeader("many values", http.Header{"X-A": {"1", "2", "1"}, "Set-Cookie": {"a=b", "c=d"}}),
	withHeader("not canonical", http.Header{"x-a": {"b"}, "X-A": {"c"}, "x_B": {"d"}}),
	withHeader("not canonical length", http.Header{"content-length": {"3"}}),
	withHeader("not canonical type", http.Header{"content-type": {"text/x"}}),
	withHeader("spaces around", http.Header{"X-A": {"  b\t"}}),
	withHeader("not ASCII", http.Header{"X-A": {"\xc3\xa4\xff"}}),
	withHeader("Connection: close", http.Header{"Connection": {"close"}}),
	withHeader("Connection: Close, x", http.Header{"Connection": {"x, Close"}}),
	withHeader("Connection: keep-alive", http.Header{"Connection": {"keep-alive"}}),
	withHeader("another Connection", http.Header{"Connection": {"X-A"}, "X-A": {"b"}}),
	withHeader("bad name", http.Header{"X A": {"b"}, "X-B": {"c"}}),
	withHeader("name with a newline", http.Header{"X-A\r\nX-C": {"b"}, "X-B": {"c"}}),
	withHeader("empty name", http.Header{"": {"b"}, "X-B": {"c"}}),
	badValue("value with CRLF", "a\r\nX-B: b"),
	badValue("value with LF", "a\nb"),
	badValue("value with CR", "a\rb"),
	badValue("value with NUL", "a\x00b"),
	badValue("value with DEL", "a\x7fb"),
	{
		name: "long values",
		serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
			for i := range 20 {
				w.Header().Add("X-A", strings.Repeat("a", 1000*i))
			}
		},
		send: []string{get11},
	},
	{
		name: "Header while the body is written",
		serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			h.Set("X-A", "before")
			io.WriteString(w, "body")
			h.Set("X-A", "after")
			s.served("Header: %q, the same %v", w.Header()["X-A"], fmt.Sprint(h) == fmt.Sprint(w.Header()))
		},
		send: []string{get11},
	},
	{
		name: "cookies",
		serve: func(s *side, w http.ResponseWriter, r *http.Request) {
			s.served("cookies: %v", r.Cookies())
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "b c", HttpOnly: true})
			http.SetCookie(w, &http.Cookie{Name: "d", Value: "e", Expires: time.Unix(1e9, 0)})
		},
		send: []string{"GET / HTTP/1.1\r\nHost: h\r\nCookie: a=b; c=d\r\nCookie: e=f\r\n\r\n"},
	},
	{
		name: "gzip and net/http's client",
		serve: func(s *side, w http.ResponseWriter, r *http.Request) {
			s.served("%q", r.Header["Accept-Encoding"])
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			io.WriteString(z, page)
			z.Close()
		},
		visit: func(s *side) { s.do(s.web(), s.request("GET", "/", nil)) },
	},
}
