package live

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// session is what a browser has in the place of the token: a cookie. Browsers
// also send it to other servers on the same host, whatever their port, so it is
// derived from the token in a way that cannot be reversed. Its name differs by
// token, so that pages on one host do not replace each other's.
type session struct{ name, value string }

// newSession returns the session of clients that have the token.
func newSession(token string) session {
	return session{
		name:  "goaio_live_" + hex.EncodeToString(keyed(token, "name")[:4]),
		value: base64.RawURLEncoding.EncodeToString(keyed(token, "session")),
	}
}

// keyed returns a message's authentication code with the token as the key.
func keyed(token, message string) []byte {
	h := hmac.New(sha256.New, []byte(token))
	h.Write([]byte(message))
	return h.Sum(nil)
}

// bears reports whether the request has the token, as a bearer, or its session,
// in the cookie. A token in the URL is taken out of that, and the session
// given.
func (p *Page) bears(w http.ResponseWriter, r *http.Request) bool {
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") && same(given, p.Token) {
		return true
	}
	if c, err := r.Cookie(p.session.name); err == nil && same(c.Value, p.session.value) {
		return true
	}
	if v := r.URL.Query(); r.Method == http.MethodGet && same(v.Get("token"), p.Token) {
		http.SetCookie(w, &http.Cookie{
			Name: p.session.name, Value: p.session.value, Path: "/", HttpOnly: true, Secure: r.TLS != nil,
			SameSite: http.SameSiteStrictMode,
		})
		v.Del("token")
		w.Header().Set("Location", (&url.URL{Path: "./" + partOf(r), RawQuery: v.Encode()}).String())
		w.WriteHeader(http.StatusSeeOther)
		return false
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="live"`)
	http.Error(w, "live: a token is required: open ?token=TOKEN", http.StatusUnauthorized)
	return false
}

// same compares in constant time, whatever the lengths are.
func same(given, want string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// partOf returns the part of the page that a request is for: the last element
// of its path, "" for the page itself.
func partOf(r *http.Request) string {
	if strings.HasSuffix(r.URL.Path, "/") || r.URL.Path == "" {
		return ""
	}
	return path.Base(r.URL.Path)
}
