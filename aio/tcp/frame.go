//nolint:errorlint // io.EOF means the end only when it comes bare
package tcp

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
)

// ErrFrameTooLong says that a frame is longer than its reader allows, or than
// its length prefix can say. It is wrapped with the sizes; match it by
// [errors.Is].
var ErrFrameTooLong = errors.New("tcp: frame too long")

// Lines returns the lines of r, without their line feed and the carriage return
// before it, if there is one. maxBytes is the most that a line may have, not
// counting these. What follows the last line feed is a line if it is not empty
// (a carriage return at its end does not count either).
//
// This holds for Lines, [Delimited] and [LengthPrefixed]:
//
//   - A slice is valid until the next iteration.
//   - An end of r between two frames ([io.EOF] itself) ends the sequence without
//     an error, one within a frame with an error that is [io.ErrUnexpectedEOF].
//     Any other error of r comes as it is. A frame of more than maxBytes gives
//     an [ErrFrameTooLong], as soon as it cannot be shorter any more. An error
//     ends the sequence (ranged over again, it gives the same error), and what
//     was read of the frame is lost.
//   - If r is a [*bufio.Reader] or [*bufio.ReadWriter], or has a bufio.Reader's
//     methods Peek, Discard and Buffered, no byte beyond a frame is taken from it
//     before the next iteration: the body of the loop, and who comes after it,
//     may read on from r. From any other r up to 4 KiB are read ahead: only the
//     same sequence, ranged over again, goes on with them; for any other reader
//     of r they are lost.
//   - Memory: storage grows with the bytes that have come (at most doubling
//     ahead of them), whatever a prefix claims, to no more than maxBytes and the
//     delimiter or prefix, while growing to twice that; storage over 64 KiB is
//     let go before waiting for the next frame.
//   - A maxBytes that is not positive, or another argument that makes no sense,
//     gives one error, and r is not read.
//
// A sequence is for one goroutine at a time.
func Lines(r io.Reader, maxBytes int) iter.Seq2[[]byte, error] {
	f := &framer{max: maxBytes}
	f.next = f.line
	return f.frames(r, f.check("Lines"))
}

// Delimited returns the frames of r, each of which ends with delim, without it.
// maxBytes is the most that a frame may have, not counting delim. delim must
// not be empty, nor be changed while the sequence is in use. Bytes without a
// delim after them at the end of r are an error that is [io.ErrUnexpectedEOF].
// [Lines] says what else holds.
func Delimited(r io.Reader, delim []byte, maxBytes int) iter.Seq2[[]byte, error] {
	f := &framer{max: maxBytes, delim: delim}
	f.next = f.delimited
	err := f.check("Delimited")
	if len(delim) == 0 {
		err = errors.New("tcp: Delimited: the delimiter is empty")
	}
	return f.frames(r, err)
}

// LengthPrefixed returns the frames of r, each of which comes after its length
// in bytes as a big-endian unsigned number of size (1, 2, 4 or 8) bytes. max is
// the most bytes that a frame may have, not counting its prefix. [Lines] says
// what else holds.
func LengthPrefixed(r io.Reader, size, maxBytes int) iter.Seq2[[]byte, error] {
	f := &framer{max: maxBytes, size: size}
	f.next = f.prefixed
	err := f.check("LengthPrefixed")
	if _, serr := lengthPrefixMax(size); serr != nil {
		err = serr
	}
	return f.frames(r, err)
}

// AppendLengthPrefixed appends to dst the length of payload, as a big-endian
// number of size (1, 2, 4 or 8) bytes, and payload, and returns the extended
// slice. If the length does not fit into size bytes the error is an
// [ErrFrameTooLong]; on an error dst is returned as it was. payload must not
// lie in the unused capacity of dst.
func AppendLengthPrefixed(dst []byte, size int, payload []byte) ([]byte, error) {
	most, err := lengthPrefixMax(size)
	if err != nil {
		return dst, err
	}
	n := uint64(len(payload))
	if n > most {
		return dst, fmt.Errorf("%w: %d bytes, a prefix of size %d says at most %d", ErrFrameTooLong, n, size, most)
	}
	for shift := (size - 1) * 8; shift >= 0; shift -= 8 {
		dst = append(dst, byte(n>>shift))
	}
	return append(dst, payload...), nil
}

// prefixMax returns the greatest length that a prefix of size bytes can say.
func lengthPrefixMax(size int) (uint64, error) {
	switch size {
	case 1, 2, 4, 8:
		return math.MaxUint64 >> (64 - 8*size), nil
	}
	return 0, fmt.Errorf("tcp: the size of a length prefix is %d bytes, must be 1, 2, 4 or 8", size)
}

// errFrameCut is for use between the functions of this file: r ended within a frame.
var errFrameCut = errors.New("tcp: frame cut short")

// peeker is what a framer needs of a bufio.Reader.
type peeker interface {
	io.Reader
	Peek(n int) ([]byte, error)
	Discard(n int) (int, error)
	Buffered() int
}

const (
	frameReadAhead = 4 << 10  // bytes read ahead from a reader without one
	frameKeep      = 64 << 10 // bytes of storage kept while waiting for a frame
)

// framer is the state of one sequence.
type framer struct {
	r     peeker
	buf   []byte // what has come of the frame
	max   int    // bytes of payload
	delim []byte
	size  int // bytes of prefix

	next func() ([]byte, error) // io.EOF at the end
	late error                  // came together with the last bytes read
	err  error                  // how the sequence ended; io.EOF without an error
}

func (f *framer) check(who string) error {
	if f.max <= 0 {
		return fmt.Errorf("tcp: %s: the maximum is %d bytes, must be positive", who, f.max)
	}
	return nil
}

// frames returns the sequence, which is nothing but err if that is not nil.
func (f *framer) frames(r io.Reader, err error) iter.Seq2[[]byte, error] {
	f.err = err
	return func(yield func([]byte, error) bool) {
		if f.r == nil && f.err == nil {
			f.r = peekerOf(r)
		}
		for f.err == nil {
			f.reset()
			var frame []byte
			if frame, f.err = f.next(); f.err == nil && !yield(frame, nil) {
				return
			}
		}
		f.buf = nil
		if f.err != io.EOF {
			yield(nil, f.err)
		}
	}
}

func peekerOf(r io.Reader) peeker {
	switch r := r.(type) {
	case peeker:
		return r
	case *bufio.ReadWriter: // has two methods Buffered, and so none
		return r.Reader
	}
	return bufio.NewReaderSize(r, frameReadAhead)
}

// reset makes room for the next frame.
func (f *framer) reset() {
	if f.buf == nil || cap(f.buf) > frameKeep && f.r.Buffered() == 0 {
		f.buf = []byte{}
	}
	f.buf = f.buf[:0]
}

var lineFeed = []byte{'\n'}

func (f *framer) line() ([]byte, error) {
	n, err := f.until(lineFeed, addLengths(f.max, 1), func() bool {
		over := len(f.buf) - f.max
		return over <= 0 || over == 1 && f.buf[f.max] == '\r'
	})
	if err == errFrameCut { // the last line
		n, err = len(f.buf), nil
		f.next = func() ([]byte, error) { return nil, io.EOF }
	}
	if err != nil {
		return nil, err
	}
	if n > 0 && f.buf[n-1] == '\r' {
		n--
	}
	if n == 0 && !bytes.HasSuffix(f.buf, lineFeed) {
		return nil, io.EOF
	}
	if n > f.max {
		return nil, f.tooLong()
	}
	return f.buf[:n:n], nil
}

func (f *framer) delimited() ([]byte, error) {
	n, err := f.until(f.delim, f.max, func() bool {
		// Can a delimiter still begin at max, or before?
		for at := max(0, len(f.buf)-len(f.delim)+1); at <= f.max && at <= len(f.buf); at++ {
			if bytes.HasPrefix(f.delim, f.buf[at:]) {
				return true
			}
		}
		return false
	})
	if err == errFrameCut {
		return nil, cutShort("no delimiter after %d bytes", len(f.buf))
	}
	if err != nil {
		return nil, err
	}
	return f.buf[:n:n], nil
}

func (f *framer) prefixed() ([]byte, error) {
	if err := f.fill(f.size); err != nil {
		if err == errFrameCut {
			err = cutShort("%d of the %d bytes of its length", len(f.buf), f.size)
		}
		return nil, err
	}
	var b [8]byte
	copy(b[8-f.size:], f.buf)
	length := binary.BigEndian.Uint64(b[:])
	if length > uint64(f.max) {
		return nil, fmt.Errorf("%w: %d bytes, the maximum is %d", ErrFrameTooLong, length, f.max)
	}
	n := int(length)
	f.buf = f.buf[:0]
	if err := f.fill(n); err != nil {
		if err == io.EOF || err == errFrameCut {
			err = cutShort("%d of %d bytes", len(f.buf), n)
		}
		return nil, err
	}
	return f.buf[:n:n], nil
}

func (f *framer) tooLong() error {
	return fmt.Errorf("%w: the maximum is %d bytes", ErrFrameTooLong, f.max)
}

// cutShort is the error of a frame that ended before its time.
func cutShort(format string, args ...any) error {
	return fmt.Errorf("tcp: frame cut short: "+format+": %w", append(args, io.ErrUnexpectedEOF)...)
}

// until reads to the end of the next delim and returns its index in f.buf, at
// most most. viable says whether delim can still come in time. At the end of r
// the error is io.EOF itself if nothing has come, else errCut.
func (f *framer) until(delim []byte, most int, viable func() bool) (int, error) {
	hard := addLengths(most, len(delim))
	for {
		chunk, err := f.peek(hard - len(f.buf))
		if err != nil {
			return 0, f.ended(err)
		}
		old := len(f.buf)
		found := f.take(chunk, delim, hard)
		if _, err = f.r.Discard(len(f.buf) - old); err != nil {
			return 0, err
		}
		if found {
			return len(f.buf) - len(delim), nil
		}
		if !viable() {
			return 0, f.tooLong()
		}
	}
}

// take appends chunk to f.buf, up to the end of the first delim if there is one.
func (f *framer) take(chunk, delim []byte, hard int) (found bool) {
	old := len(f.buf)
	if head := min(len(chunk), len(delim)-1); old > 0 && head > 0 { // a delim across the seam
		from := max(0, old-len(delim)+1)
		f.add(chunk[:head], hard)
		if i := bytes.Index(f.buf[from:], delim); i >= 0 {
			f.buf = f.buf[:from+i+len(delim)]
			return true
		}
		f.buf = f.buf[:old]
	}
	i := bytes.Index(chunk, delim)
	if i >= 0 {
		chunk = chunk[:i+len(delim)]
	}
	f.add(chunk, hard)
	return i >= 0
}

// fill reads until f.buf has n bytes; its errors are those of until.
func (f *framer) fill(n int) error {
	for len(f.buf) < n {
		if f.late != nil {
			return f.ended(f.late)
		}
		if len(f.buf) == cap(f.buf) { // see what has come before making room for it
			chunk, err := f.peek(n - len(f.buf))
			if err != nil {
				return f.ended(err)
			}
			f.grow(len(chunk), n)
		}
		m, err := f.r.Read(f.buf[len(f.buf):min(cap(f.buf), n)])
		f.buf = f.buf[:len(f.buf)+m]
		if m == 0 && err == nil {
			_, err = f.peek(1) // gives up on a reader that never gives anything
		}
		f.late = err
	}
	return nil
}

// peek waits for a byte and returns what is there then, at most n bytes.
func (f *framer) peek(n int) ([]byte, error) {
	if f.r.Buffered() == 0 {
		if b, err := f.r.Peek(1); len(b) == 0 {
			return nil, err
		}
	}
	return f.r.Peek(min(n, max(1, f.r.Buffered())))
}

// ended returns what the end of r means for the frame that was begun.
func (f *framer) ended(err error) error {
	if err == io.EOF && len(f.buf) > 0 {
		return errFrameCut
	}
	return err
}

// add appends p to f.buf.
func (f *framer) add(p []byte, hard int) {
	f.grow(len(p), hard)
	f.buf = append(f.buf, p...)
}

// grow makes room for n more bytes of hard in all, and at most doubles f.buf.
func (f *framer) grow(n, hard int) {
	need := len(f.buf) + n
	if need <= cap(f.buf) {
		return
	}
	size := min(hard, max(need, addLengths(cap(f.buf), cap(f.buf))))
	f.buf = append(make([]byte, 0, size), f.buf...)
}

// addLengths returns a+b, or the greatest int if that is more.
func addLengths(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}
