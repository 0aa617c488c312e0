package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"slices"
	"testing"
)

var testLimits = Limits{Bytes: 4 << 10, Fields: 20}

// FuzzHead checks that net/http parses each head that Parse accepts, to the
// same meaning, and that a head is read alike in one piece and in many.
func FuzzHead(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST /a?b=c HTTP/1.1\r\nHost: h:80\r\nContent-Length: 5\r\n\r\nhello",
		"POST /%41!b HTTP/1.1\r\nhost: [::1]:8\r\ntransfer-encoding: Chunked\r\nTrailer: A\r\n\r\n0\r\n\r\n",
		"OPTIONS * HTTP/1.0\r\nConnection: keep-alive, upgrade\r\nUpgrade: x\r\n\r\n",
		"CONNECT h:443 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n",
		"GET HTTP://h.example/x/?? HTTP/1.1\r\nHost: \r\nX: a\t b\xff \r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chun\u212aed\r\nConnection: clo\u017fe\r\n\r\n",
		"GET //x?[] HTTP/1.9\r\nHost: a\r\nConnection: close,\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		var h Head
		n, status := h.Parse(p, testLimits)
		checkPieces(t, p, n, status)
		if n == 0 {
			return
		}
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(p[:n])))
		if err != nil {
			t.Fatalf("net/http refuses %q: %v", p[:n], err)
		}
		var u url.URL
		if err := h.SetURL(&u); err != nil || u != *r.URL {
			t.Errorf("URL of %q: %#v, %v; want %#v", h.Target, u, err, *r.URL)
		}
		if h.Method != r.Method || h.Target != r.RequestURI || h.Proto() != r.Proto || h.Length != r.ContentLength {
			t.Errorf("%q: %+v, net/http has %+v", p[:n], h, r)
		}
		if h.Host != r.Host {
			t.Errorf("Host %q, net/http has %q", h.Host, r.Host)
		}
		if u := r.URL; h.Form <= Absolute && (h.Path() != u.EscapedPath() || h.Query() != u.RawQuery) {
			t.Errorf("%q: %q %q", h.Target, h.Path(), h.Query())
		}
		if h.KeepsAlive() == r.Close {
			t.Errorf("%q: KeepsAlive %v", p[:n], h.KeepsAlive())
		}
		checkFields(t, &h, r)
	})
}

// checkPieces holds that p is parsed like that when it comes byte by byte.
func checkPieces(t *testing.T, p []byte, n, status int) {
	for i := range len(p) + 1 {
		var h Head
		m, s := h.Parse(p[:i], testLimits)
		checked := max(i-1, 0)
		if n := Length(p[:i], checked); n != Length(p[:i], 0) || n == 0 && Check(p[:i], checked, testLimits) != s {
			t.Errorf("%q: the first %d bytes: %d, but %d if those before are known", p, i, s, Check(p[:i], checked, testLimits))
		}
		if m != 0 || s != 0 {
			if m != n || s != status && status == 0 {
				t.Errorf("%q: %d, %d; of its first %d bytes %d, %d", p, n, status, i, m, s)
			}
			return
		}
	}
	if n != 0 || status != 0 {
		t.Errorf("%q: %d, %d; in pieces nothing", p, n, status)
	}
}

func checkFields(t *testing.T, h *Head, r *http.Request) {
	got := http.Header{}
	for f := range h.Fields {
		switch k := textproto.CanonicalMIMEHeaderKey(f.Name); k {
		case "Host", "Transfer-Encoding", "Trailer":
		default:
			got[k] = append(got[k], f.Value)
		}
	}
	delete(r.Header, "Trailer")
	for k, v := range r.Header {
		if len(got[k]) != len(v) {
			t.Errorf("%s: %q, net/http has %q", k, got[k], v)
			continue
		}
		for i := range v {
			if v[i] != got[k][i] {
				t.Errorf("%s: %q, net/http has %q", k, got[k], v)
			}
		}
		delete(got, k)
	}
	delete(got, "Content-Length")
	if len(got) > 0 {
		t.Errorf("net/http has not %v", got)
	}
}

// FuzzChunked checks that net/http decodes each body that Chunked accepts, to
// the same data, whatever pieces it comes in.
func FuzzChunked(f *testing.F) {
	for _, s := range []string{
		"0\r\n\r\n", "5\r\nhello\r\n0\r\nA: b\r\nC: d\r\n\r\nrest", "1;x=\"y\"\r\na\r\n00A\r\n0123456789\r\n0\r\n\r\n", "3 ; a=b\r\nabc\r\n0\r\n\r\n",
	} {
		f.Add([]byte(s), 1)
	}
	f.Fuzz(func(t *testing.T, p []byte, size int) {
		whole, used, status := decode(p, len(p))
		pieces, used2, status2 := decode(p, max(size, 1))
		if !bytes.Equal(whole, pieces) || used != used2 || status != status2 {
			t.Fatalf("%q: %q %d %d; in pieces of %d %q %d %d", p, whole, used, status, size, pieces, used2, status2)
		}
		// which net/http refuses
		if used == 0 || bytes.Contains(p, []byte(" ;")) || bytes.Contains(p, []byte("\t;")) {
			return
		}
		got, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(p[:used])))
		if err != nil || !bytes.Equal(got, whole) {
			t.Errorf("%q: %q; net/http: %q, %v", p, whole, got, err)
		}
	})
}

// decode decodes p in pieces. used is 0 unless the body has ended.
func decode(p []byte, size int) (data []byte, used, status int) {
	d := Chunked{Limits: testLimits}
	for used < len(p) && !d.Over() {
		part := p[used:min(used+size, len(p))]
		for len(part) > 0 && !d.Over() {
			some, n, status := d.Next(part)
			data = append(data, some...)
			if used, part = used+n, part[n:]; status != 0 {
				return data, 0, status
			}
		}
	}
	if !d.Over() {
		used = 0
	}
	return data, used, 0
}

// FuzzResponse checks that net/http parses each head of a response that
// ParseResponse accepts, to the same meaning, and that a head is read alike in
// one piece and in many.
func FuzzResponse(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200\r\nTransfer-Encoding: Chunked\r\nTrailer: A\r\n\r\n0\r\n\r\n",
		"HTTP/1.0 404 \r\nConnection: keep-alive, close\r\nA:\t b \r\n\r\n",
		"HTTP/1.1 204 No\r\nContent-Length: 7\r\ncontent-length: 7\r\n\r\n",
		"HTTP/1.9 304 N\xff\r\nX: \xff\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
		"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
	} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, p []byte, head bool) {
		var h Response
		n, err := h.ParseResponse(p, 0, testLimits)
		checkResponsePieces(t, p, n, err)
		if n == 0 {
			return
		}
		method := "GET"
		if head {
			method = "HEAD"
		}
		r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(p[:n])), &http.Request{Method: method})
		if err != nil {
			if h.lengths > 1 { // which net/http wants spelt alike
				return
			}
			t.Fatalf("net/http refuses %q: %v", p[:n], err)
		}
		if h.Status != r.StatusCode || h.Proto() != r.Proto {
			t.Errorf("%q: %+v, net/http has %+v", p[:n], h, r)
		}
		if got, want := h.BodyLength(method), netHTTPLength(r, head); got != want {
			t.Errorf("%s %q: length %d, net/http has %d", method, p[:n], got, want)
		}
		if h.KeepsAlive() && r.Close && h.BodyLength(method) != LengthUntilClose {
			t.Errorf("%q is said to keep the connection", p[:n])
		}
		got := http.Header{}
		for f := range h.Fields {
			k := textproto.CanonicalMIMEHeaderKey(f.Name)
			got[k] = append(got[k], f.Value)
		}
		for k, v := range r.Header {
			if k != "Content-Length" && k != "Cache-Control" && !slices.Equal(got[k], v) {
				t.Errorf("%s: %q, net/http has %q", k, got[k], v)
			}
		}
	})
}

// netHTTPLength is the length of the body that net/http would read.
func netHTTPLength(r *http.Response, head bool) int64 {
	switch {
	case head, r.Body == http.NoBody:
		return 0
	case len(r.TransferEncoding) > 0:
		return LengthChunked
	case r.ContentLength < 0:
		return LengthUntilClose
	}
	return r.ContentLength
}

// checkResponsePieces holds that p is parsed like that when it comes byte by
// byte.
func checkResponsePieces(t *testing.T, p []byte, n int, err error) {
	for i := range len(p) + 1 {
		m, e := new(Response).ParseResponse(p[:i], max(i-1, 0), testLimits)
		if m != 0 || e != nil {
			if m != n || err == nil && e != nil {
				t.Errorf("%q: %d, %v; of its first %d bytes %d, %v", p, n, err, i, m, e)
			}
			return
		}
	}
	if n != 0 || err != nil {
		t.Errorf("%q: %d, %v; in pieces nothing", p, n, err)
	}
}
