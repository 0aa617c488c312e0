package dnsx

import (
	"bytes"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// resolvConf holds the settings in a resolv.conf(5).
type resolvConf struct {
	servers []string // "IP:PORT"
	search  []string // lower case, without the trailing dot; nil: not set
	// OpenBSD's "lookup", the order of sources; nil: not set
	lookup        []string
	ndots         int
	timeout       time.Duration // per attempt
	attempts      int
	rotate        bool
	useTCP        bool
	edns0         bool
	trustAD       bool
	singleRequest bool // A and AAAA one after the other
	noReload      bool
}

const (
	// bytes of a resolv.conf or nsswitch.conf that are read
	maxResolvConf = 1 << 20
	maxServers    = 3 // resolv.conf(5): MAXNS
	maxSearch     = 32
	maxNDots      = 15
	maxTimeout    = 30 // resolv.conf(5): RES_MAXRETRANS, in seconds
	maxAttempts   = 5  // resolv.conf(5): RES_MAXRETRY
)

// parseResolvConf parses a resolv.conf. It skips what is malformed or unknown.
func parseResolvConf(data []byte) *resolvConf {
	c := &resolvConf{ndots: 1, timeout: 5 * time.Second, attempts: 2}
	for line := range bytes.Lines(data) {
		if line[0] == ';' || line[0] == '#' {
			continue
		}
		f := strings.Fields(string(line))
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case "nameserver":
			c.addServer(f[1])
		case "domain":
			c.setSearch(f[1:2])
		case "search":
			c.setSearch(f[1:])
		case "options":
			c.setOptions(f[1:])
		case "lookup":
			c.lookup = f[1:]
		}
	}
	return c
}

// addServer adds a name server, an IP address or, in OpenBSD's form,
// "[IP]:PORT".
func (c *resolvConf) addServer(s string) {
	if len(c.servers) == maxServers {
		return
	}
	if _, err := netip.ParseAddr(s); err == nil {
		c.servers = append(c.servers, net.JoinHostPort(s, "53"))
	} else if _, err := netip.ParseAddrPort(s); err == nil {
		c.servers = append(c.servers, s)
	}
}

// setSearch sets the search list. The last line in the file counts.
func (c *resolvConf) setSearch(domains []string) {
	c.search = searchList(domains)
}

// searchList returns the valid domains, at most maxSearch. The list is not nil.
func searchList(domains []string) []string {
	list := make([]string, 0, len(domains))
	for _, d := range domains {
		if name, err := recordName(d); err == nil && name != "" && len(list) < maxSearch {
			list = append(list, name)
		}
	}
	return list
}

// setOptions sets the options in the words after "options" or in RES_OPTIONS.
func (c *resolvConf) setOptions(words []string) {
	for _, w := range words {
		name, value, ok := strings.Cut(w, ":")
		if ok {
			name += ":"
		}
		switch name {
		case "ndots:":
			c.ndots = optionValue(value, 0, maxNDots)
		case "timeout:":
			c.timeout = time.Duration(optionValue(value, 1, maxTimeout)) * time.Second
		case "attempts:":
			c.attempts = optionValue(value, 1, maxAttempts)
		case "rotate":
			c.rotate = true
		case "use-vc", "usevc", "tcp": // Linux, FreeBSD, OpenBSD
			c.useTCP = true
		case "edns0":
			c.edns0 = true
		case "trust-ad":
			c.trustAD = true
		case "single-request", "single-request-reopen":
			c.singleRequest = true
		case "no-reload":
			c.noReload = true
		}
	}
}

// optionValue returns the number s, limited to the bounds. If s is not a
// number, it returns least.
func optionValue(s string, least, most int) int {
	n, err := strconv.Atoi(s)
	if err != nil && !strings.HasPrefix(s, "-") && isDigits(s) {
		n = most // out of range
	}
	return min(max(n, least), most)
}

// isDigits reports whether s consists of digits.
func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// withEnvironment applies the environment variables LOCALDOMAIN and
// RES_OPTIONS, see resolv.conf(5).
func (c *resolvConf) withEnvironment(lookup func(string) (string, bool)) {
	if d, ok := lookup("LOCALDOMAIN"); ok {
		c.setSearch(strings.Fields(d))
	}
	if o, ok := lookup("RES_OPTIONS"); ok {
		c.setOptions(strings.Fields(o))
	}
}

// withDefaults sets what the file has not set: the servers are those on this
// machine, and the search list has the domain of its host name.
func (c *resolvConf) withDefaults(hostname func() (string, error)) {
	if len(c.servers) == 0 {
		c.servers = []string{"127.0.0.1:53", "[::1]:53"}
	}
	if c.search != nil {
		return
	}
	if h, err := hostname(); err == nil {
		if _, domain, ok := strings.Cut(h, "."); ok {
			c.setSearch([]string{domain})
		}
	}
}
