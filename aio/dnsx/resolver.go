package dnsx

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Resolver looks names up, and remembers the answers. The zero Resolver is
// ready, and goes by the system's configuration. It may be used by many
// goroutines and many loops at once. Its fields must not be changed, nor the
// Resolver copied, once it is used. It needs no closing: what it has under way
// belongs to the loops of those who asked.
type Resolver struct {
	// Servers are the DNS servers to ask, in order: "IP" or "IP:PORT" (UDP, and
	// TCP for answers that do not fit), "tcp://IP:PORT", "tls://IP:PORT" or
	// "tls://NAME@IP:PORT" (DNS over TLS, RFC 7858; NAME is the certificate's),
	// and "https://HOST/PATH" or "https://HOST/PATH@IP" (DNS over HTTPS, RFC
	// 8484; IP is where HOST is). Empty means those of the system, or its own
	// resolver where that is what it wants.
	Servers []string
	// Timeout bounds a lookup in all. 0 means 10 s; negative: only ctx bounds
	// it.
	Timeout time.Duration
	// AttemptTimeout is how long one server has to answer. 0 means the system's
	// setting, else 5 s.
	AttemptTimeout time.Duration
	// Attempts is how often each server is asked. 0 means the system's setting,
	// else 2.
	Attempts int
	// Rotate begins each question with another server. False means the system's
	// setting.
	Rotate bool
	// UseTCP asks by TCP where a server would be asked by UDP. False means the
	// system's setting.
	UseTCP bool
	// TrustAD believes servers that say they have validated an answer by DNSSEC
	// (Answer.Authenticated). Do so only where servers and the way to them can
	// be trusted. False means the system's setting.
	TrustAD bool
	// Dial connects to a server: to ask by UDP, each time anew. network is
	// "udp" or "tcp". nil means the system.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// TLS is the configuration for "tls:" and "https:" servers. nil means the
	// system's roots, and TLS 1.2 or later.
	TLS *tls.Config
	// CacheSize is for how many names answers are kept. 0 means 10,000;
	// negative: none are.
	CacheSize int
	// MaxStale is for how long after their end answers are given while no
	// server can be asked (RFC 8767). 0 means a day; negative: they are not.
	MaxStale time.Duration
	// MinTTL and MaxTTL bound how long answers are kept. 0 means no such lower
	// bound, and a day.
	MinTTL, MaxTTL time.Duration
	// HostsFile is the path of the hosts file. "" means the system's;
	// os.DevNull stands for none.
	HostsFile string
	// Search is the list of domains in which names are looked for that have
	// fewer than NDots dots. nil means the system's list or, where Servers is
	// set, none.
	Search []string
	// NDots is how many dots make a name one that is tried as it is before the
	// search list. 0 means the system's setting, else 1; negative: every name
	// is.
	NDots int

	once   sync.Once
	mu     sync.Mutex // guards reading the configuration
	env    *environment
	config config
	now    atomic.Pointer[settings]
	x      exchange
	kept   shortCache
	counts counts
}

// DefaultResolver is what the package's functions look names up with: a zero
// Resolver.
var DefaultResolver = new(Resolver)

// orDefault returns the resolver, the default one for nil.
func (r *Resolver) orDefault() *Resolver {
	if r == nil {
		return DefaultResolver
	}
	return r
}

// settled returns the settings, nil if it is time to settle them.
func (r *Resolver) settled(now instant) *settings {
	s := r.now.Load()
	if s == nil || r.config.due(now) {
		return nil
	}
	return s
}

// settle returns the settings, and looks at the system's files first if that is
// due. It reads files: it may block.
func (r *Resolver) settle(now instant) *settings {
	if s := r.settled(now); s != nil {
		return s
	}
	if old := r.now.Load(); old == nil {
		r.mu.Lock()
	} else if !r.mu.TryLock() {
		return old // somebody reads the files already
	}
	defer r.mu.Unlock()
	if s := r.settled(now); s != nil {
		return s
	}
	env := r.environment()
	old := r.now.Load()
	if old == nil {
		r.config.start(r, env)
	}
	if r.config.read(r, env) || old == nil {
		s := r.config.settings(r, env)
		if old == nil || !old.sameServers(s) {
			r.x.configure(s.cfg)
		}
		r.now.Store(s)
	}
	r.config.checked.Store(int64(now))
	return r.now.Load()
}

// environment returns what the resolver takes from the system.
func (r *Resolver) environment() *environment {
	r.once.Do(func() {
		if r.env == nil {
			r.env = systemEnvironment()
		}
	})
	return r.env
}

// Flush forgets the answers for a name, in which the search list does not
// count, of all types; "" for all names. Lookups under way are not affected.
func (r *Resolver) Flush(name string) {
	if name != "" {
		ascii, err := recordName(name)
		if err != nil {
			return // nothing was ever kept for it
		}
		name = ascii + "."
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.x.flush(name)
	r.kept.clear()
	if s := r.now.Load(); s != nil {
		c := *s
		c.ready = newReadyCache(r.CacheSize)
		r.now.Store(&c)
	}
}
