package httpx_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing/synctest"
)

// notesRequest notes what came of a request.
func notesRequest(s *clientSide, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s.served("%s %s for %s, %d bytes %s, %s", r.Method, strings.Replace(r.RequestURI, "https:", "http:", 1), r.Host, r.ContentLength, clipBody(body), failure(err))
	s.served("header %s", strings.Replace(fieldsOf(r.Header), "Go-http-client/2.0", "Go-http-client/1.1", 1))
	if len(r.Trailer) > 0 {
		s.served("trailer %s", fieldsOf(r.Trailer))
	}
	w.WriteHeader(http.StatusNoContent)
}

// askedFor is a case of a request that is sent.
func askedFor(name, method, path string, body func() io.Reader, set func(r *http.Request)) clientContract {
	return clientContract{name: name, serve: notesRequest, visit: func(s *clientSide) {
		r := s.request(method, path, made(body))
		if set != nil {
			set(r)
		}
		s.do(r)
	}}
}

// made returns a body that a case has, nil for none.
func made(body func() io.Reader) io.Reader {
	if body == nil {
		return nil
	}
	return body()
}

// text is a body that net/http knows the length of, streamed one that it does
// not.
func text(t string) func() io.Reader { return func() io.Reader { return strings.NewReader(t) } }

func streamed(t string) func() io.Reader {
	return func() io.Reader { return opaque{strings.NewReader(t)} }
}

// with sets a header's field.
func with(name string, values ...string) func(r *http.Request) {
	return func(r *http.Request) { r.Header[name] = values }
}

var clientRequestContracts = []clientContract{
	askedFor("GET", "GET", "/", nil, nil),
	askedFor("no method", "GET", "/", nil, func(r *http.Request) { r.Method = "" }),
	askedFor("HEAD", "HEAD", "/", nil, nil),
	askedFor("DELETE", "DELETE", "/x", nil, nil),
	askedFor("OPTIONS", "OPTIONS", "/", nil, nil),
	askedFor("OPTIONS of all", "OPTIONS", "/", nil, func(r *http.Request) { r.URL = &url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host, Opaque: "*"} }),
	askedFor("a method of one's own", "BREW", "/pot", nil, nil),
	askedFor("POST without a body", "POST", "/", nil, nil),
	askedFor("POST of NoBody", "POST", "/", func() io.Reader { return http.NoBody }, nil),
	askedFor("PUT of bytes", "PUT", "/", text("hello"), nil),
	askedFor("GET with a body", "GET", "/", text("hello"), nil),
	askedFor("escapes", "GET", "/a%20b%2Fc/%C3%A4?q=%20&r", nil, nil),
	askedFor("spaces", "GET", "/", nil, func(r *http.Request) { r.URL.Path, r.URL.RawQuery = "/a b", "c=d e" }),
	askedFor("an empty query", "GET", "/?", nil, nil),
	askedFor("a fragment", "GET", "/a#b", nil, nil),
	askedFor("no path", "GET", "", nil, nil),
	askedFor("two slashes", "GET", "//x", nil, nil),
	askedFor("opaque", "GET", "/", nil, func(r *http.Request) { r.URL.Opaque = "//origin/o%2Fp" }),
	askedFor("Host", "GET", "/", nil, func(r *http.Request) { r.Host = "other.example:8080" }),
	askedFor("Host in the header", "GET", "/", nil, with("Host", "other.example")),
	askedFor("Host in capitals", "GET", "/", nil, func(r *http.Request) { r.Host = "Other.Example" }),
	askedFor("Host that is international", "GET", "/", nil, func(r *http.Request) { r.Host = "bücher.example" }),
	askedFor("User-Agent", "GET", "/", nil, with("User-Agent", "me")),
	askedFor("no User-Agent", "GET", "/", nil, with("User-Agent", "")),
	askedFor("two User-Agents", "GET", "/", nil, with("User-Agent", "me", "you")),
	askedFor("user in the URL", "GET", "/", nil, func(r *http.Request) { r.URL.User = url.UserPassword("me", "secret") }),
	askedFor("values", "GET", "/", nil, with("X-A", "1", " 2 ", "", "3,4")),
	askedFor("a field without values", "GET", "/", nil, with("X-A")),
	askedFor("a name that is not canonical", "GET", "/", nil, with("x-LOWER", "1")),
	askedFor("Unicode", "GET", "/", nil, with("X-A", "bücher")),
	askedFor("cookies", "GET", "/", nil, with("Cookie", "a=1; b=2", "c=3")),
	askedFor("Accept-Encoding", "GET", "/", nil, with("Accept-Encoding", "br")),
	askedFor("Range", "GET", "/", nil, with("Range", "bytes=0-1")),
	askedFor("Content-Length in the header", "POST", "/", text("hello"), with("Content-Length", "3")),
	askedFor("Transfer-Encoding in the header", "POST", "/", text("hello"), with("Transfer-Encoding", "chunked")),
	askedFor("Trailer in the header", "POST", "/", text("hello"), with("Trailer", "X-T")),
	askedFor("chunked", "POST", "/", text("hello"), func(r *http.Request) { r.TransferEncoding = []string{"chunked"} }),
	askedFor("Close", "GET", "/", nil, func(r *http.Request) { r.Close = true }),
	askedFor("Connection: close", "GET", "/", nil, with("Connection", "close")),
	askedFor("Connection: keep-alive", "GET", "/", nil, with("Connection", "keep-alive")),
	askedFor("TE", "GET", "/", nil, with("Te", "trailers")),
	askedFor("a long header", "GET", "/", nil, with("X-A", strings.Repeat("x", 60_000))),
	askedFor("a long path", "GET", "/"+strings.Repeat("x", 60_000), nil, nil),
	askedFor("a trailer", "POST", "/", streamed("hello"), func(r *http.Request) { r.Trailer = http.Header{"X-T": {"1", "2"}} }),
	askedFor("a trailer of a known length", "POST", "/", text("hello"), func(r *http.Request) { r.Trailer = http.Header{"X-T": {"1"}} }),
}

// refuses is a case of a request that is not sent, and whose body is closed.
func refuses(name string, set func(r *http.Request)) clientContract {
	return clientContract{name: name, serve: notesRequest, visit: func(s *clientSide) {
		body := &countedBody{Reader: strings.NewReader("hello")}
		r := s.request("POST", "/", body)
		set(r)
		s.do(r)
		synctest.Wait()
		s.saw("the body was closed: %v", body.closed.Load() > 0)
	}}
}

var clientRefusedContracts = []clientContract{
	refuses("a method with a space", func(r *http.Request) { r.Method = "GET x" }),
	refuses("a method with CRLF", func(r *http.Request) { r.Method = "GET\r\nX: y" }),
	refuses("a name with a space", with("X A", "1")),
	refuses("an empty name", with("", "1")),
	refuses("a name with a newline", with("X\nA", "1")),
	refuses("a value with CRLF", with("X-A", "1\r\nX-B: 2")),
	refuses("a value with NUL", with("X-A", "\x00")),
	refuses("no header", func(r *http.Request) { r.Header = nil }),
	refuses("no URL", func(r *http.Request) { r.URL = nil }),
	refuses("no host", func(r *http.Request) { r.URL = &url.URL{Scheme: r.URL.Scheme, Path: "/"} }),
	refuses("another scheme", func(r *http.Request) { r.URL.Scheme = "ftp" }),
	refuses("no scheme", func(r *http.Request) { r.URL.Scheme = "" }),
	refuses("a path with CRLF", func(r *http.Request) { r.URL.Opaque = "/a\r\nX: y" }),
	refuses("a query with a newline", func(r *http.Request) { r.URL.RawQuery = "a\nb" }),
	refuses("a host with CRLF", func(r *http.Request) { r.Host = "origin\r\nX: y" }),
	refuses("a host with a space", func(r *http.Request) { r.Host = "or igin" }),
	refuses("a trailer that is a length", func(r *http.Request) { r.Trailer = http.Header{"Content-Length": nil} }),
	refuses("a trailer with a bad name", func(r *http.Request) { r.Trailer = http.Header{"X A": {"1"}} }),
	refuses("Connection with a token", with("Connection", "x-token")),
	refuses("Upgrade without Connection", with("Upgrade", "x")),
	refuses("a length without a body", func(r *http.Request) { r.Body, r.ContentLength = nil, 5 }),
}
