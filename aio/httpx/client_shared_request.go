package httpx

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// sharedRequest returns a request in the form that is sent over HTTP/2. As over
// HTTP/1.1, the values of its header have no white space around them, which a
// server must refuse (RFC 9113, section 8.2.1), and its target has no spaces
// and no control bytes. It returns req, or a copy if something has to change.
func sharedRequest(req *http.Request) (*http.Request, error) {
	target := req.URL.RequestURI()
	clean, err := cleanTarget([]byte(target), 0)
	if err != nil {
		return nil, err
	}
	trims := untrimmed(req.Header)
	if string(clean) == target && !trims {
		return req, nil
	}
	again := *req
	if string(clean) != target {
		u := *req.URL
		u.Opaque = strings.ReplaceAll(u.Opaque, " ", "%20")
		u.RawQuery = strings.ReplaceAll(u.RawQuery, " ", "%20")
		again.URL = &u
	}
	if trims {
		again.Header = req.Header.Clone()
		for _, values := range again.Header {
			for i, v := range values {
				values[i] = textproto.TrimString(v)
			}
		}
	}
	return &again, nil
}

// untrimmed reports whether a value in h has white space around it.
func untrimmed(h http.Header) bool {
	for _, values := range h {
		if slices.ContainsFunc(values, func(v string) bool { return len(textproto.TrimString(v)) != len(v) }) {
			return true
		}
	}
	return false
}
