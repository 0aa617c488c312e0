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

// recheck is the interval at which the system's files are checked, and how long
// an answer is kept ready, with its addresses in order.
const recheck = 5 * time.Second

// environment holds what a resolver uses of the system. Tests replace it.
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

// systemEnvironment returns the environment of the process.
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

// watchedFile is a file that is read again after it has changed.
type watchedFile struct {
	path   string
	limit  int64
	looked bool // the file was read, or was missing
	// of the version that was read; nil: the file was missing
	info fs.FileInfo
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

// settings holds what a lookup depends on. It is immutable, and is replaced
// when the configuration changes.
type settings struct {
	order         order
	search        []string
	ndots         int
	singleRequest bool
	// servers are asked for records, not the system's resolver
	byQuery bool
	hosts   *hostsTable
	ready   *readyCache
	env     *environment
	cfg     exchangeConfig
}

// config reads the files that the settings depend on.
type config struct {
	resolv, nss, hosts watchedFile

	parsed  *resolvConf // nil: never read
	order   order
	table   *hostsTable
	checked atomic.Int64 // the instant of the last check
}

// due reports whether the files are to be checked. That is the case also if
// time has gone back, as it does between bubbles of testing/synctest.
func (c *config) due(now instant) bool {
	d := now - instant(c.checked.Load())
	return d < 0 || d >= instant(recheck)
}

// start sets the paths.
func (c *config) start(r *Resolver, e *environment) {
	c.resolv = watchedFile{path: e.resolvConf, limit: maxResolvConf}
	c.nss = watchedFile{path: e.nsswitch, limit: maxResolvConf}
	c.hosts = watchedFile{path: e.hosts, limit: maxHostsFile}
	if r.HostsFile != "" {
		c.hosts.path = r.HostsFile
	}
}

// read checks the files, and reports whether anything has changed. A file that
// could never be read counts as empty.
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

// settings returns the settings that follow from the files and the resolver's
// fields.
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

// systemOrder sets the order on systems that nsswitch.conf does not decide for.
func (c *config) systemOrder(s *settings, p *resolvConf) {
	switch {
	case prefersSystem(s.env.goos):
		s.order = orderSystem
		s.byQuery = c.resolv.info != nil
	case p.lookup != nil && s.env.goos == "openbsd":
		s.order = orderOf(p.lookup, "file", "bind")
	}
}

// exchangeConfig returns the configuration of the exchange. The fields take
// precedence over p.
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

// withPort adds port 53 to an IP address.
func withPort(server string) string {
	if a, err := netip.ParseAddr(server); err == nil {
		return netip.AddrPortFrom(a, 53).String()
	}
	return server
}

// sameServers reports whether both settings have the same servers, asked in the
// same way. The fields of a resolver, such as Dial and TLS, do not change.
func (s *settings) sameServers(t *settings) bool {
	return slices.Equal(s.cfg.servers, t.cfg.servers) && s.cfg.timeout == t.cfg.timeout &&
		s.cfg.attempts == t.cfg.attempts && s.cfg.rotate == t.cfg.rotate && s.cfg.useTCP == t.cfg.useTCP &&
		s.cfg.trustAD == t.cfg.trustAD
}
