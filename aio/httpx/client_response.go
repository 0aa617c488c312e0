package httpx

import (
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"goaio.example/aio/internal/http1"
)

// response returns the trip's response as an http.Response with the given body.
func (t *trip) response(k *clientConn, body io.ReadCloser) *http.Response {
	p := &t.in.parsed
	resp := &http.Response{
		Status: statusText(p), StatusCode: p.Status, Proto: p.Proto(), ProtoMajor: 1, ProtoMinor: int(p.Minor),
		Header: headerOf(p), Body: body, Request: t.req, Close: !p.KeepsAlive(),
	}
	if state, ok := k.c.TLS(); ok {
		resp.TLS = &state
	}
	// always chunked: others were refused
	if resp.Header["Transfer-Encoding"] != nil {
		resp.TransferEncoding = []string{"chunked"}
		delete(resp.Header, "Transfer-Encoding")
	}
	switch resp.ContentLength = p.BodyLength(t.req.Method); {
	case t.req.Method == http.MethodHead:
		resp.ContentLength = p.Announced
	case resp.ContentLength == http1.LengthChunked:
		delete(resp.Header, "Content-Length")
		resp.Trailer = declaredTrailerOf(resp.Header)
	case resp.ContentLength == http1.LengthUntilClose:
		resp.ContentLength, resp.Close = -1, true
	}
	if s := t.in.stream.Load(); s != nil {
		s.resp = resp
	}
	if t.packed() {
		resp.Body = &gzipBody{packed: body}
		resp.Uncompressed, resp.ContentLength = true, -1
		delete(resp.Header, "Content-Encoding")
		delete(resp.Header, "Content-Length")
	}
	return resp
}

// statusText returns the status and the reason, as in http.Response.Status.
func statusText(p *http1.Response) string {
	if p.Reason == "" {
		return strconv.Itoa(p.Status)
	}
	return strconv.Itoa(p.Status) + " " + p.Reason
}

// declaredTrailerOf removes the Trailer field from h, and returns the names
// that it declares.
func declaredTrailerOf(h http.Header) http.Header {
	names := h["Trailer"]
	if names == nil {
		return nil
	}
	delete(h, "Trailer")
	t := make(http.Header)
	for _, v := range names {
		for name := range strings.SplitSeq(v, ",") {
			if name = canonical(http1.Trim(name)); name != "" {
				t[name] = nil
			}
		}
	}
	return t
}

// packed reports whether the response has to be unpacked: the client itself
// asked for gzip, and the server used it.
func (t *trip) packed() bool {
	if !gzipAccepted(t.req) || t.in.state == answerTunnel || t.in.state == answerBody && t.in.left == 0 {
		return false
	}
	return http1.EqualFold(t.in.parsed.Value("Content-Encoding"), "gzip")
}

// gzipBody unpacks a body. The first Read returns an error in the gzip header.
type gzipBody struct {
	packed io.ReadCloser
	z      *gzip.Reader
	err    error
	closed atomic.Bool
}

func (b *gzipBody) Read(p []byte) (int, error) {
	if b.closed.Load() { // unpacked data may be buffered
		return 0, errBodyClosed
	}
	if b.z == nil && b.err == nil {
		b.z, b.err = gzip.NewReader(b.packed)
	}
	if b.err != nil {
		return 0, b.err
	}
	return b.z.Read(p)
}

func (b *gzipBody) Close() error {
	b.closed.Store(true)
	return b.packed.Close()
}
