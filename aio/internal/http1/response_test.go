package http1

import (
	"errors"
	"fmt"
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
