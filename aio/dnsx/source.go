package dnsx

// Source says where an answer came from.
type Source uint8

// The sources of answers. The zero Source says nothing.
const (
	SourceServer  Source = iota + 1 // a server answered
	SourceCache                     // a server answered earlier, and the answer is fresh
	SourceStale                     // a server answered earlier; the answer is not fresh, but servers are down (RFC 8767)
	SourceHosts                     // the hosts file
	SourceLiteral                   // the name is an IP address, or localhost
	SourceSystem                    // the system's own resolver
)

var sources = [...]string{"unknown", "server", "cache", "stale", "hosts", "literal", "system"}

// String returns "server", "cache", "stale", "hosts", "literal" or "system".
func (s Source) String() string {
	if int(s) < len(sources) {
		return sources[s]
	}
	return sources[0]
}
