//nolint:errorlint // the errors of a reader have to come bare
package tcp_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
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

// directPeeker is the least peeker there is: it holds one byte, and reads into
// the caller's slice what it does not hold.
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

// frameEnd is the wanted end if rest is not a whole frame.
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
