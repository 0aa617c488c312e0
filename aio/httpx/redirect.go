package httpx

import (
	"net/http"
	"net/url"
)

// checkRedirect bounds the redirects, and drops secrets that net/http would
// send on with them. It closes the redirect's own body, for which net/http
// would wait without a bound.
func (ex *outgoing) checkRedirect(req *http.Request, via []*http.Request) error {
	limit := ex.client.MaxRedirects
	if limit == 0 {
		limit = 10
	}
	if limit < 0 {
		return http.ErrUseLastResponse
	}
	drop(req.Response)
	if len(via) > limit {
		return ErrRedirects
	}
	if lostTLS(via, req) {
		for _, name := range credentials {
			delete(req.Header, name)
		}
	}
	if ex.req.Header["Referer"] == nil {
		trimReferer(req, via[len(via)-1].URL)
	}
	return nil
}

// credentials lists the fields that net/http does not send to another host. The
// cookies of a Jar are added later, as the jar decides.
var credentials = []string{
	"Authorization", "Cookie", "Cookie2", "Proxy-Authenticate", "Proxy-Authorization", "Www-Authenticate",
}

// lostTLS reports whether a request follows a redirect from https to another
// scheme. An attacker on the network may have forged everything after it.
func lostTLS(via []*http.Request, req *http.Request) bool {
	secure := false
	for _, r := range via {
		if secure && r.URL.Scheme != "https" {
			return true
		}
		secure = r.URL.Scheme == "https"
	}
	return secure && req.URL.Scheme != "https"
}

// trimReferer reduces the Referer, which is from, to the origin if the request
// goes to another one: "strict-origin-when-cross-origin", the default of
// browsers. From https to http net/http sends none.
func trimReferer(req *http.Request, from *url.URL) {
	if req.Header["Referer"] == nil || from.Scheme == req.URL.Scheme && from.Host == req.URL.Host {
		return
	}
	req.Header.Set("Referer", (&url.URL{Scheme: from.Scheme, Host: from.Host, Path: "/"}).String())
}
