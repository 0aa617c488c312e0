package dnsx

import "strings"

// search is the list of the names to ask for, when a host is looked up:
// resolv.conf(5), "search" and "ndots". A name with ndots dots or more is tried
// as it is first, others last.
type search struct {
	name    string // with the trailing dot
	domains []string
	first   bool // the name as it is comes before those in the domains
}

// newSearch returns the list for a name with its trailing dot; rooted says that
// it was written with it.
func newSearch(name string, rooted bool, domains []string, ndots int) search {
	if rooted || len(domains) == 0 {
		return search{name, nil, true}
	}
	return search{name, domains, strings.Count(name, ".")-1 >= ndots}
}

// len is how many names there may be.
func (s *search) len() int { return len(s.domains) + 1 }

// at returns the i-th name, "" if it would be too long.
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
