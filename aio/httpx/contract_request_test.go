package httpx_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
)

// shows notes what a request says.
func (s *side) shows(r *http.Request) {
	s.served("%s %q %s (%d.%d), host %q", r.Method, r.RequestURI, r.Proto, r.ProtoMajor, r.ProtoMinor, r.Host)
	u := r.URL
	s.served("URL %q: scheme %q, host %q, path %q, raw path %q, query %q, forced %v, opaque %q, fragment %q, user %v",
		u, u.Scheme, u.Host, u.Path, u.RawPath, u.RawQuery, u.ForceQuery, u.Opaque, u.Fragment, u.User)
	s.served("length %d, coding %q, close %v, no body %v, trailer %v, form %v, %v", r.ContentLength, r.TransferEncoding, r.Close,
		r.Body == http.NoBody, r.Trailer, r.Form, r.PostForm)
	s.served("body nil %v, GetBody nil %v, Response nil %v", r.Body == nil, r.GetBody == nil, r.Response == nil)
	for _, line := range sortedFields(r.Header) {
		s.served("field %q", line)
	}
}

// target is a case of a request's target.
func target(method, uri string, fields ...string) contract {
	return contract{
		name:  "target " + method + " " + uri,
		serve: func(s *side, _ http.ResponseWriter, r *http.Request) { s.shows(r) },
		send:  []string{method + " " + uri + " HTTP/1.1\r\nHost: h\r\n" + strings.Join(fields, "") + "\r\n"},
	}
}

// asked is a case of a request, which the handler shows.
func asked(name string, lines ...string) contract {
	return contract{
		name:  name,
		serve: func(s *side, _ http.ResponseWriter, r *http.Request) { s.shows(r) },
		send:  []string{strings.Join(lines, "\r\n")},
	}
}

var requestContracts = []contract{
	target("GET", "/"),
	target("GET", "/a%20b%2Fc/%C3%A4?q=a%20b+c"),
	target("GET", "//a//b"),
	target("GET", "/a/../b/./c"),
	target("GET", "/?"),
	target("GET", "/a?b?c&d=;e"),
	target("GET", "/a#b"),
	target("GET", "/%zz"),
	target("GET", "/a%"),
	target("GET", "/\xc3\xa4"),
	target("GET", "/a|b^c{}\"<>\\`"),
	target("GET", "http://other:81/a?b"),
	target("GET", "http://other"),
	target("GET", "https://other/a"),
	target("GET", "http://user:pass@other/a"),
	target("GET", "http://[::1]:80/a"),
	target("GET", "HTTP://other/a"),
	target("GET", "a"),
	target("GET", "?a"),
	target("OPTIONS", "*"),
	target("OPTIONS", "/"),
	target("CONNECT", "other:443"),
	target("PATCH", "/"),
	target("get", "/"),
	target("M-SEARCH", "/"),
	target("PRI", "/"),
	asked("Host with a port", "GET / HTTP/1.1", "Host: EXAMPLE.com:8080", "", ""),
	asked("Host empty", "GET / HTTP/1.1", "Host:", "", ""),
	asked("Host of IPv6", "GET / HTTP/1.1", "Host: [::1]:80", "", ""),
	asked("fields", "GET / HTTP/1.1", "hOsT: h", "x-a:b", "X-A:  c  ", "x_B: \td", "X-Empty:", "X-Uml: \xc3\xa4", "User-Agent: ua", "", ""),
	asked("lower-case names", "GET / HTTP/1.1", "host: h", "connection: CLOSE", "content-length: 0", "", ""),
	asked("close", "GET / HTTP/1.1", "Host: h", "Connection: close", "", ""),
	asked("close in a list", "GET / HTTP/1.1", "Host: h", "Connection: x, Close", "", ""),
	asked("close in two fields", "GET / HTTP/1.1", "Host: h", "Connection: x", "Connection: close", "", ""),
	asked("Pragma", "GET / HTTP/1.1", "Host: h", "Pragma: no-cache", "", ""),
	asked("length of 0", "POST / HTTP/1.1", "Host: h", "Content-Length: 0", "", ""),
	asked("length of 3", "POST / HTTP/1.1", "Host: h", "Content-Length: 3", "", "abc"),
	asked("length of 3 with GET", "GET / HTTP/1.1", "Host: h", "Content-Length: 3", "", "abc"),
	asked("length with zeros before", "POST / HTTP/1.1", "Host: h", "Content-Length: 003", "", "abc"),
	asked("no length with POST", "POST / HTTP/1.1", "Host: h", "", ""),
	asked("chunked", "POST / HTTP/1.1", "Host: h", "Transfer-Encoding: chunked", "Trailer: X-A", "", "3", "abc", "0", "X-A: b", "", ""),
	asked("chunked with HEAD", "HEAD / HTTP/1.1", "Host: h", "Transfer-Encoding: chunked", "", "0", "", ""),
	asked("upper-case chunked", "POST / HTTP/1.1", "Host: h", "Transfer-Encoding: CHUNKED", "", "0", "", ""),
	asked("HTTP/1.0", "GET /a HTTP/1.0", "", ""),
	asked("HTTP/1.0 with Host", "GET /a HTTP/1.0", "Host: h", "", ""),
	asked("HTTP/1.2", "GET /a HTTP/1.2", "Host: h", "", ""),
	asked("empty line before", "", "GET /a HTTP/1.1", "Host: h", "", ""),
	{
		name: "addresses",
		serve: func(s *side, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Remote", r.RemoteAddr)
			local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
			s.served("local: %v, %v, %s", ok, local, local.Network())
		},
		visit: func(s *side) {
			p := s.dial()
			p.say(get11)
			s.saw("remote: %v", p.head().has("X-Remote: "+p.LocalAddr().String()))
		},
	},
	{
		name: "server of the ctx",
		serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
			s.served("%T", r.Context().Value(http.ServerContextKey))
		},
		send: []string{get11},
	},
	{
		name: "TLS",
		serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
			if r.TLS == nil {
				s.served("none")
				return
			}
			s.served("TLS: complete %v, version %x, protocol %q, resumed %v, name %q", r.TLS.HandshakeComplete, r.TLS.Version,
				r.TLS.NegotiatedProtocol, r.TLS.DidResume, r.TLS.ServerName)
		},
		send: []string{get11, get11},
	},
	{
		name: "pattern of a ServeMux",
		serve: func(s *side, w http.ResponseWriter, r *http.Request) {
			s.served("before: %q", r.Pattern)
			mux := http.NewServeMux()
			mux.HandleFunc("GET /a/{id}/{rest...}", func(_ http.ResponseWriter, r *http.Request) {
				s.served("%q: %q, %q", r.Pattern, r.PathValue("id"), r.PathValue("rest"))
			})
			mux.HandleFunc("h/", func(_ http.ResponseWriter, r *http.Request) { s.served("%q: %q", r.Pattern, r.URL) })
			mux.HandleFunc("/b/", func(_ http.ResponseWriter, r *http.Request) { s.served("%q: %q", r.Pattern, r.URL) })
			mux.ServeHTTP(w, r)
			s.served("after: %q", r.Pattern)
		},
		visit: func(s *side) {
			s.exchange(
				"GET /a/1%2F2/3/4 HTTP/1.1\r\nHost: other\r\n\r\n",
				"POST /a/1/2 HTTP/1.1\r\nHost: other\r\n\r\n",
				"GET /c HTTP/1.1\r\nHost: h:80\r\n\r\n",
				"GET //b//c HTTP/1.1\r\nHost: other\r\n\r\n",
				"GET /b HTTP/1.1\r\nHost: other\r\n\r\n",
				"GET /none HTTP/1.1\r\nHost: other\r\n\r\n",
				"OPTIONS * HTTP/1.1\r\nHost: other\r\n\r\n",
			)
			s.exchange("CONNECT other:80 HTTP/1.1\r\nHost: other:80\r\n\r\n")
		},
	},
	{
		name: "dumped",
		serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
			b, err := httputil.DumpRequest(r, true)
			s.served("%q, %v", b, err)
		},
		send: []string{
			"POST /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nX-A: b\r\n\r\nabc",
			chunked11("", ""), "GET http://other/a HTTP/1.1\r\nHost: h\r\n\r\n",
		},
	},
	{
		name: "cloned",
		serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
			c := r.Clone(r.Context())
			c.URL.Path, c.Header["X-A"][0] = "/c", "c"
			s.served("%q %q, clone %q %q, basic auth %s", r.URL, r.Header["X-A"], c.URL, c.Header["X-A"], fmt.Sprint(r.BasicAuth()))
		},
		send: []string{"GET /a HTTP/1.1\r\nHost: h\r\nX-A: b\r\nAuthorization: Basic YTpi\r\n\r\n"},
	},
	{
		name: "from net/http's client",
		serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
			r.Host = "" // has the port
			s.shows(r)
		},
		visit: func(s *side) {
			c := s.web()
			s.do(c, s.request("GET", "/a%2Fb?c=d", nil, "X-A: b"))
			s.do(c, s.request("POST", "/", strings.NewReader("abc"), "Content-Type: text/x"))
			s.do(c, s.request("PUT", "/", struct{ *strings.Reader }{strings.NewReader("abc")}))
		},
	},
}
