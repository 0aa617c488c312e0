package http1

import (
	"fmt"
	"strings"
	"testing"
)

// refusedChunks are bodies that are refused, and with what.
var refusedChunks = []struct {
	text string
	want int
}{
	// Ends of lines.
	{"3\nabc\r\n0\r\n\r\n", 400},
	{"3\r\nabc\n0\r\n\r\n", 400},
	{"3\r\nabc\r0\r\n\r\n", 400},
	{"3\r\nabc\r\n0\n\r\n", 400},
	{"3\r\nabc\r\n0\r\n\n", 400},
	{"3\rabc\r\n", 400},
	{"0\r\nA: b\n\r\n", 400},
	{"0\r\nA: b\r\n\n", 400},
	{"0\r\nA: b\rC: d\r\n\r\n", 400},
	{"3\r\r\nabc\r\n", 400},

	// Sizes.
	{"\r\n", 400},
	{"\r\n0\r\n\r\n", 400},
	{";a\r\n", 400},
	{" 3\r\nabc", 400},
	{"3 \r\nabc", 400},
	{"3\t\r\nabc", 400},
	{"+3\r\nabc", 400},
	{"-3\r\nabc", 400},
	{"0x3\r\nabc", 400},
	{"3h\r\nabc", 400},
	{"g\r\n", 400},
	{"3_0\r\n", 400},
	{"3.0\r\n", 400},
	{"3 3\r\n", 400},
	{"3,3\r\n", 400},
	{"\xef\xbc\x93\r\n", 400},
	{"0000000000000003\r\nabc\r\n0\r\n\r\n", 400},
	{"1000000000000000\r\n", 400},
	{"fffffffffffffffff\r\n", 400},

	// Data that is longer or shorter than its size.
	{"3\r\nabcd\r\n0\r\n\r\n", 400},
	{"3\r\nab\r\n0\r\n\r\n", 400},
	{"3\r\nabc0\r\n\r\n", 400},
	{"3\r\nabc \r\n0\r\n\r\n", 400},

	// Extensions.
	{"3;a\nb\r\nabc", 400},
	{"3;a\rb\r\nabc", 400},
	{"3;a\x00\r\nabc", 400},
	{"3;a=\"\x7f\"\r\nabc", 400},
	{"3;" + strings.Repeat("a", maxChunkLine) + "\r\nabc", 400},
	{"3" + strings.Repeat(" ", maxChunkLine) + ";\r\nabc", 400},
	{strings.Repeat("1;"+strings.Repeat("a", 200)+"\r\na\r\n", 100) + "0\r\n\r\n", 400},

	// Trailers.
	{"0\r\nA\r\n\r\n", 400},
	{"0\r\nA : b\r\n\r\n", 400},
	{"0\r\n: b\r\n\r\n", 400},
	{"0\r\n A: b\r\n\r\n", 400},
	{"0\r\nA: b\r\n c\r\n\r\n", 400},
	{"0\r\nA: b\x00\r\n\r\n", 400},
	{"0\r\n\xc3\xa4: b\r\n\r\n", 400},
	{"0\r\n" + strings.Repeat("A: b\r\n", testLimits.Fields+1) + "\r\n", 431},
	{"0\r\nA: " + strings.Repeat("a", testLimits.Bytes) + "\r\n\r\n", 431},
	{"0\r\nA: " + strings.Repeat("a", testLimits.Bytes+1), 431},
}

func TestRefusedChunks(t *testing.T) {
	for _, c := range refusedChunks {
		for _, size := range []int{len(c.text), 1, 2, 7} {
			_, used, status := decode([]byte(c.text), size)
			if used != 0 || status != c.want {
				t.Errorf("%.60q in pieces of %d: %d, %d; want %d", c.text, size, used, status, c.want)
			}
		}
	}
}

// TestChunks checks what chunked bodies say.
func TestChunks(t *testing.T) {
	for _, c := range []struct {
		text, want string
		trailer    []Field
	}{
		{"0\r\n\r\n", "", nil},
		{"000\r\n\r\n", "", nil},
		{"3\r\nabc\r\n0\r\n\r\n", "abc", nil},
		{"000000000000003\r\nabc\r\n0\r\n\r\n", "abc", nil},
		{"3;a=b\r\nabc\r\n0;c\r\n\r\n", "abc", nil},
		{"3 ; a=b\r\nabc\r\n0\r\n\r\n", "abc", nil},
		{"3\t \t;\r\nabc\r\n0\r\n\r\n", "abc", nil},
		{"3;a=\"\xff;\t\"\r\nabc\r\n0\r\n\r\n", "abc", nil},
		{"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", nil},
		{"2\r\n\r\n\r\n0\r\n\r\n", "\r\n", nil},
		{"5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n", nil},
		{"1\r\na\r\n0\r\nA:  b \r\nc:\r\n\r\n", "a", []Field{{"A", "b"}, {"c", ""}}},
		{"0\r\n" + strings.Repeat("A: b\r\n", testLimits.Fields) + "\r\n", "", []Field{{"A", "b"}, {"A", "b"}}},
	} {
		for size := 1; size <= len(c.text); size++ {
			data, used, status := decode([]byte(c.text), size)
			if string(data) != c.want || used != len(c.text) || status != 0 {
				t.Errorf("%q in pieces of %d: %q, %d, %d", c.text, size, data, used, status)
			}
		}
		d := Chunked{Limits: testLimits}
		for p := []byte(c.text + "rest"); !d.Over(); {
			_, n, _ := d.Next(p)
			p = p[n:]
			if d.Over() && string(p) != "rest" {
				t.Errorf("%q: %q is left", c.text, p)
			}
		}
		if got := d.Trailer[:min(len(c.trailer), len(d.Trailer))]; fmt.Sprint(got) != fmt.Sprint(c.trailer) && c.trailer != nil || c.trailer == nil && d.Trailer != nil {
			t.Errorf("%q: trailer %q", c.text, d.Trailer)
		}
	}
}

// TestEarlyChunkRefusals checks that a body is refused as soon as no
// continuation can be right, except a line's end.
func TestEarlyChunkRefusals(t *testing.T) {
	for _, text := range []string{"x", ";", " ", "\r", "-", "3\r\nabcd", "3\r\nabc\rx", "3\r\nabc0", "3 x", "3 \r", "3\t\r"} {
		if _, used, status := decode([]byte(text), 1); used != 0 || status != 400 {
			t.Errorf("%q: %d, %d", text, used, status)
		}
	}
}

// TestChunkSizes checks that each size is read as it is written, in small and
// in capital letters.
func TestChunkSizes(t *testing.T) {
	for n := 1; n <= 0x1000; n++ {
		data := strings.Repeat("x", n)
		for _, format := range []string{"%x", "%X", "0%x"} {
			body := fmt.Sprintf(format, n) + "\r\n" + data + "\r\n0\r\n\r\n"
			got, used, status := decode([]byte(body), len(body))
			if string(got) != data || used != len(body) || status != 0 {
				t.Errorf("size %s: %d bytes of data, %d used, status %d", fmt.Sprintf(format, n), len(got), used, status)
			}
		}
	}
}

// TestChunkLimits checks what the line before a chunk may just have, and how
// much such lines may have beyond the usual: data makes up for it, and plain
// chunks take nothing of it, however small they are.
func TestChunkLimits(t *testing.T) {
	// line is a chunk of one byte whose line has n bytes, without its CRLF
	line := func(n int) string { return "1;" + strings.Repeat("a", n-2) + "\r\na\r\n" }
	// excess is a chunk whose line has n bytes beyond the usual
	excess := func(n int) string { return line(n + 16) }
	large := strings.Repeat("x", 1<<20)
	for _, c := range []struct {
		name, text string
		want       int
	}{
		{"longest line", line(maxChunkLine - 2), 0},
		{"a byte more", line(maxChunkLine - 1), 400},
		{"most excess", strings.Repeat(excess(128), maxExcess/128), 0},
		{"a byte more of excess", strings.Repeat(excess(128), maxExcess/128-1) + excess(129), 400},
		{"excess and data", strings.Repeat(excess(128), maxExcess/128) + "40\r\n" + large[:64] + "\r\n" + excess(128+12), 0},
		{"a byte more behind data", strings.Repeat(excess(128), maxExcess/128) + "40\r\n" + large[:64] + "\r\n" + excess(128+13), 400},
		{"no credit", "100000\r\n" + large + "\r\n" + strings.Repeat(excess(128), maxExcess/128) + excess(1), 400},
		{"small chunks", strings.Repeat("1\r\na\r\n", 1<<16), 0},
		{"large chunks", strings.Repeat("10000\r\n"+large[:1<<16]+"\r\n", 16), 0},
	} {
		text := c.text + "0\r\n\r\n"
		if _, used, status := decode([]byte(text), len(text)); status != c.want || status == 0 && used != len(text) {
			t.Errorf("%s: status %d, %d of %d bytes used; want status %d", c.name, status, used, len(text), c.want)
		}
	}
}

// TestEveryByte checks that whatever has come, a byte that may not follow is
// not taken to be part of something else: each body with a byte changed is
// refused, incomplete, or has other data of a known length.
func TestEveryByte(t *testing.T) {
	const text = "3;a=b\r\nabc\r\n0\r\nA: b\r\n\r\n"
	for i := range text {
		for c := range 256 {
			p := []byte(text)
			p[i] = byte(c)
			data, used, status := decode(p, 1)
			whole, used2, status2 := decode(p, len(p))
			if string(data) != string(whole) && status == 0 || used != used2 || status != status2 && status != 0 && status2 != 0 {
				t.Errorf("%q: %q %d %d, and in one piece %q %d %d", p, data, used, status, whole, used2, status2)
			}
			if line := i < 6 && c != ';' || i == 6 || i > 9 && i < 12; line && used != 0 && (c < ' ' && c != '\t' || c == 0x7f) && p[i] != text[i] {
				t.Errorf("%q is taken", p)
			}
		}
	}
}
