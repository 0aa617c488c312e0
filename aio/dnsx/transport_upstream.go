package dnsx

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// scheme is how a server is reached.
type scheme uint8

const (
	schemeUDP   scheme = iota // UDP, and TCP if the answer is truncated
	schemeTCP                 // TCP alone
	schemeTLS                 // DNS over TLS (RFC 7858)
	schemeHTTPS               // DNS over HTTPS (RFC 8484)
)

// upstream is one server.
type upstream struct {
	spec       string // as given in the configuration
	scheme     scheme
	addr       string         // "host:port" to dial
	udp        netip.AddrPort // the same, unless it needs to be resolved
	serverName string         // for the server's certificate
	url        string         // for HTTPS
	bad        error          // why there is no such server
	*health
}

// encrypted reports whether what is sent is padded, so that its length does not
// tell the name.
func (u *upstream) encrypted() bool { return u.scheme == schemeTLS || u.scheme == schemeHTTPS }

// parseUpstream returns the server of a configuration's "IP:PORT" and so on,
// see exchangeConfig.
func parseUpstream(spec string) *upstream {
	u := &upstream{spec: spec}
	name, rest, ok := strings.Cut(spec, "://")
	if !ok {
		name, rest = "udp", spec
	}
	switch name {
	case "udp":
		u.parseAddr(schemeUDP, rest, "53")
	case "tcp":
		u.parseAddr(schemeTCP, rest, "53")
	case "tls":
		server, addr, ok := strings.Cut(rest, "@")
		if !ok {
			server, addr = "", rest
		}
		u.parseAddr(schemeTLS, addr, "853")
		if u.serverName = server; server == "" {
			u.serverName, _, _ = net.SplitHostPort(u.addr)
			u.serverName, _, _ = strings.Cut(u.serverName, "%") // certificates know no zones
		}
	case "https":
		u.parseURL(spec)
	default:
		u.bad = fmt.Errorf("dnsx: server %q: unknown scheme (want udp, tcp, tls or https)", spec)
	}
	return u
}

// parseAddr takes the address "IP:PORT" or "IP".
func (u *upstream) parseAddr(s scheme, addr, port string) {
	u.scheme = s
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		ip, err2 := netip.ParseAddr(strings.Trim(addr, "[]"))
		if err2 != nil {
			u.bad = fmt.Errorf("dnsx: server %q: %w", u.spec, err)
			return
		}
		u.addr = net.JoinHostPort(ip.String(), port)
		ap, _ = netip.ParseAddrPort(u.addr)
	} else {
		u.addr = ap.String()
	}
	u.udp = ap
}

// parseURL takes "https://HOST/path", after which "@IP" or "@IP:PORT" may say
// where HOST is.
func (u *upstream) parseURL(spec string) {
	u.scheme = schemeHTTPS
	slash := strings.IndexByte(spec[len("https://"):], '/') + len("https://")
	at := strings.LastIndexByte(spec, '@')
	if slash < len("https://") || at < slash {
		at = len(spec)
	}
	p, err := url.Parse(spec[:at])
	if err == nil && (p.Hostname() == "" || p.User != nil) {
		err = fmt.Errorf("want https://HOST/path or https://HOST/path@IP")
	}
	if err != nil {
		u.bad = fmt.Errorf("dnsx: server %q: %w", spec, err)
		return
	}
	u.url, u.serverName = p.String(), p.Hostname()
	port := p.Port()
	if port == "" {
		port = "443"
	}
	if at == len(spec) {
		u.addr = net.JoinHostPort(p.Hostname(), port)
		return
	}
	u.parseAddr(schemeHTTPS, spec[at+1:], port)
}
