package httpx

import (
	"net/http"
	"net/http/cookiejar"

	"golang.org/x/net/publicsuffix"
)

// NewJar returns a jar for Client.Jar that keeps cookies in memory, and takes
// none for a whole public suffix such as "co.uk".
func NewJar() http.CookieJar {
	jar, _ := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List}) // has no errors
	return jar
}
