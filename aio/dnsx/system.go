package dnsx

import (
	"context"
	"net"
	"net/netip"
	"sync"
)

// systemResolver is the system's resolver, a *net.Resolver.
type systemResolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
	LookupCNAME(ctx context.Context, host string) (string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupNS(ctx context.Context, name string) ([]*net.NS, error)
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// netResolver is used instead of net.DefaultResolver, which a program may have
// set to what Net returns.
var netResolver = new(net.Resolver)

// systemLookup returns the addresses that the system's resolver has for a host.
func (s *settings) systemLookup(ctx context.Context, host string, f Family) ([]netip.Addr, error) {
	network := "ip"
	switch f {
	case V4:
		network = "ip4"
	case V6:
		network = "ip6"
	}
	addrs, err := s.env.system.LookupNetIP(ctx, network, host)
	if err != nil {
		return nil, systemError(ctx, host, err)
	}
	for i, a := range addrs {
		addrs[i] = a.Unmap()
	}
	if addrs = f.pick(addrs); len(addrs) == 0 {
		return nil, &Error{Kind: KindNotFound, Host: host}
	}
	return addrs, nil
}

// systemError returns an error of package net as an *Error.
func systemError(ctx context.Context, host string, err error) error {
	if ctx.Err() != nil {
		return failure(ctx, host, context.Cause(ctx))
	}
	d, ok := err.(*net.DNSError) //nolint:errorlint // package net does not wrap it
	if !ok {
		return &Error{Kind: KindSystem, Host: host, Err: err}
	}
	e := &Error{Kind: KindSystem, Host: host, Server: d.Server, Err: err}
	switch {
	case d.IsNotFound:
		e.Kind, e.Err = KindNotFound, nil
	case d.IsTimeout:
		e.Kind, e.Err = KindTimeout, d.UnwrapErr
	}
	return e
}

// shortCache keeps results of the system's resolver for recheck. The zero
// shortCache is ready to use.
type shortCache struct {
	mu   sync.Mutex
	kept map[shortKey]shortEntry
}

// shortSize is the largest number of values.
const shortSize = 1024

type shortKey struct{ what, name string }

type shortEntry struct {
	value  any
	expiry instant
}

// get returns the value for a key, or nil.
func (c *shortCache) get(k shortKey, now instant) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.kept[k]
	if !ok || now >= e.expiry {
		return nil
	}
	return e.value
}

// put adds a value. If the cache is full, it removes another one.
func (c *shortCache) put(k shortKey, v any, now instant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		c.kept = make(map[shortKey]shortEntry)
	}
	if len(c.kept) >= shortSize {
		for old := range c.kept {
			delete(c.kept, old)
			break
		}
	}
	c.kept[k] = shortEntry{v, now + instant(recheck)}
}

// clear removes everything.
func (c *shortCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.kept)
}
