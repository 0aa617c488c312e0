package httpx

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"reflect"
	"strings"

	"goaio.example/aio/internal/http1"
)

// noRequest is the template of requests: WithContext is the only way to set a
// request's context.
var noRequest http.Request

// handlerKit holds what an http.Handler is given, in one allocation. Its parts
// stay in memory while the program keeps any of them.
type handlerKit struct {
	out h1Writer
	url url.URL
}

// request returns the request as an http.Handler gets it, with the body.
func (x *h1Exchange) request() *http.Request {
	h := &x.head
	r := noRequest.WithContext(x.Context())
	r.Method, r.RequestURI, r.Proto, r.Host = h.Method, h.Target, h.Proto(), h.Host
	r.ProtoMajor, r.ProtoMinor = 1, int(h.Minor)
	if x.kit != nil {
		r.URL = &x.kit.url
	} else {
		r.URL = new(url.URL)
	}
	// cannot fail: the parser has checked it
	if err := h.SetURL(r.URL); err != nil {
		panic(fmt.Sprintf("httpx: target %q: %v", h.Target, err))
	}
	r.Header = x.header()
	r.RemoteAddr = x.remote()
	r.Close = !h.KeepsAlive()
	r.ContentLength = h.Length
	r.TLS = x.k.tls()
	r.Body = http.NoBody
	if h.Length != 0 && x.s.Handle == nil {
		r.Body = x.body
	}
	if h.Length < 0 {
		r.TransferEncoding = []string{"chunked"}
		r.Trailer = declaredTrailer(h)
	}
	return r
}

// header returns the header as in net/http: without Host and Transfer-Encoding,
// and without the Trailer of a chunked body.
func (x *h1Exchange) header() http.Header {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.hdr != nil {
		return x.hdr
	}
	n := x.head.Len()
	x.hdr = make(http.Header, max(n-1, 0)) // without Host
	var values []string                    // all of one array, as in net/http
	for f := range x.head.Fields {
		name := canonical(f.Name)
		switch {
		case name == "Host", name == "Transfer-Encoding", name == "Trailer" && x.head.Length < 0:
			continue
		}
		if old := x.hdr[name]; old != nil {
			x.hdr[name] = append(old, f.Value)
			continue
		}
		if values == nil {
			values = make([]string, 0, n)
		}
		values = append(values, f.Value)
		i := len(values)
		x.hdr[name] = values[i-1 : i : i]
	}
	if p := x.hdr["Pragma"]; len(p) > 0 && p[0] == "no-cache" && x.hdr["Cache-Control"] == nil {
		x.hdr["Cache-Control"] = []string{"no-cache"} // as net/http does
	}
	return x.hdr
}

// canonical returns the canonical form of a field's name.
func canonical(name string) string { return textproto.CanonicalMIMEHeaderKey(name) }

// declaredTrailer returns the names in the Trailer field of a chunked request.
func declaredTrailer(h *http1.Head) http.Header {
	var t http.Header
	for f := range h.Fields {
		if canonical(f.Name) != "Trailer" {
			continue
		}
		for name := range strings.SplitSeq(f.Value, ",") {
			if name = canonical(http1.Trim(name)); name != "" {
				if t == nil {
					t = make(http.Header)
				}
				t[name] = nil
			}
		}
	}
	return t
}

// maxBytesReader is the type that http.MaxBytesReader returns.
var maxBytesReader = reflect.TypeOf(http.MaxBytesReader(nil, http.NoBody, 0))

// tooLarge reports whether the handler has exceeded the limit of an
// http.MaxBytesReader. As with net/http's server, the connection ends then.
func (x *h1Exchange) tooLarge() bool {
	if x.req == nil || x.req.Body == nil || reflect.TypeOf(x.req.Body) != maxBytesReader {
		return false
	}
	// reads nothing, and returns an earlier error
	_, err := x.req.Body.Read(nil)
	var tooLarge *http.MaxBytesError
	return errors.As(err, &tooLarge)
}
