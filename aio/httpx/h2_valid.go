package httpx

import (
	"net/http"
	"strings"

	"goaio.example/aio/internal/http1"
)

// validH2 reports whether a request over HTTP/2 is well-formed (RFC 9113,
// sections 8.1.1, 8.2.1, 8.3.1 and 8.5). It makes the checks that net/http does
// not make: net/http resets the stream when a pseudo-header field is missing,
// duplicate or unknown, and refuses the fields that HTTP/2 does not allow. The
// rest is as strict as over HTTP/1.1. Whether the data has the announced length
// is checked when it is read.
func validH2(r *http.Request) bool {
	return http1.ValidMethod(r.Method) && validTargetH2(r) && validHostH2(r) && validLengthH2(r) && validValuesH2(r.Header)
}

// validTargetH2 reports whether the path, or the authority of CONNECT, fits the
// method. A path has no scheme and host.
func validTargetH2(r *http.Request) bool {
	target := r.RequestURI
	// makes CONNECT a method like others (RFC 8441)
	_, extended := r.Header[":protocol"]
	switch {
	case extended:
		return r.Method == http.MethodConnect && strings.HasPrefix(target, "/") && http1.ValidTarget(http.MethodGet, target)
	case r.Method == http.MethodConnect, target == "*", strings.HasPrefix(target, "/"):
		return http1.ValidTarget(r.Method, target)
	}
	return false
}

// validHostH2 reports whether there is exactly one authority. r.Host is the
// Host field if the request has no :authority. An http URL must have a host
// (RFC 9110, section 4.2.1).
func validHostH2(r *http.Request) bool {
	if r.Host == "" || !http1.ValidHost(r.Host) {
		return false
	}
	switch hosts := r.Header["Host"]; len(hosts) {
	case 0:
		return true
	case 1:
		return http1.ValidHost(hosts[0]) && http1.SameHost(hosts[0], r.Host)
	}
	return false
}

// validLengthH2 reports whether there is at most one Content-Length, and it is
// a number. In net/http's r.ContentLength it is 0 if the stream ended with the
// header.
func validLengthH2(r *http.Request) bool {
	switch lengths := r.Header["Content-Length"]; len(lengths) {
	case 0:
		return true
	case 1:
		n, ok := http1.ParseLength(lengths[0])
		return ok && n == r.ContentLength
	}
	return false
}

// validValuesH2 reports whether no value has white space around it, which
// HTTP/1.1 would drop. net/http checks for control bytes.
func validValuesH2(h http.Header) bool {
	for _, values := range h {
		for _, v := range values {
			if v != http1.Trim(v) {
				return false
			}
		}
	}
	return true
}

// bodyless reports whether nothing can follow the header. Over HTTP/2 more may
// come than a Content-Length of 0 says, which only reading shows.
func (x *h2Exchange) bodyless() bool {
	if x.raw.Body == nil {
		return true
	}
	return x.raw.ContentLength == 0 && x.raw.Header["Content-Length"] == nil
}
