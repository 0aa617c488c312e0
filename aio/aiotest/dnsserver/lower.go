package dnsserver

// lower returns a name in lower case, of which DNS knows that of ASCII only
// (RFC 4343): other bytes stay as they are.
func lower(name string) string {
	b := []byte(name)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + ('a' - 'A')
		}
	}
	return string(b)
}
