package http1

import "strings"

// class says where a byte may stand.
type class uint8

const (
	// a method or a field's name (RFC 9110, section 5.6.2)
	inToken class = 1 << iota
	// a field's value: visible, space, tab, obs-text (section 5.5)
	inValue
	inPath  // a path (RFC 3986, section 3.3), including "%"
	inQuery // a query (RFC 3986, section 3.4), including "%", "[" and "]"
	inHost  // a registered name or IPv4 address, without "%" and ","
	isPlain // a path that needs no RawPath in a url.URL
	isDigit // 0 to 9
)

// classes holds the classes of each byte.
var classes = func() (t [256]class) {
	add := func(k class, chars string) {
		for i := range len(chars) {
			t[chars[i]] |= k
		}
	}
	const (
		letters   = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		digits    = "0123456789"
		subDelims = "!$&'()*+,;="
	)
	add(inToken|inPath|inQuery|inHost|isPlain, letters+digits)
	add(isDigit, digits)
	add(inToken, "!#$%&'*+-.^_`|~")
	add(inPath|inQuery|inHost|isPlain, "-._~")
	add(inPath|inQuery|inHost, subDelims)
	add(inPath|inQuery, ":@/%")
	add(inQuery, "?[]")
	add(isPlain, "$&+,/:;=@")
	t[','] &^= inHost
	for c := range t {
		if c >= ' ' && c != 0x7f || c == '\t' {
			t[c] |= inValue
		}
	}
	return t
}()

// all reports whether all bytes of s have a class.
func all(s string, k class) bool {
	for i := range len(s) {
		if classes[s[i]]&k == 0 {
			return false
		}
	}
	return true
}

// EqualFold reports whether a and b are the same except for the case of letters of
// ASCII. strings.EqualFold has others too, the Kelvin sign for one: a coding
// "chun\u212aed" is not chunked.
func EqualFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// HasToken reports whether a list of tokens has one.
func HasToken(list, token string) bool {
	for s := range strings.SplitSeq(list, ",") {
		if EqualFold(Trim(s), token) {
			return true
		}
	}
	return false
}
