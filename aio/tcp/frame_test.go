//nolint:errorlint // the errors of a reader have to come bare
package tcp_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"goaio.example/aio/tcp"
)

func TestLines(t *testing.T) {
	for _, data := range []string{
		"", "\n", "\r\n", "\r", "a", "a\n", "a\r\n", "a\r", "a\nb", "\n\n\n", "a\r\r\n", "a\rb\n", "ab\nabc\nabcd\n",
		"abc\r\n", "abc\r", "abcd", "abcd\r\n", "abc\rd", "abc\r\r\n", "ab\r\r\n", "a\n" + strings.Repeat("x", 5000),
	} {
		for _, limit := range []int{1, 2, 3, 4, 5000, math.MaxInt} {
			linesFraming(limit).check(t, []byte(data))
			linesFraming(limit).checkRest(t, []byte(data), lineSize)
		}
	}
}

func TestLinesMany(t *testing.T) {
	var data []byte
	for i := range 500 {
		data = append(data, strings.Repeat("x", i%130)+"\r\n"...)
	}
	linesFraming(129).check(t, data)
	linesFraming(128).check(t, data)
}

func TestDelimited(t *testing.T) {
	for _, delim := range []string{"\x00", "\r\n", "--", "aab", "abcabd"} {
		d := []byte(delim)
		for _, data := range []string{
			"", "x", delim, delim + delim, "x" + delim, "xy" + delim + "z" + delim, "x" + delim[:len(delim)-1],
			"a" + delim, "aaa" + delim, "abc" + delim, "xyz" + delim, "xyz" + delim[:1], "xyz" + delim[:1] + "q", "wxyz" + delim, "---" + delim,
			strings.Repeat("y", 40) + delim + strings.Repeat(delim, 9),
		} {
			for _, limit := range []int{1, 2, 3, 4, 40, math.MaxInt} {
				delimitedFraming(d, limit).check(t, []byte(data))
				delimitedFraming(d, limit).checkRest(t, []byte(data), func(_ []byte, f string) int { return len(f) + len(d) })
			}
		}
	}
}

func TestLengthPrefixed(t *testing.T) {
	for _, size := range []int{1, 2, 4, 8} {
		var data []byte
		for _, n := range []int{0, 1, 3, 0, 200, 7} {
			var err error
			if data, err = tcp.AppendLengthPrefixed(data, size, bytes.Repeat([]byte{'p'}, n)); err != nil {
				t.Fatalf("tcp.AppendLengthPrefixed: %v", err)
			}
		}
		for _, limit := range []int{1, 2, 3, 199, 200, 1 << 20, math.MaxInt} {
			prefixedFraming(size, limit).check(t, data)
			prefixedFraming(size, limit).checkRest(t, data, func(_ []byte, f string) int { return size + len(f) })
		}
		for cut := 0; cut < len(data); cut += 1 + cut/40*9 {
			prefixedFraming(size, 200).check(t, data[:cut])
		}
	}
}

func TestLengthPrefixedLong(t *testing.T) {
	payload := make([]byte, 90<<10)
	rand.NewChaCha8([32]byte{1}).Read(payload)
	var data []byte
	for _, n := range []int{70 << 10, 5, 90 << 10, 40 << 10} {
		data, _ = tcp.AppendLengthPrefixed(data, 4, payload[:n])
	}
	prefixedFraming(4, 90<<10).check(t, data)
	prefixedFraming(4, 90<<10-1).check(t, data)
}

// TestFrameEarly checks that a frame fails once it is too long for sure: the
// peer may not send the next byte.
func TestFrameEarly(t *testing.T) {
	for name, c := range map[string]struct {
		f    framing
		data string
	}{
		"line":          {linesFraming(3), "abcd"},
		"line with CR":  {linesFraming(3), "abc\rd"},
		"two CRs":       {linesFraming(3), "abc\r\r"},
		"delimiter":     {delimitedFraming([]byte("\r\n"), 3), "abcd"},
		"half of one":   {delimitedFraming([]byte("\r\n"), 3), "abc\rd"},
		"prefix claims": {prefixedFraming(2, 3), "\x00\x04"},
	} {
		stuck := func(p []byte) (int, error) { t.Errorf("%s: read on", name); return 0, io.EOF }
		r := io.MultiReader(strings.NewReader(c.data), iotest.OneByteReader(frameReader(stuck)))
		if frames, err := collectFrames(t, c.f.seq(r), 3); !errors.Is(err, errFrameLong) || len(frames) > 0 {
			t.Errorf("%s: %q, %v", name, frames, err)
		}
	}
}

type frameReader func(p []byte) (int, error)

func (f frameReader) Read(p []byte) (int, error) { return f(p) }

// TestFrameAgain ranges over one sequence three times.
func TestFrameAgain(t *testing.T) {
	seq := tcp.Lines(strings.NewReader("a\nb\nc\nd"), 10)
	var got []string
	for range 3 {
		for line, err := range seq {
			got = append(got, fmt.Sprint(string(line), err))
			if len(got) < 3 {
				break
			}
		}
	}
	if want := []string{"a<nil>", "b<nil>", "c<nil>", "d<nil>"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestLinesLast checks that the last line is the last, also if r goes on.
func TestLinesLast(t *testing.T) {
	r := strings.NewReader("a")
	seq := tcp.Lines(r, 9)
	var got []string
	for line := range seq {
		got = append(got, string(line))
		r.Reset("b")
	}
	if want := []string{"a"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestFrameBodyReads reads from the reader between the frames.
func TestFrameBodyReads(t *testing.T) {
	const stream = "3\nabc5\nde\nfg0\n"
	testFrameBodyReads(t, bufio.NewReader(strings.NewReader(stream)))
	testFrameBodyReads(t, bufio.NewReadWriter(bufio.NewReader(strings.NewReader(stream)), bufio.NewWriter(io.Discard)))
}

func testFrameBodyReads(t *testing.T, r io.Reader) {
	var got []string
	for line, err := range tcp.Lines(r, 10) {
		if err != nil {
			t.Fatalf("Lines yielded the error %v", err)
		}
		body := make([]byte, line[0]-'0')
		if _, err := io.ReadFull(r, body); err != nil {
			t.Fatalf("io.ReadFull: %v", err)
		}
		got = append(got, string(line)+string(body))
	}
	if want := []string{"3abc", "5de\nfg", "0"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFrameNoProgress(t *testing.T) {
	never := frameReader(func([]byte) (int, error) { return 0, nil })
	for name, f := range map[string]framing{"lines": linesFraming(9), "delimited": delimitedFraming([]byte("xx"), 9), "prefixed": prefixedFraming(2, 9)} {
		for _, data := range []string{"", "\x00\x09ab", "\x00\x09abc"} {
			r := io.MultiReader(strings.NewReader(data), never)
			if _, err := collectFrames(t, f.seq(r), 9); err != io.ErrNoProgress {
				t.Errorf("%s after %q: %v", name, data, err)
			}
		}
	}
}

func TestFrameArguments(t *testing.T) {
	r := frameReader(func([]byte) (int, error) { t.Error("has read"); return 0, io.EOF })
	for want, seq := range map[string]iter.Seq2[[]byte, error]{
		"tcp: Lines: the maximum is 0 bytes, must be positive":                 tcp.Lines(r, 0),
		"tcp: Delimited: the maximum is -1 bytes, must be positive":            tcp.Delimited(r, []byte("x"), -1),
		"tcp: Delimited: the delimiter is empty":                               tcp.Delimited(r, nil, 9),
		"tcp: LengthPrefixed: the maximum is 0 bytes, must be positive":        tcp.LengthPrefixed(r, 4, 0),
		"tcp: the size of a length prefix is 3 bytes, must be 1, 2, 4 or 8":    tcp.LengthPrefixed(r, 3, 9),
		"tcp: the size of a length prefix is -8 bytes, must be 1, 2, 4 or 8":   tcp.LengthPrefixed(r, -8, 9),
		"tcp: the size of a length prefix is 1024 bytes, must be 1, 2, 4 or 8": tcp.LengthPrefixed(r, 1024, 9),
	} {
		if frames, err := collectFrames(t, seq, 9); err == nil || err.Error() != want || len(frames) > 0 {
			t.Errorf("%q, %v, want %v", frames, err, want)
		}
	}
}

func TestFrameErrorText(t *testing.T) {
	for want, seq := range map[string]iter.Seq2[[]byte, error]{
		"tcp: frame too long: the maximum is 2 bytes":                              tcp.Lines(strings.NewReader("abc\n"), 2),
		"tcp: frame too long: 9 bytes, the maximum is 2":                           tcp.LengthPrefixed(strings.NewReader("\x09"), 1, 2),
		"tcp: frame cut short: no delimiter after 3 bytes: unexpected EOF":         tcp.Delimited(strings.NewReader("abc"), []byte(";"), 9),
		"tcp: frame cut short: 1 of the 2 bytes of its length: unexpected EOF":     tcp.LengthPrefixed(strings.NewReader("\x00"), 2, 9),
		"tcp: frame cut short: 0 of 9 bytes: unexpected EOF":                       tcp.LengthPrefixed(strings.NewReader("\x09"), 1, 9),
		"tcp: frame too long: 18446744073709551615 bytes, the maximum is 16777216": tcp.LengthPrefixed(strings.NewReader(strings.Repeat("\xff", 8)), 8, 1<<24),
	} {
		if _, err := collectFrames(t, seq, 9); err == nil || err.Error() != want {
			t.Errorf("%v, want %v", err, want)
		}
	}
}

// frameAllocated returns how many bytes fn allocates.
func frameAllocated(fn func()) uint64 {
	var a, b runtime.MemStats
	runtime.ReadMemStats(&a)
	fn()
	runtime.ReadMemStats(&b)
	return b.TotalAlloc - a.TotalAlloc
}

// TestFrameMemory checks that memory follows what has come, not what is
// claimed.
func TestFrameMemory(t *testing.T) {
	claim := binary.BigEndian.AppendUint64(nil, 1<<40)
	if math.MaxInt < 1<<40 {
		claim = binary.BigEndian.AppendUint64(nil, 1<<30)
	}
	for _, come := range []int{0, 1, 1000, 100_000, 1 << 20} {
		data := append(slices.Clip(claim), make([]byte, come)...)
		for name, f := range map[string]framing{
			"lines": linesFraming(math.MaxInt), "delimited": delimitedFraming([]byte("zz"), math.MaxInt), "prefixed": prefixedFraming(8, math.MaxInt),
		} {
			r := bytes.NewReader(data)
			got := frameAllocated(func() {
				for range f.seq(r) {
				}
			})
			// Doubling from 4 KiB: all the storages together are less than 4
			// times the last byte's place.
			if most := uint64(4*come + 24<<10); got > most {
				t.Errorf("%s: %d bytes allocated for %d that came, want at most %d", name, got, come, most)
			}
		}
	}
}

// TestFrameLetsGo checks that the storage of a long frame is not kept while
// waiting for the next one.
func TestFrameLetsGo(t *testing.T) {
	const long = 8 << 20
	data, _ := tcp.AppendLengthPrefixed(nil, 4, make([]byte, long))
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var held, waiting, ended uint64
	wait := frameReader(func([]byte) (int, error) { waiting = heap(); return 0, io.EOF })
	for range tcp.LengthPrefixed(io.MultiReader(bytes.NewReader(data), wait), 4, long) {
		held = heap()
	}
	seq := tcp.LengthPrefixed(bytes.NewReader(data[:len(data)-1]), 4, long)
	for range seq {
		ended = heap()
	}
	if waiting+long/2 > held || ended+long/2 > held {
		t.Errorf("%d bytes held with the frame, %d while waiting, %d after an error", held, waiting, ended)
	}
	runtime.KeepAlive(data)
	runtime.KeepAlive(seq)
}

func TestFrameAllocs(t *testing.T) {
	data := bytes.Repeat([]byte("hello, world\r\n"), 1000)
	r := bytes.NewReader(data)
	if n := testing.AllocsPerRun(10, func() {
		r.Reset(data)
		for range tcp.Lines(r, 100) {
		}
	}); n > 20 {
		t.Errorf("%v allocations for 1000 lines", n)
	}
}

func TestAppendLengthPrefixed(t *testing.T) {
	for _, c := range []struct {
		size, n int
		prefix  string
		err     error
	}{
		{1, 255, "\xff", nil},
		{1, 256, "", errFrameLong},
		{2, 256, "\x01\x00", nil},
		{2, 65536, "", errFrameLong},
		{4, 65536, "\x00\x01\x00\x00", nil},
		{8, 258, "\x00\x00\x00\x00\x00\x00\x01\x02", nil},
		{8, 0, "\x00\x00\x00\x00\x00\x00\x00\x00", nil},
	} {
		payload := strings.Repeat("p", c.n)
		got, err := tcp.AppendLengthPrefixed([]byte("dst"), c.size, []byte(payload))
		want := "dst"
		if c.err == nil {
			want += c.prefix + payload
		}
		if string(got) != want || !isFrameErr(err, c.err) {
			t.Errorf("size %d, %d bytes: %.20q, %v", c.size, c.n, got, err)
		}
	}
	if got, err := tcp.AppendLengthPrefixed([]byte("dst"), 5, nil); err == nil || errors.Is(err, errFrameLong) || string(got) != "dst" {
		t.Errorf("size 5: %q, %v", got, err)
	}
}
