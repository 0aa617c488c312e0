package live

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// tokenCookie is the name of the cookie that a browser has the token in.
const tokenCookie = "goaio_live"

// admit checks whether a request may see anything. If not, it has answered it.
func (p *Page) admit(w http.ResponseWriter, r *http.Request) bool {
	if !p.knowsHost(r.Host) {
		http.Error(w, "live: not a name of this server: see live.Page.Hosts", http.StatusMisdirectedRequest)
		return false
	}
	if p.Token == "" {
		if !local(r.RemoteAddr) {
			http.Error(w, "live: only for this machine: see live.Page.Token", http.StatusForbidden)
			return false
		}
	} else if !p.bears(w, r) {
		return false
	}
	if err := p.origins.Check(r); err != nil {
		http.Error(w, "live: a request of another site", http.StatusForbidden)
		return false
	}
	return true
}

// knowsHost reports whether a Host header is one that a page may have that was
// not led here by its own DNS: localhost, an IP address, or one of Hosts.
func (p *Page) knowsHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	return slices.ContainsFunc(p.Hosts, func(name string) bool { return strings.EqualFold(name, host) })
}

// local reports whether an address is one of this machine: a loopback address,
// or that of a unix socket.
func local(addr string) bool {
	if a, err := netip.ParseAddrPort(addr); err == nil {
		return a.Addr().Unmap().IsLoopback()
	}
	return addr == "" || addr[0] == '@' || addr[0] == '/'
}

// bears reports whether the request has the token: as a bearer, in the cookie,
// or in the URL, from where it is moved to the cookie.
func (p *Page) bears(w http.ResponseWriter, r *http.Request) bool {
	if given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && p.isToken(given) {
		return true
	}
	if c, err := r.Cookie(tokenCookie); err == nil && p.isToken(c.Value) {
		return true
	}
	if v := r.URL.Query(); r.Method == http.MethodGet && p.isToken(v.Get("token")) {
		http.SetCookie(w, &http.Cookie{
			Name: tokenCookie, Value: p.Token, Path: "/", HttpOnly: true, Secure: r.TLS != nil,
			SameSite: http.SameSiteStrictMode,
		})
		v.Del("token")
		w.Header().Set("Location", (&url.URL{Path: "./", RawQuery: v.Encode()}).String())
		w.WriteHeader(http.StatusSeeOther)
		return false
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="live"`)
	http.Error(w, "live: a token is required: open ?token=TOKEN", http.StatusUnauthorized)
	return false
}

// isToken compares in constant time.
func (p *Page) isToken(given string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(p.Token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// secure sets the header fields that every response has.
func secure(h http.Header, nonce string) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-"+nonce+"'; style-src 'nonce-"+nonce+
		"'; img-src data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}
