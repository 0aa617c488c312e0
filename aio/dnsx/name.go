package dnsx

import (
	"errors"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

const (
	// characters of a name without the trailing dot (RFC 1035, section 2.3.4)
	maxName  = 253
	maxLabel = 63
)

var (
	errEmptyName  = errors.New("it is empty")
	errLongName   = errors.New("it is longer than 253 characters")
	errEmptyLabel = errors.New("it has an empty label")
	errLongLabel  = errors.New("it has a label of more than 63 characters")
	errHyphen     = errors.New("it has a label that begins or ends with a hyphen")
	errCharacter  = errors.New("it has a character that names must not have")
	errNumeric    = errors.New("it is a number, not an IP address")
	errNoAddr     = errors.New("it is not an IP address")
	errUTF8       = errors.New("it is not valid UTF-8")
)

// hostName returns host in the form for queries: in lower-case ASCII, converted
// by IDNA if necessary (UTS 46, with the Lookup profile of x/net/idna), and
// without the trailing dot. rooted reports whether there was one. hostName
// fails if host is not a host name: these consist of letters, digits, hyphens
// and underscores, but not only of digits.
func hostName(host string) (name string, rooted bool, err error) {
	name, rooted, err = ascii(host)
	if err == nil {
		err = checkHost(name)
	}
	return name, rooted, err
}

// recordName is hostName for names that need not be host names: they may have
// all printable ASCII characters except the backslash.
func recordName(s string) (string, error) {
	if s == "." {
		return "", nil
	}
	name, _, err := ascii(s)
	if err == nil {
		err = checkLabels(name, checkPrintable)
	}
	return name, err
}

// isSafe reports whether a name from a message, without the trailing dot, is
// valid for recordName.
func isSafe(name string) bool { return name == "." || checkLabels(name, checkPrintable) == nil }

// checkPrintable checks the characters of a label.
func checkPrintable(label string) error {
	for _, c := range []byte(label) {
		if c <= ' ' || c >= 0x7f || c == '\\' {
			return errCharacter
		}
	}
	return nil
}

// ascii is the part that hostName and recordName have in common.
func ascii(s string) (name string, rooted bool, err error) {
	if len(s) > 4*maxName { // bounds the work below
		return "", false, errLongName
	}
	if !isASCII(s) {
		if s, err = toASCII(s); err != nil {
			return "", false, err
		}
	}
	name, rooted = strings.CutSuffix(s, ".")
	return lowerName(name), rooted, nil
}

// toASCII converts a name by IDNA. It does not convert ASCII labels at the
// front that begin with an underscore, as in "_sip._tcp.bücher.example": IDNA
// does not allow them.
func toASCII(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", errUTF8
	}
	front := 0
	for front < len(s) && s[front] == '_' {
		dot := strings.IndexByte(s[front:], '.')
		if dot < 0 || !isASCII(s[front:front+dot]) {
			break
		}
		front += dot + 1
	}
	name, err := idna.Lookup.ToASCII(s[front:])
	if err != nil {
		return "", err
	}
	return s[:front] + name, nil
}

// checkHost returns an error if a name, without the trailing dot, is not a host
// name.
func checkHost(name string) error {
	if name == "" {
		return errEmptyName
	}
	numeric := true
	err := checkLabels(name, func(label string) error {
		if label[0] == '-' || label[len(label)-1] == '-' {
			return errHyphen
		}
		for _, c := range []byte(label) {
			switch {
			case c >= '0' && c <= '9':
			case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-', c == '_':
				numeric = false
			default:
				return errCharacter
			}
		}
		return nil
	})
	if err == nil && numeric {
		err = errNumeric
	}
	return err
}

// checkLabels checks the lengths in a name without the trailing dot, and calls
// check with each label.
func checkLabels(name string, check func(label string) error) error {
	switch {
	case name == "":
		return errEmptyName
	case len(name) > maxName:
		return errLongName
	}
	for label := range strings.SplitSeq(name, ".") {
		switch {
		case label == "":
			return errEmptyLabel
		case len(label) > maxLabel:
			return errLongLabel
		}
		if err := check(label); err != nil {
			return err
		}
	}
	return nil
}

// isASCII reports whether s is ASCII.
func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// lowerName returns s with ASCII letters in lower case.
func lowerName(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= 'A' && c <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if c := b[i]; c >= 'A' && c <= 'Z' {
					b[i] = c + 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// lower returns c, an upper-case ASCII letter in lower case.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// unrooted returns a name without the trailing dot. The root stays ".".
func unrooted(name string) string {
	if len(name) > 1 {
		return strings.TrimSuffix(name, ".")
	}
	return name
}

// under reports whether name is the domain, or is below it.
func under(name, domain string) bool {
	rest, ok := strings.CutSuffix(name, domain)
	return ok && (rest == "" || rest[len(rest)-1] == '.')
}

// isLocalhost reports whether name is for loopback addresses (RFC 6761, section
// 6.3).
func isLocalhost(name string) bool { return under(name, "localhost") }

// isNowhere reports whether name does not exist and must not be asked for (RFC
// 6761, section 6.4; RFC 7686, section 2).
func isNowhere(name string) bool { return under(name, "invalid") || under(name, "onion") }

// literal returns the address if host is an IP address, with or without a zone.
func literal(host string) (netip.Addr, bool) {
	if host == "" {
		return netip.Addr{}, false
	}
	if c := host[len(host)-1]; (c < '0' || c > '9') && strings.IndexByte(host, ':') < 0 {
		// faster than an error of ParseAddr for most names
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(host)
	return a.Unmap(), err == nil
}

// arpa returns the name that has the PTR records of an address, without the
// trailing dot.
func arpa(a netip.Addr) string {
	a = a.Unmap()
	if a.Is4() {
		b := a.As4()
		return netip.AddrFrom4([4]byte{b[3], b[2], b[1], b[0]}).String() + ".in-addr.arpa"
	}
	const hex = "0123456789abcdef"
	b, s := a.As16(), make([]byte, 0, 64+len("ip6.arpa"))
	for i := len(b) - 1; i >= 0; i-- {
		s = append(s, hex[b[i]&15], '.', hex[b[i]>>4], '.')
	}
	return string(append(s, "ip6.arpa"...))
}
