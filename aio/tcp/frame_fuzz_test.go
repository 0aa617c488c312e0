package tcp_test

import (
	"testing"
)

func FuzzLines(f *testing.F) {
	f.Add([]byte("a\r\nbc\n\nabcd\r"), uint16(3))
	f.Add([]byte("abc\r"), uint16(3))
	f.Add([]byte("\r\r\n\r\n"), uint16(1))
	f.Fuzz(func(t *testing.T, data []byte, limit uint16) {
		l := linesFraming(int(limit) + 1)
		l.check(t, data)
		l.checkRest(t, frameHead(data), lineSize)
	})
}

func FuzzDelimited(f *testing.F) {
	f.Add([]byte("a;b;;c"), []byte(";"), uint16(3))
	f.Add([]byte("aaab--aab"), []byte("aab"), uint16(1))
	f.Add([]byte("abcabcabd"), []byte("abcabd"), uint16(3))
	f.Fuzz(func(t *testing.T, data, delim []byte, limit uint16) {
		if len(delim) == 0 || len(delim) > 100 {
			t.Skip()
		}
		d := delimitedFraming(delim, int(limit)+1)
		d.check(t, data)
		d.checkRest(t, frameHead(data), func(_ []byte, f string) int { return len(f) + len(delim) })
	})
}

func FuzzLengthPrefixed(f *testing.F) {
	f.Add([]byte("\x01a\x00\x03abc\x04"), uint8(0), uint16(3))
	f.Add([]byte("\x00\x02ab\x00\x05a"), uint8(1), uint16(5))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff"), uint8(3), uint16(9))
	f.Fuzz(func(t *testing.T, data []byte, log uint8, limit uint16) {
		size := 1 << (log % 4)
		p := prefixedFraming(size, int(limit)+1)
		p.check(t, data)
		p.checkRest(t, frameHead(data), func(_ []byte, f string) int { return size + len(f) })
	})
}

// frameHead bounds the work of checkRest, which is quadratic.
func frameHead(data []byte) []byte { return data[:min(len(data), 100)] }
