package live

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// admit checks whether a request may see anything. If not, it has answered it.
func (p *Page) admit(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case !p.knowsHost(r.Host):
		http.Error(w, "live: not a name of this server: see live.Page.Hosts", http.StatusMisdirectedRequest)
	case p.Token == "" && !fromHere(r):
		http.Error(w, "live: only for this machine: see live.Page.Token", http.StatusForbidden)
	case p.ofOtherSite(r):
		http.Error(w, "live: a request of another site", http.StatusForbidden)
	case p.Token != "":
		return p.bears(w, r)
	default:
		return true
	}
	return false
}

// knowsHost reports whether a Host header is one that a page may have that was
// not led here by its own DNS: localhost, an IP address, or one of Hosts.
func (p *Page) knowsHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = plainName(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	if _, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")); err == nil {
		return true
	}
	return slices.ContainsFunc(p.Hosts, func(name string) bool { return plainName(name) == host })
}

// plainName returns a name in lower case, without the dot of the root.
func plainName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// fromHere reports whether a request comes from this machine: from a loopback
// address, or over a unix socket.
func fromHere(r *http.Request) bool {
	if a, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return a.Addr().Unmap().IsLoopback()
	}
	_, unix := r.Context().Value(http.LocalAddrContextKey).(*net.UnixAddr)
	return unix
}

// ofOtherSite reports whether a page of another site makes a request that
// changes something or, unseen by the user, one that costs something: it cannot
// read the answer, but could ask again and again. Browsers say so to localhost
// and over TLS. A link to the page may be followed from anywhere.
func (p *Page) ofOtherSite(r *http.Request) bool {
	if p.origins.Check(r) != nil {
		return true
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return false
	}
	return r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Header.Get("Sec-Fetch-Dest") != "document"
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
