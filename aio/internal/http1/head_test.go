package http1

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// headCase is a head, and the status it is refused with, 0 for none.
type headCase struct {
	name, text string
	want       int
}

// get is the head of a GET with further lines.
func get(lines ...string) string {
	return strings.Join(append([]string{"GET / HTTP/1.1", "Host: h"}, append(lines, "", "")...), "\r\n")
}

// first is a head with another first line.
func first(line string) string { return line + "\r\nHost: h\r\n\r\n" }

var headCases = []headCase{
	{"plain", get(), 0},
	{"fields", get("A: b", "C-d_e.f: \t g h \t", "!#$%&'*+-.^_`|~9: \x80\xff", "Empty:"), 0},
	{"tab within a value", get("A: b\tc"), 0},

	// Ends of lines.
	{"LF behind the first line", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400},
	{"LF behind a field", "GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n", 400},
	{"LF behind the last field", "GET / HTTP/1.1\r\nHost: h\n\r\n", 400},
	{"LF for the empty line", "GET / HTTP/1.1\r\nHost: h\r\n\n", 400},
	{"LF only", "GET / HTTP/1.1\nHost: h\n\n", 400},
	{"CR behind the first line", "GET / HTTP/1.1\rHost: h\r\n\r\n", 400},
	{"CR behind a field", "GET / HTTP/1.1\r\nHost: h\rA: b\r\n\r\n", 400},
	{"CR CR LF", "GET / HTTP/1.1\r\nHost: h\r\r\n\r\n", 400},
	{"LF CR", "GET / HTTP/1.1\n\rHost: h\r\n\r\n", 400},

	// Field lines.
	{"no colon", get("A"), 400},
	{"no name", get(": b"), 400},
	{"space before the colon", get("A : b"), 400},
	{"tab before the colon", get("A\t: b"), 400},
	{"space before the colon of Content-Length", get("Content-Length : 1"), 400},
	{"folded with a space", get("A: b", " c"), 400},
	{"folded with a tab", get("A: b", "\tc"), 400},
	{"folded empty", get("A: b", " "), 400},
	{"folded before all fields", "GET / HTTP/1.1\r\n A: b\r\nHost: h\r\n\r\n", 400},
	{"name with a space", get("A b: c"), 400},
	{"name with a separator", get("A(: b"), 400},
	{"name that is not ASCII", get("\xc3\xa4: b"), 400},
	{"name with NUL", get("A\x00: b"), 400},
	{"value with NUL", get("A: \x00"), 400},
	{"value with BEL", get("A: b\x07"), 400},
	{"value with VT", get("A: \x0bb"), 400},
	{"value with FF", get("A: b\x0c"), 400},
	{"value with ESC", get("A: \x1b[0m"), 400},
	{"value with DEL", get("A: b\x7fc"), 400},
	{"value with CR", get("A: b\rc"), 400},
	{"value with LF", get("A: b\nc"), 400},

	// First lines.
	{"empty line before", "\r\n" + get(), 400},
	{"LF before", "\n" + get(), 400},
	{"space before", " " + get(), 400},
	{"no version", first("GET /"), 400},
	{"no target", first("GET HTTP/1.1"), 400},
	{"only a method", first("GET"), 400},
	{"nothing", first(""), 400},
	{"two spaces behind the method", first("GET  / HTTP/1.1"), 400},
	{"two spaces behind the target", first("GET /  HTTP/1.1"), 400},
	{"space behind the version", first("GET / HTTP/1.1 "), 400},
	{"tab for a space", first("GET\t/ HTTP/1.1"), 400},
	{"space in the target", first("GET /a b HTTP/1.1"), 400},
	{"no method", first(" / HTTP/1.1"), 400},
	{"method with a separator", first("G@T / HTTP/1.1"), 400},
	{"method that is not ASCII", first("G\xc3\x84T / HTTP/1.1"), 400},
	{"method of a TLS record", "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400},
	{"any token for a method", first("M-SEARCH!# / HTTP/1.1"), 0},
	{"lower-case method", first("get / HTTP/1.1"), 0},

	// Versions.
	{"lower-case version", first("GET / http/1.1"), 400},
	{"version without a minor number", first("GET / HTTP/1"), 400},
	{"version with a dot only", first("GET / HTTP/1."), 400},
	{"version 1.10", first("GET / HTTP/1.10"), 400},
	{"version 01.1", first("GET / HTTP/01.1"), 400},
	{"version +1.1", first("GET / HTTP/+1.1"), 400},
	{"version 1,1", first("GET / HTTP/1,1"), 400},
	{"version of something else", first("GET / ICE/1.0"), 400},
	{"version 1.0", first("GET / HTTP/1.0"), 0},
	{"version 1.2", first("GET / HTTP/1.2"), 0},
	{"version 1.9", first("GET / HTTP/1.9"), 0},
	{"version 0.9", first("GET / HTTP/0.9"), 505},
	{"version 2.0", first("GET / HTTP/2.0"), 505},
	{"version 3.0", first("GET / HTTP/3.0"), 505},
	{"version 9.9", first("GET / HTTP/9.9"), 505},
	{"preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},

	// Hosts.
	{"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
	{"no Host, but in the target", "GET http://h/ HTTP/1.1\r\n\r\n", 400},
	{"no Host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 0},
	{"two Hosts", get("Host: other"), 400},
	{"two equal Hosts", get("hOST: h"), 400},
	{"two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", 400},
	{"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 0},
	{"empty Host, and another", "GET / HTTP/1.1\r\nHost:\r\nHost: h\r\n\r\n", 400},
	{"Host that is none", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},

	// Framing.
	{"length", get("Content-Length: 5"), 0},
	{"length 0", get("Content-Length: 0"), 0},
	{"length of 18 digits", get("Content-Length: 999999999999999999"), 0},
	{"length of 19 digits", get("Content-Length: 1000000000000000000"), 400},
	{"length of 19 digits that is small", get("Content-Length: 0000000000000000005"), 400},
	{"empty length", get("Content-Length:"), 400},
	{"length with a plus", get("Content-Length: +5"), 400},
	{"length with a minus", get("Content-Length: -5"), 400},
	{"length in hex", get("Content-Length: 0x5"), 400},
	{"length with a letter", get("Content-Length: 5b"), 400},
	{"length with an underscore", get("Content-Length: 1_0"), 400},
	{"length with a point", get("Content-Length: 5.0"), 400},
	{"length with a space within", get("Content-Length: 5 5"), 400},
	{"length in quotes", get(`Content-Length: "5"`), 400},
	{"length in other digits", get("Content-Length: \xd9\xa5"), 400},
	{"list of lengths", get("Content-Length: 5, 5"), 400},
	{"list of one length", get("Content-Length: 5,"), 400},
	{"two lengths", get("Content-Length: 5", "Content-Length: 6"), 400},
	{"two equal lengths", get("Content-Length: 5", "content-length: 5"), 400},
	{"two lengths of 0", get("Content-Length: 0", "Content-Length: 0"), 400},
	{"coding", get("Transfer-Encoding: chunked"), 0},
	{"coding in capitals", get("TRANSFER-ENCODING: CHUNKED"), 0},
	{"coding and length", get("Transfer-Encoding: chunked", "Content-Length: 5"), 400},
	{"length and coding", get("Content-Length: 5", "Transfer-Encoding: chunked"), 400},
	{"length 0 and coding", get("Content-Length: 0", "Transfer-Encoding: chunked"), 400},
	{"length and another coding", get("Content-Length: 5", "Transfer-Encoding: gzip"), 400},
	{"length and empty coding", get("Content-Length: 5", "Transfer-Encoding:"), 400},
	{"two codings", get("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 400},
	{"two codings, the last one not chunked", get("Transfer-Encoding: chunked", "Transfer-Encoding: x"), 400},
	{"two codings, the first one not chunked", get("Transfer-Encoding: gzip", "Transfer-Encoding: chunked"), 400},
	{"coding in HTTP/1.0", "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	{"coding and length in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
	{"coding identity", get("Transfer-Encoding: identity"), 501},
	{"coding gzip", get("Transfer-Encoding: gzip"), 501},
	{"coding gzip, chunked", get("Transfer-Encoding: gzip, chunked"), 501},
	{"coding chunked, gzip", get("Transfer-Encoding: chunked, gzip"), 501},
	{"coding chunked, chunked", get("Transfer-Encoding: chunked, chunked"), 501},
	{"coding with a comma", get("Transfer-Encoding: chunked,"), 501},
	{"coding behind a comma", get("Transfer-Encoding: ,chunked"), 501},
	{"coding with a parameter", get("Transfer-Encoding: chunked;a=b"), 501},
	{"coding in quotes", get(`Transfer-Encoding: "chunked"`), 501},
	{"coding xchunked", get("Transfer-Encoding: xchunked"), 501},
	{"coding chunked with a no-break space", get("Transfer-Encoding: chunked\xc2\xa0"), 501},
	{"coding chunked with a NEL", get("Transfer-Encoding: \x85chunked"), 501},
	{"coding chunked with a Kelvin sign", get("Transfer-Encoding: chun\u212aed"), 501},
	{"empty coding", get("Transfer-Encoding:"), 501},
	{"coding behind a VT", get("Transfer-Encoding: \x0bchunked"), 400},
	{"forbidden trailer", get("Transfer-Encoding: chunked", "Trailer: A, content-length"), 400},
	{"forbidden trailer Transfer-Encoding", get("Transfer-Encoding: chunked", "Trailer: transfer-encoding"), 400},
	{"forbidden trailer Trailer", get("Transfer-Encoding: chunked", "Trailer: trailer, A"), 400},
	{"forbidden trailer without a coding", get("Trailer: Content-Length"), 0},
	{"forbidden trailer and a length", get("Content-Length: 1", "Trailer: Content-Length"), 0},
	{"other trailers", get("Transfer-Encoding: chunked", "Trailer: A, B"), 0},
}

// TestHeads holds which heads are refused, and how, in one piece and byte by
// byte.
func TestHeads(t *testing.T) {
	for _, c := range headCases {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			var h Head
			n, status := h.Parse([]byte(c.text+"rest"), testLimits)
			if status != c.want {
				t.Errorf("%q: status %d, want %d", c.text, status, c.want)
			}
			if want := len(c.text); c.want == 0 && n != want || c.want != 0 && n != 0 {
				t.Errorf("%q: length %d of %d", c.text, n, want)
			}
			checkPieces(t, []byte(c.text+"rest"), n, status)
		})
	}
}

// TestEarlyRefusals holds that a head is refused with the first line that is
// wrong, whatever follows it.
func TestEarlyRefusals(t *testing.T) {
	for _, c := range []struct {
		text string
		want int
	}{
		{"G@", 400},
		{"\x16", 400},
		{"GET /a b HTTP/1.1\r\n", 400},
		{"GET / HTTP/2.0\r\n", 505},
		{"GET / HTTP/1.1\n", 400},
		{"GET / HTTP/1.1\r\nA : b\r\n", 400},
		{"GET / HTTP/1.1\r\nContent-Length: x\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a b\r\n", 400},
		{"GET /" + strings.Repeat("a", testLimits.Bytes), 431},
		{"GET / HTTP/1.1\r\nA: " + strings.Repeat("a", testLimits.Bytes), 431},
		{"GET / HTTP/1.1\r\n" + strings.Repeat("A: b\r\n", testLimits.Fields+1), 431},
		{"GET / HTTP/1.1\r\n" + strings.Repeat("A: b\r\n", testLimits.Fields), 0},
		{"GET / HTTP/1.1\r\nHost: h\r\nA", 0},
		{"GET /" + strings.Repeat("a", testLimits.Bytes-len("GET /")), 431},
		{"GET /" + strings.Repeat("a", testLimits.Bytes-len("GET /")-1), 0},
		{"", 0},
	} {
		var h Head
		if n, status := h.Parse([]byte(c.text), testLimits); n != 0 || status != c.want {
			t.Errorf("%.40q: %d, %d; want %d", c.text, n, status, c.want)
		}
		if h.Method != "" || h.fields != "" {
			t.Errorf("%.40q has changed the Head", c.text)
		}
	}
}

// TestHeadLimits holds that the limits are what a head may just have.
func TestHeadLimits(t *testing.T) {
	sized := func(n int) string { // with n bytes in all
		return get("A: " + strings.Repeat("a", n-len(get("A: "))))
	}
	counted := func(n int) string { return get(slices.Repeat([]string{"A: b"}, n-1)...) }
	for _, c := range []headCase{
		{"the most bytes", sized(testLimits.Bytes), 0},
		{"a byte more", sized(testLimits.Bytes + 1), 431},
		{"many more", sized(10 * testLimits.Bytes), 431},
		{"the most fields", counted(testLimits.Fields), 0},
		{"a field more", counted(testLimits.Fields + 1), 431},
		{"many more fields", counted(10 * testLimits.Fields), 431},
	} {
		var h Head
		n, status := h.Parse([]byte(c.text), testLimits)
		if status != c.want || status == 0 && n != len(c.text) {
			t.Errorf("%s: %d, %d; want %d", c.name, n, status, c.want)
		}
		checkPieces(t, []byte(c.text), n, status)
	}
}

// TestHead holds what a head says.
func TestHead(t *testing.T) {
	text := "POST /a%20b?c=d?e HTTP/1.1\r\nhOSt: h:80\r\nX: 1\r\nx:  2 \r\nContent-Length: 0012\r\nEmpty: \t \r\n\r\n"
	p := []byte(text)
	var h Head
	if n, status := h.Parse(p, testLimits); n != len(text) || status != 0 {
		t.Fatal(n, status)
	}
	for i := range p {
		p[i] = '!' // h has copies
	}
	got := fmt.Sprint(h.Method, h.Target, h.Proto(), h.Host, fieldsOf(&h), h.Length, h.Minor, h.Form, h.Path(), h.Query())
	want := fmt.Sprint("POST", "/a%20b?c=d?e", "HTTP/1.1", "h:80",
		[]Field{{"hOSt", "h:80"}, {"X", "1"}, {"x", "2"}, {"Content-Length", "0012"}, {"Empty", ""}}, 12, 1, Origin, "/a%20b", "c=d?e")
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for name, want := range map[string]string{"X": "1", "host": "h:80", "Nothing": "", "Empty": ""} {
		if got := h.Value(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestFlags holds what fields say about the connection.
func TestFlags(t *testing.T) {
	const kelvin, longS = "\u212a", "\u017f" // which fold to k and s, but not in ASCII
	for _, c := range []struct {
		fields string
		want   Flags
	}{
		{"", 0},
		{"Connection: close", Close},
		{"CONNECTION: CLOSE", Close},
		{"Connection: keep-alive", KeepAlive},
		{"Connection: Keep-Alive, Upgrade", KeepAlive | ConnUpgrade},
		{"Connection: a,\tclose ,b", Close},
		{"Connection: ,,close,", Close},
		{"Connection: keep-alive\r\nConnection: close", KeepAlive | Close},
		{"Connection: closed", 0},
		{"Connection: xclose", 0},
		{"Connection: \"close\"", 0},
		{"Connection: clo" + longS + "e", 0},
		{"Connection: " + kelvin + "eep-alive", 0},
		{"Proxy-Connection: close", 0},
		{"Upgrade: websocket", Upgrade},
		{"Upgrade:", 0},
		{"Upgrade: , ,", 0},
		{"Upgrade: , x", Upgrade},
		{"Upgrade:\r\nUpgrade: x", Upgrade},
		{"Connection: upgrade\r\nUpgrade: x", ConnUpgrade | Upgrade},
		{"Expect: 100-continue", ExpectContinue},
		{"Expect: 100-CONTINUE", ExpectContinue},
		{"Expect: a, 100-continue", ExpectContinue},
		{"Expect: 100-continue\r\nExpect: a", ExpectContinue},
		{"Expect: 100", ExpectOther},
		{"Expect: a\r\nExpect: 100-continue", ExpectOther},
		{"Expect:", 0},
		{"Transfer-Encoding: chunked", ChunkedCoding},
	} {
		var h Head
		if n, status := h.Parse([]byte(get(strings.Split(c.fields+"\r\nA: b", "\r\n")...)), testLimits); c.fields != "" && n == 0 {
			t.Errorf("%q: %d", c.fields, status)
		}
		if h.Flags != c.want && c.fields != "" {
			t.Errorf("%q: %b, want %b", c.fields, h.Flags, c.want)
		}
	}
}

// TestConnection holds which requests keep the connection, and which ask for an
// upgrade.
func TestConnection(t *testing.T) {
	for _, c := range []struct {
		version, fields string
		keeps, upgrades bool
	}{
		{"1.1", "A: b", true, false},
		{"1.1", "Connection: close", false, false},
		{"1.1", "Connection: close, keep-alive", false, false},
		{"1.2", "A: b", true, false},
		{"1.0", "A: b", false, false},
		{"1.0", "Connection: keep-alive", true, false},
		{"1.0", "Connection: keep-alive, close", false, false},
		{"1.1", "Connection: upgrade\r\nUpgrade: x", true, true},
		{"1.1", "Connection: close, upgrade\r\nUpgrade: x", false, true},
		{"1.1", "Connection: upgrade\r\nUpgrade:", true, false},
		{"1.1", "Connection: upgrade", true, false},
		{"1.1", "Upgrade: x", true, false},
		{"1.0", "Connection: upgrade\r\nUpgrade: x", false, false},
	} {
		var h Head
		text := "GET / HTTP/" + c.version + "\r\nHost: h\r\n" + c.fields + "\r\n\r\n"
		if n, status := h.Parse([]byte(text), testLimits); n != len(text) {
			t.Errorf("%q: %d, %d", text, n, status)
		}
		if h.KeepsAlive() != c.keeps || h.Upgrades() != c.upgrades {
			t.Errorf("%q: KeepsAlive %v, Upgrades %v", text, h.KeepsAlive(), h.Upgrades())
		}
	}
}

func fieldsOf(h *Head) (fields []Field) {
	for f := range h.Fields {
		fields = append(fields, f)
	}
	return fields
}

// TestUpgradeTo holds which of the protocols that are offered is the first.
func TestUpgradeTo(t *testing.T) {
	for fields, want := range map[string]string{
		"Upgrade: x/2": "x/2", "upgrade: x , y": "x", "Upgrade: ,\ty": "y", "Upgrade:\r\nUpgrade: y": "y", "Upgrade: ,": "", "A: b": "",
	} {
		var h Head
		h.Parse([]byte(get(strings.Split(fields, "\r\n")...)), testLimits)
		if got := h.UpgradeTo(); got != want {
			t.Errorf("%q: %q, want %q", fields, got, want)
		}
	}
}

// TestEqualFold checks that only the letters of ASCII have two cases.
func TestEqualFold(t *testing.T) {
	letter := func(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
	for a := range 256 {
		for b := range 256 {
			x, y := byte(a), byte(b)
			want := x == y || letter(x) && x|0x20 == y|0x20
			if got := EqualFold(string([]byte{x}), string([]byte{y})); got != want {
				t.Errorf("EqualFold(%q, %q): %v, want %v", []byte{x}, []byte{y}, got, want)
			}
		}
	}
}

// TestCheckCosts holds that a head which comes byte by byte is not parsed again
// with each of them.
func TestCheckCosts(t *testing.T) {
	for _, text := range []string{strings.Repeat("a", 1000), "GET /" + strings.Repeat("a", 1000), "GET / HTTP/1.1\r\nA: " + strings.Repeat("a", 1000)} {
		p := []byte(text)
		if n := testing.AllocsPerRun(100, func() { Check(p, len(p)-1, testLimits) }); n != 0 {
			t.Errorf("%.20q: %v allocations", text, n)
		}
	}
}
