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

// noRequest is what requests are made of: WithContext is the only way to give
// one its ctx.
var noRequest http.Request

// handlerKit is what each http.Handler is given, in one allocation. Its parts
// stay as long as the program keeps one of them.
type handlerKit struct {
	out    h1Writer
	url    url.URL
	values [10]string // of the request's header
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
	if err := h.SetURL(r.URL); err != nil { // which the parser has made sure of
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

// header returns the header as net/http has it: without Host and
// Transfer-Encoding, and without the Trailer of a chunked body.
func (x *h1Exchange) header() http.Header {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.hdr != nil {
		return x.hdr
	}
	n := x.head.Len()
	x.hdr = make(http.Header, n)
	var values []string
	if x.kit != nil && n <= len(x.kit.values) {
		values = x.kit.values[:0]
	} else {
		values = make([]string, 0, n)
	}
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
		values = append(values, f.Value)
		i := len(values)
		x.hdr[name] = values[i-1 : i : i]
	}
	if p := x.hdr["Pragma"]; len(p) > 0 && p[0] == "no-cache" && x.hdr["Cache-Control"] == nil {
		x.hdr["Cache-Control"] = []string{"no-cache"} // as net/http has it
	}
	return x.hdr
}

// canonical returns a field's name as http.Header has it.
func canonical(name string) string { return textproto.CanonicalMIMEHeaderKey(name) }

// declaredTrailer returns the names of the trailer that a chunked request
// declares.
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

// maxBytesReader is the type of what http.MaxBytesReader returns.
var maxBytesReader = reflect.TypeOf(http.MaxBytesReader(nil, http.NoBody, 0))

// tooLarge reports whether the handler has met the bound of an
// http.MaxBytesReader: net/http's server ends the connection then.
func (x *h1Exchange) tooLarge() bool {
	if x.req == nil || x.req.Body == nil || reflect.TypeOf(x.req.Body) != maxBytesReader {
		return false
	}
	_, err := x.req.Body.Read(nil) // which does not read, and tells of an error there was
	var tooLarge *http.MaxBytesError
	return errors.As(err, &tooLarge)
}
