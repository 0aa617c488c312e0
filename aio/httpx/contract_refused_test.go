package httpx_test

import (
	"net/http"
	"strings"
)

// called is a handler that notes that it is called.
func called(s *side, _ http.ResponseWriter, _ *http.Request) { s.served("called") }

// strict is a case of a request that a server refuses, or may refuse. Only the
// status of the refusal is compared.
func strict(name string, text ...string) contract {
	return contract{
		name:  name,
		serve: called,
		visit: func(s *side) {
			p := s.dial()
			method, _, _ := strings.Cut(text[0], " ")
			p.say(strings.Join(text, "\r\n"))
			m := p.head()
			p.body(m, method)
			s.saw("%d", m.status)
			p.probe()
		},
	}
}

// strictGet is strict for a field, or several, of a GET.
func strictGet(name string, fields ...string) contract {
	return strict(name, getPath("/", fields...))
}

// strictPost is strict for what follows the Host of a POST.
func strictPost(name string, text ...string) contract {
	return strict(name, append([]string{"POST / HTTP/1.1", "Host: h"}, text...)...)
}

// long is n bytes.
func long(n int) string { return strings.Repeat("a", n) }

var refusedContracts = []contract{
	strict("no version", "GET /", "", ""),
	strict("no target", "GET HTTP/1.1", "Host: h", "", ""),
	strict("empty target", "GET  HTTP/1.1", "Host: h", "", ""),
	strict("two spaces", "GET  / HTTP/1.1", "Host: h", "", ""),
	strict("space in the target", "GET /a b HTTP/1.1", "Host: h", "", ""),
	strict("tab in the target", "GET /a\tb HTTP/1.1", "Host: h", "", ""),
	strict("control byte in the target", "GET /a\x01 HTTP/1.1", "Host: h", "", ""),
	strict("bad method", "G@T / HTTP/1.1", "Host: h", "", ""),
	strict("no method", " / HTTP/1.1", "Host: h", "", ""),
	strict("lower-case version", "GET / http/1.1", "Host: h", "", ""),
	strict("version 1", "GET / HTTP/1", "Host: h", "", ""),
	strict("version 1.10", "GET / HTTP/1.10", "Host: h", "", ""),
	strict("version 0.9", "GET / HTTP/0.9", "Host: h", "", ""),
	strict("version 2.0", "GET / HTTP/2.0", "Host: h", "", ""),
	strict("version 3.0", "GET / HTTP/3.0", "Host: h", "", ""),
	strict("space behind the version", "GET / HTTP/1.1 ", "Host: h", "", ""),
	strict("preface of HTTP/2", "PRI * HTTP/2.0", "", "SM", "", ""),
	strict("garbage", "\x16\x03\x01\x02\x00\x01", "", ""),
	strict("target of FTP", getPath("ftp://other/a")),
	strict("target that is an authority", getPath("other:80")),
	strict("target *", getPath("*")),
	strict("target of CONNECT that is a path", "CONNECT /a HTTP/1.1", "Host: h", "", ""),
	strict("target of CONNECT that is a URL", "CONNECT http://other/a HTTP/1.1", "Host: h", "", ""),

	strict("no Host", "GET / HTTP/1.1", "", ""),
	strictGet("two Hosts", "Host: other"),
	strictGet("two equal Hosts", "Host: h"),
	strict("Host with a path", "GET / HTTP/1.1", "Host: a/b", "", ""),
	strict("Host with a user", "GET / HTTP/1.1", "Host: a@b", "", ""),
	strict("Host with a space", "GET / HTTP/1.1", "Host: a b", "", ""),
	strict("Host in an absolute target, and none", "GET http://h/ HTTP/1.1", "", ""),

	strictGet("no colon", "A"),
	strictGet("no name", ": b"),
	strictGet("space before the colon", "A : b"),
	strictGet("tab before the colon", "A\t: b"),
	strictGet("folded", "A: b", " c"),
	strict("folded first", "GET / HTTP/1.1", " Host: h", "", ""),
	strictGet("bad name", "A(: b"),
	strictGet("name that is not ASCII", "\xc3\xa4: b"),
	strictGet("NUL in a value", "A: b\x00c"),
	strictGet("NUL in a name", "A\x00: b"),
	strictGet("control byte in a value", "A: b\x01"),
	strictGet("DEL in a value", "A: b\x7f"),
	strictGet("CR in a value", "A: b\rc"),
	strict("LF for CRLF in the first line", "GET / HTTP/1.1\nHost: h", "", ""),
	strict("LF for CRLF in the header", "GET / HTTP/1.1", "Host: h\nA: b", "", ""),
	strict("LF for CRLF at the end", "GET / HTTP/1.1", "Host: h", "\n"),

	strictPost("length and coding", "Content-Length: 5", "Transfer-Encoding: chunked", "", "0", "", ""),
	strictPost("coding and length", "Transfer-Encoding: chunked", "Content-Length: 5", "", "0", "", ""),
	strictPost("two lengths", "Content-Length: 4", "Content-Length: 5", "", "abcde"),
	strictPost("two equal lengths", "Content-Length: 4", "Content-Length: 4", "", "abcd"),
	strictPost("list of lengths", "Content-Length: 4, 4", "", "abcd"),
	strictPost("length with a sign", "Content-Length: +4", "", "abcd"),
	strictPost("negative length", "Content-Length: -1", "", ""),
	strictPost("length in hex", "Content-Length: 0x4", "", "abcd"),
	strictPost("empty length", "Content-Length:", "", ""),
	strictPost("huge length", "Content-Length: 99999999999999999999", "", ""),
	strictPost("length with a space within", "Content-Length: 4 4", "", "abcd"),
	strictPost("two codings", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", "", "0", "", ""),
	strictPost("coding identity", "Transfer-Encoding: identity", "", "0", "", ""),
	strictPost("coding gzip, chunked", "Transfer-Encoding: gzip, chunked", "", "0", "", ""),
	strictPost("coding chunked, identity", "Transfer-Encoding: chunked, identity", "", "0", "", ""),
	strictPost("coding xchunked", "Transfer-Encoding: xchunked", "", "0", "", ""),
	strictPost("empty coding", "Transfer-Encoding:", "", "0", "", ""),
	strictPost("coding behind a vertical tab", "Transfer-Encoding: \x0bchunked", "", "0", "", ""),
	strict("coding of HTTP/1.0", "POST / HTTP/1.0", "Transfer-Encoding: chunked", "", "0", "", ""),
	strict("coding of HTTP/1.0 with a length", "POST / HTTP/1.0", "Content-Length: 3", "Transfer-Encoding: chunked", "", "0", "", ""),

	strictGet("a long value within the limit", "A: "+long(headerLimit-1000)),
	strictGet("a value beyond the limit", "A: "+long(2*headerLimit)),
	strict("a long target within the limit", getPath("/"+long(headerLimit-1000))),
	strict("a target beyond the limit", getPath("/"+long(2*headerLimit))),
	strictGet("100 fields", strings.Split(strings.Repeat("A: b\n", 98)+"A: b", "\n")...),
	strictGet("1000 fields", strings.Split(strings.Repeat("A: b\n", 999)+"A: b", "\n")...),
	{
		name:  "what comes behind is not handled",
		serve: called,
		visit: func(s *side) {
			p := s.dial()
			p.say(getPath("/", "no colon") + get11 + get11)
			p.answer("GET")
			p.rest()
		},
	},
	{
		name:  "seen by net/http's client",
		serve: called,
		visit: func(s *side) { s.do(s.web(), s.request("GET", "/", nil, "A: "+long(2*headerLimit))) },
	},
}
