package dnsx

import "strings"

// search returns the names to ask for, in order, with the trailing dot, when a host is looked up: resolv.conf(5),
// "search" and "ndots". A name with ndots dots or more is tried as it is first, others last.
func search(name string, rooted bool, domains []string, ndots int) []string {
	if rooted || len(domains) == 0 {
		return []string{name + "."}
	}
	asIs := strings.Count(name, ".") >= ndots
	names := make([]string, 0, len(domains)+1)
	if asIs {
		names = append(names, name+".")
	}
	for _, d := range domains {
		if len(name)+1+len(d) <= maxName {
			names = append(names, name+"."+d+".")
		}
	}
	if !asIs {
		names = append(names, name+".")
	}
	return names
}
