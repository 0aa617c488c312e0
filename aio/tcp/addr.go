package tcp

import (
	"context"
	"net"
	"net/netip"
	"strings"
)

// splitNetwork splits an address into network and address: "unix:PATH" is the
// unix socket PATH, "tcp4:HOST:PORT" and "tcp6:HOST:PORT" keep to one family,
// and everything else is "HOST:PORT" on TCP.
func splitNetwork(addr string) (network, rest string) {
	for _, n := range []string{"unix", "tcp4", "tcp6"} {
		if rest, ok := strings.CutPrefix(addr, n+":"); ok {
			return n, rest
		}
	}
	return "tcp", addr
}

// Resolver looks up names for a Dialer. *net.Resolver is one.
type Resolver interface {
	// LookupNetIP returns the addresses of host. network is "ip4" or "ip6".
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	// LookupPort returns the port of a service name or number.
	LookupPort(ctx context.Context, network, service string) (int, error)
}

// literal returns the address if host is an IP literal.
func literal(host string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(host)
	return a, err == nil
}

// endpoint returns the address and port as text.
func endpoint(a netip.Addr, port int) string {
	return netip.AddrPortFrom(a.Unmap(), uint16(port)).String()
}

var _ Resolver = (*net.Resolver)(nil)
