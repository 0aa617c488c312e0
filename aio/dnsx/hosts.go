package dnsx

import (
	"bytes"
	"net/netip"
	"strings"
)

// hostsTable holds the contents of a hosts file. The zero hostsTable is empty.
type hostsTable struct {
	// by lower-case name, without the trailing dot
	byName map[string]hostsEntry
	byAddr map[netip.Addr][]string // names as spelled in the file
}

// hostsEntry is what a hosts file has for one name.
type hostsEntry struct {
	canonical string // the first name of the first line that has the name
	addrs     []netip.Addr
}

// maxHostsFile is the number of bytes of a hosts file that are read.
const maxHostsFile = 64 << 20

// parseHosts parses a hosts(5) file: each line has an address, its canonical
// name and its other names. It skips what is malformed.
func parseHosts(data []byte) *hostsTable {
	t := &hostsTable{byName: map[string]hostsEntry{}, byAddr: map[netip.Addr][]string{}}
	for line := range bytes.Lines(data) {
		line, _, _ = bytes.Cut(line, []byte{'#'})
		f := bytes.Fields(line)
		if len(f) < 2 {
			continue
		}
		if a, err := netip.ParseAddr(string(f[0])); err == nil {
			t.add(a.Unmap(), strings.Fields(string(bytes.Join(f[1:], []byte{' '}))))
		}
	}
	return t
}

// add adds a line.
func (t *hostsTable) add(a netip.Addr, names []string) {
	canonical := ""
	for _, n := range names {
		key, _, err := hostName(n)
		if err != nil {
			continue
		}
		if canonical == "" {
			canonical = key
		}
		n = strings.TrimSuffix(n, ".")
		t.byAddr[a] = append(t.byAddr[a], n)
		e, ok := t.byName[key]
		if !ok {
			e.canonical = canonical
		}
		if !contains(e.addrs, a) {
			e.addrs = append(e.addrs, a)
		}
		t.byName[key] = e
	}
}

// contains reports whether a is among the last 16 addrs. Repeated lines are
// usually adjacent, and a large file must not take quadratic time.
func contains(addrs []netip.Addr, a netip.Addr) bool {
	for i := len(addrs) - 1; i >= 0 && i >= len(addrs)-16; i-- {
		if addrs[i] == a {
			return true
		}
	}
	return false
}

// lookup returns the entry of a name in the form that hostName returns.
func (t *hostsTable) lookup(name string) (hostsEntry, bool) {
	e, ok := t.byName[name]
	return e, ok
}

// names returns the names of an address, or nil.
func (t *hostsTable) names(a netip.Addr) []string {
	a = a.Unmap()
	if n := t.byAddr[a]; n != nil || a.Zone() == "" {
		return n
	}
	return t.byAddr[a.WithZone("")]
}
