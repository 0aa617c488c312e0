package httpx

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// ErrBlocked is the error of a request to an address that Client.Guard does not
// allow.
var ErrBlocked = errors.New("httpx: the address is not allowed")

// guarded returns a Control function that calls the guard with the address that
// is about to be connected to. The name has been looked up by then, so that no
// answer of a name server gets around the guard.
func guarded(guard func(context.Context, netip.AddrPort) error, next func(context.Context, string, string, syscall.RawConn) error) func(context.Context, string, string, syscall.RawConn) error {
	return func(ctx context.Context, network, address string, c syscall.RawConn) error {
		addr, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: %q is not an IP address", ErrBlocked, address)
		}
		if err := guard(ctx, addr); err != nil {
			return err
		}
		if next != nil {
			return next(ctx, network, address, c)
		}
		return nil
	}
}

// guardedDial returns a DialContext function that calls the guard with the
// address, which must be an IP address: this side does not see what a name
// resolves to.
func guardedDial(guard func(context.Context, netip.AddrPort) error, dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		addr, err := netip.ParseAddrPort(address)
		if err != nil {
			return nil, fmt.Errorf("%w: a Dialer.DialContext hides the address of %q from Client.Guard", ErrBlocked, address)
		}
		if err := guard(ctx, addr); err != nil {
			return nil, err
		}
		return dial(ctx, network, address)
	}
}

// GuardPublicOnly is a Client.Guard that allows only public addresses. It
// refuses loopback, private, link-local, shared, multicast, documentation and
// other special addresses (IANA's special-purpose registries), in IPv4 and
// embedded in IPv6. It keeps a server that fetches URLs for others from
// reaching into its own network. With a proxy it checks the proxy's address. A
// network's own NAT64 prefix (RFC 6052, section 2.2) looks like any public
// address: where there is one, write a Guard that refuses it and otherwise
// calls this one.
func GuardPublicOnly(_ context.Context, addr netip.AddrPort) error {
	// no prefix contains an address with a zone
	ip := addr.Addr().WithZone("").Unmap()
	if v4, ok := embedded(ip); ok {
		ip = v4
	}
	for _, p := range specialPurpose {
		if p.Contains(ip) {
			return fmt.Errorf("%w: %s is in %s", ErrBlocked, addr.Addr(), p)
		}
	}
	if !ip.Is4() && !globalUnicast.Contains(ip) {
		return fmt.Errorf("%w: %s is not global", ErrBlocked, addr.Addr())
	}
	return nil
}

// embedded returns the IPv4 address that an IPv6 address leads to through NAT64
// (RFC 6052) or 6to4 (RFC 3056).
func embedded(ip netip.Addr) (netip.Addr, bool) {
	b := ip.As16()
	switch {
	case ip.Is4():
	case nat64.Contains(ip):
		return netip.AddrFrom4([4]byte(b[12:])), true
	case sixToFour.Contains(ip):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return netip.Addr{}, false
}

var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour = netip.MustParsePrefix("2002::/16")

	// globalUnicast contains all IPv6 addresses that IANA has allocated for
	// public use.
	globalUnicast = netip.MustParsePrefix("2000::/3")
)

// specialPurpose lists the address ranges of IANA's special-purpose registries
// that are not globally reachable.
var specialPurpose = func() (out []netip.Prefix) {
	for _, s := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
		"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"224.0.0.0/4", "240.0.0.0/4",
		// all others are outside of globalUnicast
		"2001::/23", "2001:db8::/32", "3fff::/20",
	} {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}()
