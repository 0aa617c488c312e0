package tcp

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// ProcessSlotsTaken returns how many slots the servers without a bound of their
// own hold, in 80% of the files that the process may open.
func ProcessSlotsTaken() int {
	s, n := processSlots(), maxOpenFiles()/5*4
	free := 0
	for free < n && s.tryTake() {
		free++
	}
	s.sem.Release(int64(free))
	return n - free
}

// HappyEyeballs connects to a name by the given attempts.
func HappyEyeballs(ctx context.Context, r Resolver, network, host string, delay time.Duration,
	attempt func(ctx context.Context, a netip.Addr) (net.Conn, error),
) (net.Conn, error) {
	e := &eyeballs{attempt: attempt, delay: orDefault(delay, attemptDelay)}
	return e.connect(ctx, r, network, host)
}

// IsAddr reports whether a listener of address a is the one of addr.
func IsAddr(a net.Addr, addr string) bool { return isAddr(a, addr) }
