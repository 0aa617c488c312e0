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
	path   string
	limit  int64
	looked bool        // the file was read, or was missing
	info   fs.FileInfo // of the version that was read; nil: the file was missing
}

// look returns the file's content if it has changed since the last look, or on
// the first look. A missing file has no content. A file that exists and cannot
// be read, because the process has no more file descriptors for example, counts
// as unchanged, and the next look tries again.
func (f *watchedFile) look() (data []byte, changed bool) {
	info, err := os.Stat(f.path)
	if err != nil {
		changed = !f.looked || f.info != nil
		f.looked, f.info = true, nil
		return nil, changed
	}
	if f.info != nil && sameVersion(f.info, info) {
		return nil, false
	}
	if data, err = readFile(f.path, f.limit); err != nil {
		return nil, false
	}
	f.looked, f.info = true, info
	return data, true
}

// sameVersion reports whether both describe the same content. A file that was
// renamed into the place of another is a different version even if its size and
// time are the same.
func sameVersion(a, b fs.FileInfo) bool {
	return a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && os.SameFile(a, b)
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
// look. A file that could never be read counts as empty.
func (c *config) read(r *Resolver, e *environment) bool {
	changed := false
	if data, ok := c.hosts.look(); ok || c.table == nil {
		c.table = parseHosts(data)
		changed = true
	}
	if len(r.Servers) > 0 || c.parsed != nil && c.parsed.noReload {
		return changed
	}
	if data, ok := c.resolv.look(); ok || c.parsed == nil {
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
		s.byQuery = c.resolv.info != nil
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
