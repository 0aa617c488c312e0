package http1

import (
	"net/netip"
	"net/url"
	"strings"
)

// Form is the form of a request's target (RFC 9112, section 3.2).
type Form uint8

const (
	// Origin is an absolute path and an optional query. They have the
	// characters of RFC 3986, and "[" and "]" in the query, where programs send
	// them. In the path "%" begins an escape.
	Origin Form = iota
	// Absolute is an http or https URL with a host, and without user
	// information.
	Absolute
	// Authority is a host and a port, for CONNECT.
	Authority
	// Asterisk is "*", for OPTIONS only.
	Asterisk
)

// setForm sets the form of the target, and Host if the target has one. It
// reports false if no form of the target fits the method.
func (h *Head) setForm() bool {
	t := h.Target
	switch {
	case t == "":
		return false
	case h.Method == "CONNECT":
		h.Form, h.Host = Authority, t
		host, port, ok := cutPort(t)
		return ok && host != "" && port != ""
	case t == "*":
		h.Form = Asterisk
		return h.Method == "OPTIONS"
	case t[0] == '/':
		h.Form = Origin
		return validPath(t)
	}
	h.Form = Absolute
	scheme, rest, ok := strings.Cut(t, "://")
	if !ok || !EqualFold(scheme, "http") && !EqualFold(scheme, "https") {
		return false
	}
	i := strings.IndexAny(rest, "/?")
	if i < 0 {
		i = len(rest)
	}
	h.Host = rest[:i]
	host, _, ok := cutPort(h.Host)
	return ok && host != "" && validPath(rest[i:])
}

// validPath reports whether s is a path, which may be empty, and an optional
// query.
func validPath(s string) bool {
	i := 0
	for ; i < len(s) && s[i] != '?'; i++ {
		switch {
		case classes[s[i]]&inPath == 0:
			return false
		case s[i] == '%' && (i+2 >= len(s) || hexValue(s[i+1]) < 0 || hexValue(s[i+2]) < 0):
			return false
		}
	}
	return i == len(s) || all(s[i+1:], inQuery)
}

// ValidHost reports whether s can be the value of a Host field: empty, or a
// host with an optional port.
func ValidHost(s string) bool {
	host, _, ok := cutPort(s)
	return ok && (host != "" || s == "")
}

// cutPort splits an authority without user information into its host and its
// port, which may be empty. ok reports whether it is valid.
func cutPort(s string) (host, port string, ok bool) {
	host = s
	if strings.HasPrefix(s, "[") {
		i := strings.IndexByte(s, ']')
		if i < 0 {
			return "", "", false
		}
		a, err := netip.ParseAddr(s[1:i])
		if err != nil || !a.Is6() || a.Zone() != "" {
			return "", "", false
		}
		host, port = s[:i+1], s[i+1:]
	} else if i := strings.IndexByte(s, ':'); i >= 0 {
		host, port = s[:i], s[i:]
	}
	if port != "" {
		if port[0] != ':' || !validPort(port[1:]) {
			return "", "", false
		}
		port = port[1:]
	}
	return host, port, host != "" && host[0] == '[' || all(host, inHost)
}

// validPort reports whether s is a port, or empty.
func validPort(s string) bool {
	n := 0
	for i := range len(s) {
		if classes[s[i]]&isDigit == 0 || n > 65535 {
			return false
		}
		n = 10*n + int(s[i]-'0')
	}
	return n <= 65535
}

// Path returns the path of the target as it was sent, without the query.
func (h *Head) Path() string {
	s := h.Target
	if h.Form == Absolute {
		_, s, _ = strings.Cut(s, "://")
		i := strings.IndexAny(s, "/?")
		if i < 0 {
			return ""
		}
		s = s[i:]
	}
	path, _, _ := strings.Cut(s, "?")
	return path
}

// Query returns what follows the first "?" of the target.
func (h *Head) Query() string {
	_, query, _ := strings.Cut(h.Target, "?")
	return query
}

// SetURL sets u, which must be zero, to the target as net/http's server does.
func (h *Head) SetURL(u *url.URL) error {
	t := h.Target
	if h.Form == Origin {
		path, query, has := strings.Cut(t, "?")
		if all(path, isPlain) {
			u.Path, u.RawQuery, u.ForceQuery = path, query, has && query == ""
			return nil
		}
	}
	if h.Form == Authority {
		t = "http://" + t
	}
	parsed, err := url.ParseRequestURI(t)
	if err != nil {
		return err
	}
	*u = *parsed
	if h.Form == Authority {
		u.Scheme = ""
	}
	return nil
}
