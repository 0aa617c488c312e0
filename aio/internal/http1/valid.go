package http1

// ValidTarget reports whether a target has a form that fits the method; see
// Form.
func ValidTarget(method, target string) bool {
	h := Head{Method: method, Target: target}
	return h.setForm()
}

// ValidMethod reports whether s can be a method: a token.
func ValidMethod(s string) bool { return s != "" && all(s, inToken) }

// ParseLength parses the value of a Content-Length field: 1 to 18 digits.
func ParseLength(s string) (n int64, ok bool) {
	if s == "" || len(s) > 18 || !all(s, isDigit) {
		return 0, false
	}
	for i := range len(s) {
		n = 10*n + int64(s[i]-'0')
	}
	return n, true
}

// SameHost reports whether two valid Host fields name the same host and port.
// Without knowing the scheme, it allows either of them to leave out the port of
// http or https.
func SameHost(a, b string) bool {
	hostA, portA, _ := cutPort(a)
	hostB, portB, _ := cutPort(b)
	return EqualFold(hostA, hostB) && (portA == portB || portA == "" && usual(portB) || portB == "" && usual(portA))
}

func usual(port string) bool { return port == "80" || port == "443" }

// ValidName reports whether s can be a field's name.
func ValidName(s string) bool { return s != "" && all(s, inToken) }

// ValidValue reports whether s can be a field's value: it has no control bytes
// other than tabs.
func ValidValue(s string) bool { return all(s, inValue) }
