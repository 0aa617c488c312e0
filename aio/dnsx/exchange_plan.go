package dnsx

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"goaio.example/aio/dnsx/internal/transport"
)

// exchangeConfig is the configuration of an exchange.
type exchangeConfig struct {
	servers  []string      // see transport.Parse
	timeout  time.Duration // per attempt at one server; 0: 5 s
	attempts int           // rounds over the servers; 0: 2
	rotate   bool          // begin each question with another server
	useTCP   bool          // TCP instead of UDP
	edns0    bool          // send EDNS(0)
	trustAD  bool          // ask for the servers' AD bit, and pass it on

	// see transport.Network
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// see transport.Network
	tls *tls.Config

	cacheSize int // names; 0: 10,000; negative: no cache
	// how long expired replies serve while no server answers; 0: a day;
	// negative: not at all
	maxStale  time.Duration
	minTTL    time.Duration // 0: no bound
	maxTTL    time.Duration // 0: a day
	maxNegTTL time.Duration // for negative replies; 0: 3 hours
}

// plan is a configuration with its defaults set, and the servers.
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

// newPlan returns the plan for a configuration. Its servers have no health yet.
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

// healthOf returns the health of a server. p may be nil.
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

// or returns v or, if that is zero, a default.
func or[T int | time.Duration](v, zero T) T {
	if v == 0 {
		return zero
	}
	return v
}

// order appends to buf the servers in the order in which to ask them: as
// configured or, if rotate is set, beginning with another one each turn.
// Servers that are down come last.
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
