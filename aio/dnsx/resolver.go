package dnsx

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Resolver looks up names, and keeps answers in a cache. The zero Resolver is
// ready to use, and uses the system's configuration. It may be used by multiple
// goroutines and loops at the same time. A Resolver must not be copied, and its
// fields must not be changed, after first use. It needs no closing: its queries
// belong to the loops of the lookups that started them.
type Resolver struct {
	// Servers lists the DNS servers to ask, in order. A server is one of these:
	//
	//	IP or IP:PORT                           UDP, and TCP for truncated answers
	//	tcp://IP:PORT                           TCP
	//	tls://IP:PORT or tls://NAME@IP:PORT     DNS over TLS (RFC 7858)
	//	https://HOST/PATH or https://HOST/PATH@IP
	//	                                        DNS over HTTPS (RFC 8484)
	//
	// NAME is the name in the server's certificate, and IP after HOST/PATH is
	// the address of HOST. If Servers is empty, the resolver asks the system's
	// servers, or leaves lookups to the system's resolver, as the system's
	// configuration says.
	Servers []string
	// Timeout bounds a lookup as a whole. 0 means 10 s. If it is negative, only
	// ctx bounds a lookup, and 10 s each question to the servers.
	Timeout time.Duration
	// AttemptTimeout is how long to wait for one server. 0 means the system's
	// setting or, if Servers is set, 5 s.
	AttemptTimeout time.Duration
	// Attempts is how often each server is asked. 0 means the system's setting
	// or, if Servers is set, 2.
	Attempts int
	// Rotate makes each question begin with another server. False means the
	// system's setting.
	Rotate bool
	// UseTCP replaces UDP by TCP. False means the system's setting.
	UseTCP bool
	// TrustAD sets Answer.Authenticated if a server says that it has validated
	// the answer by DNSSEC. Set it only if the servers and the network path to
	// them can be trusted. False means the system's setting.
	TrustAD bool
	// Dial connects to a server. It is called for each query by UDP. network is
	// "udp" or "tcp". nil means package net's Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// TLS is the TLS configuration for tls: and https: servers. nil means the
	// system's roots. TLS 1.2 is the least version in any case.
	TLS *tls.Config
	// CacheSize is the number of names in the cache. 0 means 10,000. If it is
	// negative, there is no cache.
	CacheSize int
	// MaxStale is how long after they have expired answers are returned while
	// no server answers (RFC 8767). 0 means a day. If it is negative, expired
	// answers are not returned.
	MaxStale time.Duration
	// MinTTL and MaxTTL bound how long answers are kept. A MinTTL of 0 is no
	// bound, and a MaxTTL of 0 means a day. Negative answers are kept for at
	// most 3 hours.
	MinTTL, MaxTTL time.Duration
	// HostsFile is the path of the hosts file. "" means the system's. Set it to
	// os.DevNull to use none.
	HostsFile string
	// Search lists the domains that are appended to hosts without a trailing
	// dot. nil means the system's list or, if Servers is set, none.
	Search []string
	// NDots is the number of dots with which a host is looked up as it is
	// before the search list is applied, instead of after. 0 means the system's
	// setting or, if Servers is set, 1. If it is negative, every host is.
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

// DefaultResolver is the Resolver that the package's functions use.
var DefaultResolver = new(Resolver)

// orDefault returns r, or DefaultResolver if r is nil.
func (r *Resolver) orDefault() *Resolver {
	if r == nil {
		return DefaultResolver
	}
	return r
}

// settled returns the settings, or nil if settle is to check the files.
func (r *Resolver) settled(now instant) *settings {
	s := r.now.Load()
	if s == nil || r.config.due(now) {
		return nil
	}
	return s
}

// settle returns the settings. It first checks the system's files if that is
// due, and may block on reading them.
func (r *Resolver) settle(now instant) *settings {
	if s := r.settled(now); s != nil {
		return s
	}
	if old := r.now.Load(); old == nil {
		r.mu.Lock()
	} else if !r.mu.TryLock() {
		return old // another goroutine reads the files
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

// environment returns the resolver's environment.
func (r *Resolver) environment() *environment {
	r.once.Do(func() {
		if r.env == nil {
			r.env = systemEnvironment()
		}
	})
	return r.env
}

// Flush removes a name from the cache, or all names if name is "". The search
// list does not apply to name. Flush does not affect lookups under way.
func (r *Resolver) Flush(name string) {
	if name != "" {
		ascii, err := recordName(name)
		if err != nil {
			return // the cache has no such name
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
