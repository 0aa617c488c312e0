package dnsx

import (
	"bytes"
	"strings"
)

// order says who is asked for hosts, and in which order.
type order uint8

const (
	orderFilesDNS order = iota
	orderDNSFiles
	orderFiles
	orderDNS
	orderSystem // it takes the system's own resolver
)

// parseNSSwitch reads the hosts line of an nsswitch.conf(5). Without one the
// order is files, dns. Where it names other sources than these two, or says
// when to go on to the next, only the system knows what that means.
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

// orderOf returns the order of sources, of which two are known.
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

// prefersSystem reports whether programs on a system should leave lookups to
// the system: it has settings that no file tells, or minds programs that do
// not.
func prefersSystem(goos string) bool {
	switch goos {
	case "darwin", "ios", "windows", "android", "plan9", "js", "wasip1":
		return true
	}
	return false
}
