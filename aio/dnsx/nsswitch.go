package dnsx

import (
	"bytes"
	"strings"
)

// order says which sources are used for hosts, and in which order.
type order uint8

const (
	orderFilesDNS order = iota
	orderDNSFiles
	orderFiles
	orderDNS
	orderSystem // the system's resolver
)

// parseNSSwitch returns the order in the hosts line of an nsswitch.conf(5).
// Without a hosts line that is files, dns. If the line has other sources than
// these two, or an action such as [NOTFOUND=return], it is the system's
// resolver.
func parseNSSwitch(data []byte) order {
	for line := range bytes.Lines(data) {
		text, _, _ := strings.Cut(string(line), "#")
		db, sources, ok := strings.Cut(text, ":")
		if ok && strings.TrimSpace(db) == "hosts" {
			return orderOf(strings.Fields(sources), "files", "dns")
		}
	}
	return orderFilesDNS
}

// orderOf returns the order for a list of sources. files and dns are the names
// of the two that are known.
func orderOf(sources []string, files, dns string) order {
	switch strings.Join(sources, " ") {
	case "", files + " " + dns:
		return orderFilesDNS
	case dns + " " + files:
		return orderDNSFiles
	case files:
		return orderFiles
	case dns:
		return orderDNS
	}
	return orderSystem
}

// prefersSystem reports whether programs on a system should use its resolver,
// because its settings are not in files, or because it expects them to.
func prefersSystem(goos string) bool {
	switch goos {
	case "darwin", "ios", "windows", "android", "plan9", "js", "wasip1":
		return true
	}
	return false
}
