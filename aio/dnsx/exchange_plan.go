package dnsx

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"goaio.example/aio/dnsx/internal/transport"
)

// exchangeConfig is what an exchange asks, and how.
type exchangeConfig struct {
	// servers are "IP:PORT" (UDP, TCP on truncation), "tcp://IP:PORT",
	// "tls://NAME@IP:PORT", "tls://IP:PORT", or "https://HOST/path", of which
	// "https://HOST/path@IP" and "https://HOST/path@IP:PORT" say where HOST is.
	servers  []string
	timeout  time.Duration // per attempt at one server; 0: 5 s
	attempts int           // rounds over the servers; 0: 2
	rotate   bool          // begin each question with another server
	useTCP   bool          // TCP instead of UDP
	edns0    bool          // tell servers that answers of 1,232 bytes fit into a packet
	trustAD  bool          // believe the servers' AD bit, and ask for it

	// dial opens a fresh socket per UDP query, and connections; nil: a
	// net.Dialer.
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	tls  *tls.Config // for tls:// and https://; nil: the system's roots, TLS 1.2 or later

	cacheSize int           // names; 0: 10,000; negative: no cache
	maxStale  time.Duration // how long after their end answers serve while servers are down; 0: a day; negative: never
	minTTL    time.Duration // shorter ones count as this long; 0: no such bound
	maxTTL    time.Duration // longer ones count as this long; 0: a day
	maxNegTTL time.Duration // the same for negative answers; 0: 3 hours
}

// plan is a configuration as it is used.
type plan struct {
	exchangeConfig
	network   transport.Network
	upstreams []*upstream
}

// upstream is a server, and what is known about its health.
type upstream struct {
	transport.Server
	*health
}

// newPlan fills in what cfg leaves open.
func newPlan(cfg exchangeConfig) *plan {
	p := &plan{exchangeConfig: cfg, network: transport.NewNetwork(cfg.dial, cfg.tls)}
	p.timeout = or(p.timeout, 5*time.Second)
	p.attempts = or(p.attempts, 2)
	p.cacheSize = or(p.cacheSize, 10_000)
	p.maxStale = max(or(p.maxStale, 24*time.Hour), 0)
	p.maxTTL = or(p.maxTTL, 24*time.Hour)
	p.maxNegTTL = or(p.maxNegTTL, 3*time.Hour)
	for _, spec := range cfg.servers {
		p.upstreams = append(p.upstreams, &upstream{Server: transport.Parse(spec, p.useTCP)})
	}
	return p
}

// healthOf returns what is known about a server.
func (p *plan) healthOf(spec string) *health {
	if p != nil {
		for _, u := range p.upstreams {
			if u.Spec == spec {
				return u.health
			}
		}
	}
	return new(health)
}

// or returns v or, if that is zero, what stands for it.
func or[T int | time.Duration](v, zero T) T {
	if v == 0 {
		return zero
	}
	return v
}

// order appends to buf the servers in the order in which to ask them: as
// configured or, if rotate is set, beginning with another one each time; those
// that are down come last.
func (p *plan) order(buf []*upstream, turn uint32, now time.Time) []*upstream {
	n := len(p.upstreams)
	start := 0
	if p.rotate && n > 0 {
		start = int(turn % uint32(n))
	}
	for _, down := range []bool{false, true} {
		for i := range n {
			if u := p.upstreams[(start+i)%n]; u.down(now) == down {
				buf = append(buf, u)
			}
		}
	}
	return buf
}
