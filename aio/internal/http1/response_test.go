package http1

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// answer is the head of a 200 with further lines.
func answer(lines ...string) string {
	return strings.Join(append([]string{"HTTP/1.1 200 OK"}, append(lines, "", "")...), "\r\n")
}

// TestResponse checks which heads of responses are refused, and why.
func TestResponse(t *testing.T) {
	for _, x := range []struct {
		name, text string
		want       error
	}{
		{"plain", answer(), nil},
		{"no reason", "HTTP/1.1 200 \r\n\r\n", nil},
		{"no reason and no space", "HTTP/1.1 200\r\n\r\n", nil},
		{"reason with obs-text", "HTTP/1.1 404 nicht gef\xfcnden\r\n\r\n", nil},
		{"other status", "HTTP/1.1 999 Go away\r\n\r\n", nil},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\n", nil},
		{"fields", answer("A: b", "C-d_e.f: \t g h \t", "Empty:"), nil},
		{"one length twice", answer("Content-Length: 5", "content-length: 5"), nil},
		{"length beside chunked", answer("Content-Length: 5", "Transfer-Encoding: chunked"), nil},
		{"chunked in capitals", answer("Transfer-Encoding: CHUNKED"), nil},

		{"SSH", "SSH-2.0-x\r\n\r\n", FaultVersion},
		{"HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n", FaultVersion},
		{"HTTP/0.9", "<html>\r\n\r\n", FaultVersion},
		{"empty line first", "\r\n" + answer(), FaultVersion},
		{"small letters", "http/1.1 200 OK\r\n\r\n", FaultVersion},
		{"letter for a version", "HTTP/1.x 200 OK\r\n\r\n", FaultStatusLine},
		{"no space behind the version", "HTTP/1.1_200 OK\r\n\r\n", FaultStatusLine},
		{"two digits of a version", "HTTP/1.11 200 OK\r\n\r\n", FaultStatusLine},
		{"two digits", "HTTP/1.1 20 OK\r\n\r\n", FaultStatusLine},
		{"four digits", "HTTP/1.1 2000 OK\r\n\r\n", FaultStatusLine},
		{"below 100", "HTTP/1.1 099 OK\r\n\r\n", FaultStatusLine},
		{"sign", "HTTP/1.1 +20 OK\r\n\r\n", FaultStatusLine},
		{"two spaces", "HTTP/1.1  200 OK\r\n\r\n", FaultStatusLine},
		{"control byte in the reason", "HTTP/1.1 200 O\x00K\r\n\r\n", FaultStatusLine},
		{"CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n", FaultStatusLine},
		{"LF behind the status line", "HTTP/1.1 200 OK\nA: b\r\n\r\n", FaultStatusLine},
		{"LF behind a field", "HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n", FaultField},
		{"folded", answer("A: b", " c"), FaultField},
		{"folded first", answer(" A: b"), FaultField},
		{"space before the colon", answer("A : b"), FaultField},
		{"no colon", answer("A"), FaultField},
		{"no name", answer(": b"), FaultField},
		{"value with NUL", answer("A: \x00"), FaultField},
		{"lengths that differ", answer("Content-Length: 5", "Content-Length: 6"), FaultLengths},
		{"list of lengths", answer("Content-Length: 5, 5"), FaultLength},
		{"negative length", answer("Content-Length: -1"), FaultLength},
		{"length with a sign", answer("Content-Length: +1"), FaultLength},
		{"hexadecimal length", answer("Content-Length: 0x1"), FaultLength},
		{"empty length", answer("Content-Length:"), FaultLength},
		{"length of 19 digits", answer("Content-Length: 9999999999999999999"), FaultLength},
		{"gzip coding", answer("Transfer-Encoding: gzip"), FaultCoding},
		{"gzip, chunked", answer("Transfer-Encoding: gzip, chunked"), FaultCoding},
		{"chunked twice", answer("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), FaultCoding},
		{"Kelvin", answer("Transfer-Encoding: chun\u212aed"), FaultCoding},
		{"chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", FaultOldCoding},
		{"too large", answer("A: " + strings.Repeat("x", 4<<10)), FaultTooLarge},
		{"too many fields", answer(strings.Split(strings.Repeat("A: b,", 21), ",")[:21]...), FaultTooLarge},
	} {
		t.Run(x.name, func(t *testing.T) {
			n, err := new(Response).ParseResponse([]byte(x.text), 0, testLimits)
			if !errors.Is(err, x.want) || (err == nil) != (x.want == nil) {
				t.Errorf("%q: %v, want %v", x.text, err, x.want)
			}
			if x.want == nil && n != len(x.text) {
				t.Errorf("%q: %d bytes", x.text, n)
			}
		})
	}
}

// statusLine has the status lines that are accepted, with the status and the
// reason.
var statusLine = regexp.MustCompile(`^HTTP/1\.[0-9] ([1-9][0-9][0-9])(?: ([^\x00-\x08\x0a-\x1f\x7f]*))?\r\n\r\n$`)

// TestStatusLines checks which status lines are accepted, and what they say: a
// good one that is cut short anywhere, or has any byte in the place of one.
func TestStatusLines(t *testing.T) {
	const line, end = "HTTP/1.1 204 No", "\r\n\r\n"
	texts := []string{line + end}
	for i := range line {
		texts = append(texts, line[:i]+end)
		for c := range 256 {
			texts = append(texts, line[:i]+string([]byte{byte(c)})+line[i+1:]+end)
		}
	}
	for _, text := range texts {
		var r Response
		n, err := r.ParseResponse([]byte(text), 0, testLimits)
		want := statusLine.FindStringSubmatch(text)
		switch {
		case want == nil && err == nil:
			t.Errorf("%q is accepted", text)
		case want != nil && (err != nil || n != len(text) || strconv.Itoa(r.Status) != want[1] || r.Reason != want[2]):
			t.Errorf("%q: %d, %v, status %d, reason %q", text, n, err, r.Status, r.Reason)
		}
	}
}

// TestResponseLimits checks that the limits are what a head may just have, and
// that an incomplete head is refused when it has no room for its end.
func TestResponseLimits(t *testing.T) {
	sized := func(n int) string { // with n bytes in all
		return answer("A: " + strings.Repeat("a", n-len(answer("A: "))))
	}
	counted := func(n int) string { return answer(slices.Repeat([]string{"A: b"}, n)...) }
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"the most bytes", sized(testLimits.Bytes), nil},
		{"a byte more", sized(testLimits.Bytes + 1), FaultTooLarge},
		{"the most fields", counted(testLimits.Fields), nil},
		{"a field more", counted(testLimits.Fields + 1), FaultTooLarge},
		{"incomplete, with room for a byte", sized(testLimits.Bytes)[:testLimits.Bytes-1], nil},
		{"incomplete, without room", sized(testLimits.Bytes + 1)[:testLimits.Bytes], FaultTooLarge},
	} {
		_, err := new(Response).ParseResponse([]byte(c.text), 0, testLimits)
		if err != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// TestResponseValue checks that Value returns the first field of the name.
func TestResponseValue(t *testing.T) {
	var r Response
	if _, err := r.ParseResponse([]byte(answer("A: 1", "B: 2", "b: 3")), 0, testLimits); err != nil {
		t.Fatalf("ParseResponse: %v", err)
	}
	for name, want := range map[string]string{"a": "1", "B": "2", "b": "2", "C": ""} {
		if got := r.Value(name); got != want {
			t.Errorf("Value(%q): %q, want %q", name, got, want)
		}
	}
}

// TestResponseBody checks what a body's length is, and whether the connection
// can be used behind it.
func TestResponseBody(t *testing.T) {
	status := func(code int, lines ...string) string {
		return fmt.Sprintf("HTTP/1.1 %d X\r\n%s\r\n\r\n", code, strings.Join(lines, "\r\n"))
	}
	const length, chunked = "Content-Length: 5", "Transfer-Encoding: chunked"
	for _, x := range []struct {
		method, text string
		length       int64
		keep         bool
	}{
		{"GET", status(200, length), 5, true},
		{"GET", status(200, length, length), 5, true},
		{"GET", status(200, length, length, length), 5, true},
		{"GET", status(200, chunked), LengthChunked, true},
		{"GET", status(200, chunked, length), LengthChunked, false},
		{"GET", status(200, "A: b"), LengthUntilClose, true},
		{"HEAD", status(200, length), 0, true},
		{"HEAD", status(200, chunked), 0, true},
		{"HEAD", status(200, "A: b"), 0, true},
		{"GET", status(204, length), 0, true},
		{"GET", status(304, length), 0, true},
		{"GET", status(103, length), 0, true},
		{"GET", status(404, length, "Connection: a, Close"), 5, false},
		{"GET", "HTTP/1.0 200 OK\r\n" + length + "\r\n\r\n", 5, false},
		{"GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + length + "\r\n\r\n", 5, true},
	} {
		var r Response
		if n, err := r.ParseResponse([]byte(x.text), 0, testLimits); n != len(x.text) || err != nil {
			t.Errorf("%q: %d, %v", x.text, n, err)
		}
		if l, keep := r.BodyLength(x.method), r.KeepsAlive(); l != x.length || keep != x.keep {
			t.Errorf("%s %q: length %d, keep %v", x.method, x.text, l, keep)
		}
	}
}
