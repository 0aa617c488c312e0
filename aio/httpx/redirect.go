package httpx

import (
	"net/http"
	"net/url"
)

// checkRedirect bounds the redirects, and keeps secrets from following them to
// where package net/http would let them go. It lets go of the redirect's own
// body, which package net/http would wait for without a bound.
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

// credentials are the fields that package net/http does not send to another
// host. The cookies of a Jar are added later, as the jar has it.
var credentials = []string{
	"Authorization", "Cookie", "Cookie2", "Proxy-Authenticate", "Proxy-Authorization", "Www-Authenticate",
}

// lostTLS reports whether a request comes behind a redirect from https to
// another scheme. Whoever is on the way may have made up all that follows that.
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

// trimReferer leaves of the Referer, which is from, the origin only if the
// request goes to another one: "strict-origin-when-cross-origin", the default
// of browsers. From https to http net/http sends none.
func trimReferer(req *http.Request, from *url.URL) {
	if req.Header["Referer"] == nil || from.Scheme == req.URL.Scheme && from.Host == req.URL.Host {
		return
	}
	req.Header.Set("Referer", (&url.URL{Scheme: from.Scheme, Host: from.Host, Path: "/"}).String())
}
