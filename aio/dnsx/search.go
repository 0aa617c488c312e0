package dnsx

import "strings"

// search lists the names to ask for when a host is looked up, see "search" and
// "ndots" in resolv.conf(5). A host with at least ndots dots is asked for as it
// is before the others, and after them otherwise.
type search struct {
	name    string // with the trailing dot
	domains []string
	first   bool // the name as it is comes first
}

// newSearch returns the list for a name with a trailing dot. rooted says that
// the host was given with that dot.
func newSearch(name string, rooted bool, domains []string, ndots int) search {
	if rooted || len(domains) == 0 {
		return search{name, nil, true}
	}
	return search{name, domains, strings.Count(name, ".")-1 >= ndots}
}

// len returns the number of names.
func (s *search) len() int { return len(s.domains) + 1 }

// at returns the i-th name, or "" if it is too long.
func (s *search) at(i int) string {
	switch {
	case s.first && i == 0, !s.first && i == len(s.domains):
		return s.name
	case s.first:
		i--
	}
	if len(s.name)+len(s.domains[i]) > maxName {
		return ""
	}
	return s.name + s.domains[i] + "."
}
