package transport

import (
	"errors"
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

// Server is one server.
type Server struct {
	Spec string // as it was given to Parse
	Err  error  // why Spec names no server; nil if it does

	scheme scheme
	addr   string         // "host:port" to dial
	udp    netip.AddrPort // the same; invalid if the host is a name
	name   string         // that the server's certificate must be for
	url    string         // for HTTPS
}

// encrypted reports whether queries are padded, so that their length does not
// disclose the name.
func (s *Server) encrypted() bool { return s.scheme == schemeTLS || s.scheme == schemeHTTPS }

// Parse returns the server that spec names: "IP" or "IP:PORT", optionally after
// "udp://", "tcp://" or "tls://"; "tls://NAME@IP:PORT"; or "https://HOST/PATH",
// optionally with "@IP" or "@IP:PORT" at its end. If tcp is set, a server for
// UDP is asked by TCP.
func Parse(spec string, tcp bool) Server {
	s := Server{Spec: spec}
	name, rest, ok := strings.Cut(spec, "://")
	if !ok {
		name, rest = "udp", spec
	}
	switch name {
	case "udp":
		s.parseAddr(schemeUDP, rest, "53")
		if tcp {
			s.scheme = schemeTCP
		}
	case "tcp":
		s.parseAddr(schemeTCP, rest, "53")
	case "tls":
		server, addr, ok := strings.Cut(rest, "@")
		if !ok {
			server, addr = "", rest
		}
		s.parseAddr(schemeTLS, addr, "853")
		if s.name = server; server == "" {
			s.name, _, _ = net.SplitHostPort(s.addr)
			// certificates have no zones
			s.name, _, _ = strings.Cut(s.name, "%")
		}
	case "https":
		s.parseURL(spec)
	default:
		s.Err = fmt.Errorf("dnsx: server %q: unknown scheme (want udp, tcp, tls or https)", spec)
	}
	return s
}

// parseAddr parses the address "IP:PORT" or "IP".
func (s *Server) parseAddr(sch scheme, addr, port string) {
	s.scheme = sch
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		ip, err2 := netip.ParseAddr(strings.Trim(addr, "[]"))
		if err2 != nil {
			s.Err = fmt.Errorf("dnsx: server %q: %w", s.Spec, err)
			return
		}
		s.addr = net.JoinHostPort(ip.String(), port)
		ap, _ = netip.ParseAddrPort(s.addr)
	} else {
		s.addr = ap.String()
	}
	s.udp = ap
}

var errNoURL = errors.New("want https://HOST/path or https://HOST/path@IP")

// parseURL parses "https://HOST/path". "@IP" or "@IP:PORT" at its end is the
// address of HOST.
func (s *Server) parseURL(spec string) {
	s.scheme = schemeHTTPS
	slash := strings.IndexByte(spec[len("https://"):], '/') + len("https://")
	at := strings.LastIndexByte(spec, '@')
	if slash < len("https://") || at < slash {
		at = len(spec)
	}
	p, err := url.Parse(spec[:at])
	if err == nil && (p.Hostname() == "" || p.User != nil) {
		err = errNoURL
	}
	if err != nil {
		s.Err = fmt.Errorf("dnsx: server %q: %w", spec, err)
		return
	}
	s.url, s.name = p.String(), p.Hostname()
	port := p.Port()
	if port == "" {
		port = "443"
	}
	if at == len(spec) {
		s.addr = net.JoinHostPort(p.Hostname(), port)
		return
	}
	s.parseAddr(schemeHTTPS, spec[at+1:], port)
}
