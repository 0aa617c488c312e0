package httpx_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"goaio.example/aio/httpx"
)

// h2form is a request over HTTP/2, and the wanted result: a status, or the
// error code that the stream is reset with.
type h2form struct {
	name, want string
	fields     string // "NAME: VALUE" lines
	// DATA frames, without which the stream ends with the header
	data []string
	// an http.Handler may be called, and fail to read the body
	begins bool
	std    bool // net/http answers in the place of an http.Handler
}

// h2get is the header of a GET request, with other pseudo-header fields instead
// of its own, or without those whose value is "-", and with fields added.
func h2get(fields ...string) string {
	pseudo := []string{":method: GET", ":scheme: http", ":authority: server", ":path: /x"}
	for _, f := range fields {
		name, value, _ := cutField(f)
		i := 0
		for i < len(pseudo) && (i > 3 || !strings.HasPrefix(pseudo[i], name+":")) {
			i++
		}
		switch {
		case i == len(pseudo):
			pseudo = append(pseudo, f)
		case value == "-":
			pseudo = append(pseudo[:i], pseudo[i+1:]...)
		default:
			pseudo[i] = f
		}
	}
	return strings.Join(pseudo, "\n")
}

// cutField divides a line into name and value, of which the name may begin with
// a colon.
func cutField(line string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(line[1:], ": ")
	return line[:1] + name, value, ok
}

func h2post(fields ...string) string { return h2get(append([]string{":method: POST"}, fields...)...) }

const (
	h2malformed = "PROTOCOL_ERROR"
	h2ok        = "200"
	h2bad       = "400"
)

var h2forms = []h2form{
	{name: "plain", want: h2ok, fields: h2get()},
	{name: "another method", want: h2ok, fields: h2get(":method: M-SEARCH")},
	{name: "space in the method", want: h2bad, fields: h2get(":method: GET /x HTTP/1.1")},
	{name: "colon in the method", want: h2bad, fields: h2get(":method: GET:")},
	{name: "umlaut in the method", want: h2bad, fields: h2get(":method: G\xc3\xa4T")},
	{name: "line in the method", want: h2malformed, fields: h2get(":method: GET\r")},
	{name: "empty method", want: h2malformed, fields: h2get(":method: ")},
	{name: "no method", want: h2malformed, fields: h2get(":method: -")},

	{name: "query", want: h2ok, fields: h2get(":path: /x?a=b&c[]=%zz")},
	{name: "two slashes", want: h2ok, fields: h2get(":path: //other/x")},
	{name: "space in the path", want: h2bad, fields: h2get(":path: /a b")},
	{name: "request line in the path", want: h2bad, fields: h2get(":path: /a HTTP/1.1")},
	{name: "space in the query", want: h2bad, fields: h2get(":path: /a?b c")},
	{name: "fragment", want: h2bad, fields: h2get(":path: /a#b")},
	{name: "backslash", want: h2bad, fields: h2get(":path: /a\\b")},
	{name: "umlaut in the path", want: h2bad, fields: h2get(":path: /\xc3\xa4")},
	{name: "bad escape", want: h2malformed, fields: h2get(":path: /%zz")},
	{name: "URL", want: h2bad, fields: h2get(":path: http://other/")},
	{name: "the server's own URL", want: h2bad, fields: h2get(":path: http://server/")},
	{name: "authority as path", want: h2bad, fields: h2get(":path: server:80")},
	{name: "relative path", want: h2malformed, fields: h2get(":path: x")},
	{name: "query alone", want: h2malformed, fields: h2get(":path: ?a")},
	{name: "empty path", want: h2malformed, fields: h2get(":path: ")},
	{name: "no path", want: h2malformed, fields: h2get(":path: -")},
	{name: "asterisk", want: h2bad, fields: h2get(":path: *")},
	{name: "two asterisks", want: h2malformed, fields: h2get(":method: OPTIONS", ":path: **")},
	{name: "OPTIONS *", want: h2ok, std: true, fields: h2get(":method: OPTIONS", ":path: *")},
	{name: "OPTIONS", want: h2ok, fields: h2get(":method: OPTIONS")},

	{name: "https", want: h2ok, fields: h2get(":scheme: https")},
	{name: "ftp", want: h2malformed, fields: h2get(":scheme: ftp")},
	{name: "no scheme", want: h2malformed, fields: h2get(":scheme: -")},
	{name: "response's pseudo-header", want: h2malformed, fields: h2get(":status: 200")},
	{name: "unknown pseudo-header", want: h2malformed, fields: h2get(":x: y")},
	{name: "pseudo-header behind fields", want: h2malformed, fields: h2get("a: b", ":x: y")},
	{name: "two paths", want: h2malformed, fields: h2get() + "\n:path: /y"},
	{name: "protocol", want: h2malformed, fields: h2get(":protocol: websocket")},

	{name: "port", want: h2ok, fields: h2get(":authority: server:8080")},
	{name: "address", want: h2ok, fields: h2get(":authority: [::1]:80")},
	{name: "slash in the authority", want: h2bad, fields: h2get(":authority: a/b")},
	{name: "user in the authority", want: h2malformed, fields: h2get(":authority: a@b")},
	{name: "space in the authority", want: h2bad, fields: h2get(":authority: a b")},
	{name: "two authorities in one", want: h2bad, fields: h2get(":authority: a,b")},
	{name: "port alone", want: h2bad, fields: h2get(":authority: :80")},
	{name: "bad port", want: h2bad, fields: h2get(":authority: a:b")},
	{name: "bad address", want: h2bad, fields: h2get(":authority: [::1")},
	{name: "no authority", want: h2bad, fields: h2get(":authority: -")},
	{name: "empty authority", want: h2bad, fields: h2get(":authority: ")},
	{name: "Host alone", want: h2ok, fields: h2get(":authority: -", "host: server")},
	{name: "bad Host alone", want: h2bad, fields: h2get(":authority: -", "host: a/b")},
	{name: "empty Host alone", want: h2bad, fields: h2get(":authority: -", "host: ")},
	{name: "the same Host", want: h2ok, fields: h2get("host: server")},
	{name: "the same Host in capitals", want: h2ok, fields: h2get("host: SERVER")},
	{name: "the same Host with its port", want: h2ok, fields: h2get("host: server:80")},
	{name: "another Host", want: h2bad, fields: h2get("host: other")},
	{name: "another port", want: h2bad, fields: h2get("host: server:81")},
	{name: "empty Host", want: h2bad, fields: h2get("host: ")},
	{name: "two Hosts", want: h2bad, fields: h2get("host: server", "host: server")},

	{name: "CONNECT", want: h2ok, fields: ":method: CONNECT\n:authority: server:80"},
	{name: "CONNECT without a port", want: h2bad, fields: ":method: CONNECT\n:authority: server"},
	{name: "CONNECT with a user", want: h2bad, fields: ":method: CONNECT\n:authority: a@b:80"},
	{name: "CONNECT to a path", want: h2bad, fields: ":method: CONNECT\n:authority: a/b:80"},
	{name: "CONNECT without a target", want: h2malformed, fields: ":method: CONNECT"},
	{name: "CONNECT with another Host", want: h2bad, fields: ":method: CONNECT\n:authority: server:80\nhost: other:80"},
	{name: "CONNECT with a path", want: h2malformed, fields: ":method: CONNECT\n:authority: server:80\n:path: /"},
	{name: "CONNECT with a scheme", want: h2malformed, fields: ":method: CONNECT\n:authority: server:80\n:scheme: http"},

	{name: "body", want: h2ok, fields: h2post(), data: []string{"ab", "c"}},
	{name: "no body", want: h2ok, fields: h2post()},
	{name: "length", want: h2ok, fields: h2post("content-length: 3"), data: []string{"ab", "c"}},
	{name: "length 0", want: h2ok, fields: h2post("content-length: 0")},
	{name: "length 0 and an empty frame", want: h2ok, fields: h2post("content-length: 0"), data: []string{""}},
	{name: "less than the length", want: h2bad, fields: h2post("content-length: 4"), data: []string{"abc"}, begins: true},
	{name: "more than the length", want: h2malformed, fields: h2post("content-length: 2"), data: []string{"a", "bc"}, begins: true},
	{name: "more than nothing", want: h2malformed, fields: h2post("content-length: 0"), data: []string{"abc"}, begins: true},
	{name: "length without a body", want: h2bad, fields: h2post("content-length: 3")},
	{name: "length and an empty body", want: h2bad, fields: h2post("content-length: 3"), data: []string{""}, begins: true},
	{name: "two lengths", want: h2bad, fields: h2post("content-length: 3", "content-length: 4"), data: []string{"abc"}},
	{name: "two equal lengths", want: h2bad, fields: h2post("content-length: 3", "content-length: 3"), data: []string{"abc"}},
	{name: "list of lengths", want: h2bad, fields: h2post("content-length: 3, 3"), data: []string{"abc"}},
	{name: "length with a sign", want: h2bad, fields: h2post("content-length: +3"), data: []string{"abc"}},
	{name: "negative length", want: h2bad, fields: h2post("content-length: -1"), data: []string{"abc"}},
	{name: "empty length", want: h2bad, fields: h2post("content-length: "), data: []string{"abc"}},
	{name: "empty length without a body", want: h2bad, fields: h2post("content-length: ")},
	{name: "huge length", want: h2bad, fields: h2post("content-length: 99999999999999999999"), data: []string{"abc"}},

	{name: "space before a value", want: h2bad, fields: h2get("a:  b")},
	{name: "tab behind a value", want: h2bad, fields: h2get("a: b\t")},
	{name: "empty value", want: h2ok, fields: h2get("a: ")},
	{name: "NUL in a value", want: h2malformed, fields: h2get("a: b\x00")},
	{name: "capitals in a name", want: h2malformed, fields: h2get("A: b")},
	{name: "space in a name", want: h2malformed, fields: h2get("a b: c")},
	{name: "connection", want: h2bad, fields: h2get("connection: close")},
	{name: "transfer-encoding", want: h2bad, fields: h2post("transfer-encoding: chunked"), data: []string{"0\r\n\r\n"}},
}

// send sends the request's frames.
func (f h2form) send(c h2raw, id uint32) {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for line := range strings.SplitSeq(f.fields, "\n") {
		name, value, ok := cutField(line)
		if !ok {
			c.t.Errorf("no field: %q", line)
		}
		c.check(e.WriteField(hpack.HeaderField{Name: name, Value: value}))
	}
	c.check(c.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: b.Bytes(), EndStream: f.data == nil, EndHeaders: true,
	}))
	synctest.Wait() // what is refused for its header is, before the data comes
	for i, d := range f.data {
		c.check(c.WriteData(id, i == len(f.data)-1, []byte(d)))
	}
}

// outcome reads until the stream is answered or reset, and returns the status
// or the error code.
func (c h2raw) outcome(id uint32) string {
	status := ""
	for {
		f, err := c.ReadFrame()
		if err != nil {
			return err.Error()
		}
		if f.Header().StreamID != id {
			continue
		}
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			status = f.PseudoValue("status")
		case *http2.RSTStreamFrame:
			return f.ErrCode.String()
		}
		if f.Header().Flags.Has(http2.FlagDataEndStream) {
			return status
		}
	}
}

// TestH2Malformed checks that no function is called with a request that is
// malformed: RFC 9113, section 8, has it answered or its stream reset. The
// connection goes on.
func TestH2Malformed(t *testing.T) {
	calls := 0
	handle := func(r *httpx.Request) {
		calls++
		answers(r)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			http.Error(w, err.Error(), 400)
		}
	})
	for mode, serve := range map[string]func() *httpx.Server{
		"Handle":  func() *httpx.Server { return &httpx.Server{Handle: handle} },
		"Handler": func() *httpx.Server { return &httpx.Server{Handler: handler} },
	} {
		inH2(t, serve(), func(c h2raw) {
			for i, f := range h2forms {
				calls = 0
				id := uint32(2*i + 1)
				f.send(c, id)
				if got := c.outcome(id); got != f.want {
					t.Errorf("%s: %s: got %s, want %s", mode, f.name, got, f.want)
				}
				synctest.Wait()
				called := f.want == h2ok
				if mode == "Handler" {
					called = called && !f.std || f.begins
				}
				if calls > 0 != called {
					t.Errorf("%s: %s: %d calls", mode, f.name, calls)
				}
			}
		})
	}
}

// TestH2ExtendedConnect checks what validH2 does of RFC 8441, which net/http
// has behind a setting of the process.
func TestH2ExtendedConnect(t *testing.T) {
	for _, k := range []struct {
		method, path string
		want         bool
	}{
		{"CONNECT", "/chat", true},
		{"CONNECT", "server:80", false},
		{"CONNECT", "*", false},
		{"GET", "/chat", false},
	} {
		r := &http.Request{Method: k.method, RequestURI: k.path, Host: "server", Header: http.Header{":protocol": {"websocket"}}}
		if got := httpx.ValidH2(r); got != k.want {
			t.Errorf("%s %s: %v", k.method, k.path, got)
		}
	}
}
