package httpx

import (
	"net/http"
	"net/http/cookiejar"

	"golang.org/x/net/publicsuffix"
)

// NewJar returns a jar for Client.Jar that keeps cookies in memory, and accepts
// none for a whole public suffix such as "co.uk".
func NewJar() http.CookieJar {
	// never fails
	jar, _ := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
	return jar
}
