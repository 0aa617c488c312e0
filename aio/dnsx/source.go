package dnsx

// Source is where an answer came from.
type Source uint8

// The sources of answers. The zero Source is unknown.
const (
	SourceServer Source = iota + 1 // a server
	SourceCache                    // a server, earlier; the answer is fresh
	// a server, earlier; the answer has expired, but no server answers now (RFC
	// 8767)
	SourceStale
	SourceHosts   // the hosts file
	SourceLiteral // an IP address or localhost
	SourceSystem  // the system's resolver
)

var sources = [...]string{"unknown", "server", "cache", "stale", "hosts", "literal", "system"}

// String returns "server", "cache", "stale", "hosts", "literal", "system" or
// "unknown".
func (s Source) String() string {
	if int(s) < len(sources) {
		return sources[s]
	}
	return sources[0]
}
