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

// A framing makes the sequence under test and says what it has to yield for
// data that ends with end (io.EOF or an error).
type framing struct {
	seq func(r io.Reader) iter.Seq2[[]byte, error]
	ref func(data []byte, end error) (frames []string, err error)
	max int
}

var (
	errFrameRead = errors.New("read failed")
	errFrameCut  = io.ErrUnexpectedEOF
	errFrameLong = tcp.ErrFrameTooLong
)

// collectFrames drains seq and checks what is promised of each frame.
func collectFrames(t *testing.T, seq iter.Seq2[[]byte, error], limit int) (frames []string, err error) {
	t.Helper()
	for frame, e := range seq {
		if err != nil {
			t.Fatalf("goes on after %v", err)
		}
		if err = e; e != nil {
			if frame != nil {
				t.Fatalf("frame %q with error %v", frame, e)
			}
			continue
		}
		if len(frame) > limit || cap(frame) > limit || frame == nil {
			t.Fatalf("frame of len %d, cap %d, max %d, nil %v", len(frame), cap(frame), limit, frame == nil)
		}
		frames = append(frames, string(frame))
	}
	return frames, err
}

// isFrameErr reports whether err is what the reference says.
func isFrameErr(err, want error) bool {
	return err == nil && want == nil || want != nil && errors.Is(err, want)
}

// framesThen reads data and then fails with end.
func framesThen(data []byte, end error) io.Reader {
	return io.MultiReader(bytes.NewReader(data), iotest.ErrReader(end))
}

// frameChunks gives random parts of data, and none now and then.
type frameChunks struct {
	r   io.Reader
	rnd *rand.Rand
}

func (c frameChunks) Read(p []byte) (int, error) {
	return c.r.Read(p[:c.rnd.IntN(min(len(p), 7)+1)])
}

// directPeeker is the least peeker there is: it holds one byte, and reads into the
// caller's slice what it does not hold.
type directPeeker struct {
	*bufio.Reader
	r io.Reader
}

func (d directPeeker) Read(p []byte) (int, error) {
	if len(p) == 0 || d.Reader.Buffered() > 0 {
		return d.Reader.Read(p[:min(len(p), d.Reader.Buffered())])
	}
	return d.r.Read(p)
}

func newDirectPeeker(r io.Reader) directPeeker {
	return directPeeker{bufio.NewReaderSize(iotest.OneByteReader(r), 16), r}
}

func frameReaders(data []byte, end error) map[string]io.Reader {
	r := func() io.Reader { return framesThen(data, end) }
	return map[string]io.Reader{
		"whole":      r(),
		"one byte":   iotest.OneByteReader(r()),
		"half":       iotest.HalfReader(r()),
		"data+err":   iotest.DataErrReader(r()),
		"random":     frameChunks{r(), rand.New(rand.NewPCG(uint64(len(data)), 1))},
		"bufio":      bufio.NewReader(r()),
		"bufio 16":   bufio.NewReaderSize(iotest.DataErrReader(r()), 16),
		"ReadWriter": bufio.NewReadWriter(bufio.NewReader(r()), nil),
		"direct":     newDirectPeeker(r()),
		"direct+err": newDirectPeeker(iotest.DataErrReader(r())),
	}
}

// check compares f with its reference, for every reader, and every end.
func (f framing) check(t *testing.T, data []byte) {
	t.Helper()
	for _, end := range []error{io.EOF, errFrameRead, io.ErrUnexpectedEOF} {
		frames, err := f.ref(data, end)
		for name, r := range frameReaders(data, end) {
			seq := f.seq(r)
			got, gotErr := collectFrames(t, seq, f.max)
			if !slices.Equal(got, frames) || !isFrameErr(gotErr, err) {
				t.Errorf("%s, then %v: %q of max %d\ngot  %q, %v\nwant %q, %v", name, end, data, f.max, got, gotErr, frames, err)
			}
			if err == errFrameRead && gotErr != errFrameRead {
				t.Errorf("%s: the reader's error is wrapped: %v", name, gotErr)
			}
			if again, err := collectFrames(t, seq, f.max); len(again) > 0 || err != gotErr {
				t.Errorf("%s: over again: %q, %v, want %v", name, again, err, gotErr)
			}
		}
	}
}

// checkRest breaks after each number of frames and compares what is left in a
// bufio.Reader; size says how many bytes a frame took.
func (f framing) checkRest(t *testing.T, data []byte, size func(rest []byte, frame string) int) {
	t.Helper()
	frames, _ := f.ref(data, io.EOF)
	want := data
	for i, frame := range frames {
		want = want[size(want, frame):]
		r := bufio.NewReaderSize(bytes.NewReader(data), 16+i)
		n := 0
		for range f.seq(r) {
			if n++; n == i+1 {
				break
			}
		}
		if got, _ := io.ReadAll(r); !bytes.Equal(got, want) {
			t.Fatalf("after %d frames of %q: %q is left, want %q", i+1, data, got, want)
		}
	}
}

// frameEnd is what is to come when rest is no whole frame.
func frameEnd(rest []byte, viable bool, end error) error {
	switch {
	case !viable:
		return errFrameLong
	case end != io.EOF:
		return end
	case len(rest) > 0:
		return errFrameCut
	}
	return nil
}

func linesFraming(limit int) framing {
	ref := func(data []byte, end error) (frames []string, err error) {
		for {
			line, rest, found := bytes.Cut(data, []byte("\n"))
			line = bytes.TrimSuffix(line, []byte("\r"))
			if len(line) > limit {
				return frames, errFrameLong
			}
			if !found {
				if end == io.EOF && len(line) > 0 {
					frames = append(frames, string(line))
				}
				return frames, frameEnd(nil, true, end)
			}
			frames, data = append(frames, string(line)), rest
		}
	}
	return framing{func(r io.Reader) iter.Seq2[[]byte, error] { return tcp.Lines(r, limit) }, ref, limit}
}

func lineSize(rest []byte, _ string) int {
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		return i + 1
	}
	return len(rest)
}

func delimitedFraming(delim []byte, limit int) framing {
	ref := func(data []byte, end error) (frames []string, err error) {
		for {
			frame, rest, found := bytes.Cut(data, delim)
			if !found {
				viable := false
				for at := 0; at <= min(limit, len(data)); at++ {
					viable = viable || bytes.HasPrefix(delim, data[at:])
				}
				return frames, frameEnd(data, viable || len(data) <= limit, end)
			}
			if len(frame) > limit {
				return frames, errFrameLong
			}
			frames, data = append(frames, string(frame)), rest
		}
	}
	return framing{func(r io.Reader) iter.Seq2[[]byte, error] { return tcp.Delimited(r, delim, limit) }, ref, limit}
}

func prefixedFraming(size, limit int) framing {
	ref := func(data []byte, end error) (frames []string, err error) {
		for {
			if len(data) < size {
				return frames, frameEnd(data, true, end)
			}
			var n uint64
			for _, b := range data[:size] {
				n = n<<8 | uint64(b)
			}
			if n > uint64(limit) {
				return frames, errFrameLong
			}
			if uint64(len(data)-size) < n {
				return frames, frameEnd(data, true, end)
			}
			frames, data = append(frames, string(data[size:][:n])), data[size+int(n):]
		}
	}
	return framing{func(r io.Reader) iter.Seq2[[]byte, error] { return tcp.LengthPrefixed(r, size, limit) }, ref, limit}
}

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
				t.Fatal(err)
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

// TestFrameEarly holds that a frame fails once it is too long for sure: the
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

// TestLinesLast holds that the last line is the last, also if r goes on.
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
			t.Fatal(err)
		}
		body := make([]byte, line[0]-'0')
		if _, err := io.ReadFull(r, body); err != nil {
			t.Fatal(err)
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

// TestFrameMemory holds that memory follows what has come, not what is claimed.
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
			// Doubling from 4 KiB: all the storages together are less than 4 times the last byte's place.
			if most := uint64(4*come + 24<<10); got > most {
				t.Errorf("%s: %d bytes allocated for %d that came, want at most %d", name, got, come, most)
			}
		}
	}
}

// TestFrameLetsGo holds that the storage of a long frame is not kept while
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

func benchmarkFrames(b *testing.B, data []byte, seq func(r io.Reader) iter.Seq2[[]byte, error]) {
	r := bytes.NewReader(nil)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		r.Reset(data)
		for _, err := range seq(r) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkLines(b *testing.B) {
	data := bytes.Repeat([]byte(strings.Repeat("x", 60)+"\r\n"), 1000)
	benchmarkFrames(b, data, linesFraming(100).seq)
}

func BenchmarkDelimited(b *testing.B) {
	data := bytes.Repeat([]byte(strings.Repeat("x", 60)+"--"), 1000)
	benchmarkFrames(b, data, delimitedFraming([]byte("--"), 100).seq)
}

func BenchmarkLengthPrefixed(b *testing.B) {
	for _, n := range []int{60, 64 << 10} {
		frame, _ := tcp.AppendLengthPrefixed(nil, 4, make([]byte, n))
		data := bytes.Repeat(frame, max(1, 64<<10/n))
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchmarkFrames(b, data, prefixedFraming(4, n).seq) })
	}
}

func ExampleLines() {
	r := strings.NewReader("HELO\r\nQUIT\r\n")
	for line, err := range tcp.Lines(r, 512) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s\n", line)
	}
	// Output:
	// HELO
	// QUIT
}

func ExampleLines_tooLong() {
	for line, err := range tcp.Lines(strings.NewReader("a\nabcdef\n"), 4) {
		if errors.Is(err, tcp.ErrFrameTooLong) {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s\n", line)
	}
	// Output:
	// a
	// tcp: frame too long: the maximum is 4 bytes
}

func ExampleDelimited() {
	r := strings.NewReader("one\x00two\x00")
	for frame, err := range tcp.Delimited(r, []byte{0}, 64) {
		fmt.Printf("%s %v\n", frame, err)
	}
	// Output:
	// one <nil>
	// two <nil>
}

func ExampleLengthPrefixed() {
	var stream []byte
	for _, s := range []string{"hello", "world"} {
		var err error
		if stream, err = tcp.AppendLengthPrefixed(stream, 2, []byte(s)); err != nil {
			fmt.Println(err)
			return
		}
	}
	for frame, err := range tcp.LengthPrefixed(bytes.NewReader(stream), 2, 1<<10) {
		fmt.Printf("%s %v\n", frame, err)
	}
	// Output:
	// hello <nil>
	// world <nil>
}

func ExampleAppendLengthPrefixed() {
	frame, err := tcp.AppendLengthPrefixed(nil, 4, []byte("hi"))
	fmt.Printf("%q %v\n", frame, err)
	// Output:
	// "\x00\x00\x00\x02hi" <nil>
}
