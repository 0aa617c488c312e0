package memnet

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Addr is the address of a listener or connection whose host is a name. If the
// host is an IP address, a *net.TCPAddr is used instead.
type Addr string

// Network returns "tcp".
func (a Addr) Network() string { return "tcp" }

// String returns the address as "host:port".
func (a Addr) String() string { return string(a) }

// An endpoint is a parsed address in one canonical form, so that it can be a
// key. An empty host means every host.
type endpoint struct {
	host string
	port uint16
}

// parseEndpoint reads "host:port". An empty addr is loopback with no port, a
// missing or unspecified host is every host.
func parseEndpoint(addr string) (endpoint, error) {
	if addr == "" {
		return endpoint{host: loopback}, nil
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return endpoint{}, err
	}
	var n uint64
	if port != "" {
		if n, err = strconv.ParseUint(port, 10, 16); err != nil {
			return endpoint{}, &net.AddrError{Err: "invalid port", Addr: addr}
		}
	}
	return endpoint{canonicalHost(host), uint16(n)}, nil
}

const loopback = "127.0.0.1"

// canonicalHost returns one spelling for all names of the same host.
func canonicalHost(host string) string {
	host = strings.ToLower(host)
	if host == "localhost" {
		return loopback
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return host
	case ip.IsUnspecified():
		return ""
	}
	return ip.Unmap().String()
}

// addr returns the endpoint as users see it.
func (e endpoint) addr() net.Addr {
	if e.host == "" {
		return &net.TCPAddr{IP: net.IPv6unspecified, Port: int(e.port)}
	}
	if ip, err := netip.ParseAddr(e.host); err == nil {
		return net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, e.port))
	}
	return Addr(net.JoinHostPort(e.host, strconv.Itoa(int(e.port))))
}

// fits returns an error unless network is a TCP network that can reach e.
func (e endpoint) fits(network string) error {
	if network != "tcp" && network != "tcp4" && network != "tcp6" {
		return net.UnknownNetworkError(network)
	}
	ip, _ := netip.ParseAddr(e.host) // a name is reached by any of them
	if network != "tcp" && ip.IsValid() && ip.Is4() != (network == "tcp4") {
		return &net.AddrError{Err: "no suitable address for " + network, Addr: e.host}
	}
	return nil
}
