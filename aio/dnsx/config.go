package dnsx

import (
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"time"
)

// recheck is how long what was read from the system's files is taken for true,
// and how long an answer stays in the order in which its addresses were put.
const recheck = 5 * time.Second

// environment is what a resolver takes from the system. Tests have their own.
type environment struct {
	goos       string
	resolvConf string // paths
	nsswitch   string
	hosts      string
	lookupEnv  func(string) (string, bool)
	hostname   func() (string, error)
	source     func(netip.Addr) netip.Addr // see sourceOf
	system     systemResolver
}

// systemEnvironment is the real one.
func systemEnvironment() *environment {
	e := &environment{
		goos:       runtime.GOOS,
		resolvConf: "/etc/resolv.conf",
		nsswitch:   "/etc/nsswitch.conf",
		hosts:      "/etc/hosts",
		lookupEnv:  os.LookupEnv,
		hostname:   os.Hostname,
		source:     sourceOf,
		system:     netResolver,
	}
	switch e.goos {
	case "windows":
		e.hosts = filepath.Join(os.Getenv("SystemRoot"), `System32\drivers\etc\hosts`)
	case "plan9":
		e.hosts = "/lib/ndb/hosts"
	}
	return e
}

// watchedFile is a file that is read again when it has changed.
type watchedFile struct {
	path  string
	limit int64
	stamp fileStamp
}

// fileStamp tells versions of a file apart.
type fileStamp struct {
	read  bool // has been read, or found missing
	there bool
	mtime time.Time
	size  int64
}

// look returns the file's content if it has changed since the last look, or was
// never looked at; of a file that cannot be read, none.
func (f *watchedFile) look() (data []byte, changed bool) {
	now := fileStamp{read: true}
	if fi, err := os.Stat(f.path); err == nil {
		now.there, now.mtime, now.size = true, fi.ModTime(), fi.Size()
	}
	if f.stamp.read && f.stamp.there == now.there && f.stamp.mtime.Equal(now.mtime) && f.stamp.size == now.size {
		return nil, false
	}
	f.stamp = now
	if !now.there {
		return nil, true
	}
	data, err := readFile(f.path, f.limit)
	if err != nil {
		return nil, true
	}
	return data, true
}

// readFile reads at most limit bytes of a file.
func readFile(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if fi, err := file.Stat(); err == nil && fi.IsDir() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fs.ErrInvalid}
	}
	return io.ReadAll(io.LimitReader(file, limit))
}

// settings is what lookups go by: immutable, and replaced when something has
// changed.
type settings struct {
	order         order
	search        []string
	ndots         int
	singleRequest bool
	byQuery       bool // servers are asked for records; else the system is
	hosts         *hostsTable
	ready         *readyCache
	env           *environment
	cfg           exchangeConfig
}

// config reads the settings, and reads them again.
type config struct {
	resolv, nss, hosts watchedFile

	parsed  *resolvConf // nil: never read
	order   order
	table   *hostsTable
	checked atomic.Int64 // the instant at which the files were looked at last
}

// due reports whether it is time to look at the files again; also when time has
// gone back, which it does between the bubbles of testing/synctest.
func (c *config) due(now instant) bool {
	d := now - instant(c.checked.Load())
	return d < 0 || d >= instant(recheck)
}

// start sets up what a resolver looks at.
func (c *config) start(r *Resolver, e *environment) {
	c.resolv = watchedFile{path: e.resolvConf, limit: maxResolvConf}
	c.nss = watchedFile{path: e.nsswitch, limit: maxResolvConf}
	c.hosts = watchedFile{path: e.hosts, limit: maxHostsFile}
	if r.HostsFile != "" {
		c.hosts.path = r.HostsFile
	}
}

// read looks at the files, and reports whether anything is new since the last
// look.
func (c *config) read(r *Resolver, e *environment) bool {
	changed := c.table == nil
	if data, ok := c.hosts.look(); ok {
		c.table = parseHosts(data)
		changed = true
	}
	if len(r.Servers) > 0 || c.parsed != nil && c.parsed.noReload {
		return changed
	}
	if data, ok := c.resolv.look(); ok {
		c.parsed = parseResolvConf(data)
		c.parsed.withEnvironment(e.lookupEnv)
		c.parsed.withDefaults(e.hostname)
		changed = true
	}
	if data, ok := c.nss.look(); ok {
		c.order = parseNSSwitch(data)
		changed = true
	}
	return changed
}

// settings makes settings of what was read and of what the resolver's fields
// say.
func (c *config) settings(r *Resolver, e *environment) *settings {
	p := c.parsed
	if p == nil {
		p = &resolvConf{ndots: 1}
	}
	s := &settings{
		order:         c.order,
		search:        p.search,
		ndots:         p.ndots,
		singleRequest: p.singleRequest,
		byQuery:       true,
		hosts:         c.table,
		env:           e,
		cfg:           r.exchangeConfig(p),
	}
	if len(r.Servers) == 0 {
		c.systemOrder(s, p)
	}
	if r.Search != nil {
		s.search = searchList(r.Search)
	}
	if r.NDots != 0 {
		s.ndots = max(r.NDots, 0)
	}
	s.ready = newReadyCache(r.CacheSize)
	return s
}

// systemOrder finds out who is asked, where the resolver's fields do not name
// servers.
func (c *config) systemOrder(s *settings, p *resolvConf) {
	switch {
	case prefersSystem(s.env.goos):
		s.order = orderSystem
		s.byQuery = c.resolv.stamp.there
	case p.lookup != nil && s.env.goos == "openbsd":
		s.order = orderOf(p.lookup, "file", "bind")
	}
}

// exchangeConfig is how servers are asked, where the fields do not say
// otherwise as p does.
func (r *Resolver) exchangeConfig(p *resolvConf) exchangeConfig {
	cfg := exchangeConfig{
		servers:   p.servers,
		timeout:   p.timeout,
		attempts:  p.attempts,
		rotate:    r.Rotate || p.rotate,
		useTCP:    r.UseTCP || p.useTCP,
		edns0:     true,
		trustAD:   r.TrustAD || p.trustAD,
		dial:      r.Dial,
		tls:       r.TLS,
		cacheSize: r.CacheSize,
		maxStale:  r.MaxStale,
		minTTL:    max(r.MinTTL, 0),
		maxTTL:    max(r.MaxTTL, 0),
	}
	if len(r.Servers) > 0 {
		cfg.servers = make([]string, len(r.Servers))
		for i, s := range r.Servers {
			cfg.servers[i] = withPort(s)
		}
	}
	if r.AttemptTimeout > 0 {
		cfg.timeout = r.AttemptTimeout
	}
	if r.Attempts > 0 {
		cfg.attempts = r.Attempts
	}
	return cfg
}

// withPort adds DNS's port to a bare IP address.
func withPort(server string) string {
	if a, err := netip.ParseAddr(server); err == nil {
		return netip.AddrPortFrom(a, 53).String()
	}
	return server
}

// sameServers reports whether servers are asked in the same way. Functions and
// TLS settings are a resolver's own, and stay.
func (s *settings) sameServers(t *settings) bool {
	return slices.Equal(s.cfg.servers, t.cfg.servers) && s.cfg.timeout == t.cfg.timeout &&
		s.cfg.attempts == t.cfg.attempts && s.cfg.rotate == t.cfg.rotate && s.cfg.useTCP == t.cfg.useTCP &&
		s.cfg.trustAD == t.cfg.trustAD
}
