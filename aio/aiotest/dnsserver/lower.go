package dnsserver

// lower returns a name with its ASCII letters in lower case. DNS does not fold
// other characters (RFC 4343).
func lower(name string) string {
	b := []byte(name)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + ('a' - 'A')
		}
	}
	return string(b)
}
