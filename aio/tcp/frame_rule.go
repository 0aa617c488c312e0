package tcp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
)

// This file implements the rules of a framing, for readers and for handlers.
// Its byte slices begin with a frame, and include the delimiter or prefix.

// whole returns how many bytes of b the first frame takes, 0 while it is not
// complete.
func (f *Framing) whole(b []byte) (int, error) {
	if f.size > 0 {
		n, err := f.need(b)
		if len(b) < n {
			return 0, nil
		}
		return n, err
	}
	b = b[:min(len(b), f.most())]
	if i := bytes.Index(b, f.delim); i >= 0 {
		return i + len(f.delim), nil
	}
	return 0, f.hopeless(b)
}

// payload returns the payload of b, which is a whole frame.
func (f *Framing) payload(b []byte) ([]byte, error) {
	n := len(b) - len(f.delim)
	if f.line {
		return f.lineIn(b[:n])
	}
	return b[f.size:n:n], nil
}

// lineIn returns the line in b, which has no line feed.
func (f *Framing) lineIn(b []byte) ([]byte, error) {
	b = bytes.TrimSuffix(b, []byte{'\r'})
	if len(b) > f.max {
		return nil, f.tooLong()
	}
	return slices.Clip(b), nil
}

// last returns what b means at the end of the stream: a last line, nothing, or
// an error. b is not empty and not a whole frame.
func (f *Framing) last(b []byte) ([]byte, error) {
	switch {
	case f.line:
		line, err := f.lineIn(b)
		if len(line) == 0 {
			return nil, err
		}
		return line, nil
	case f.size == 0:
		return nil, cutShort("no delimiter after %d bytes", len(b))
	case len(b) < f.size:
		return nil, cutShort("%d of the %d bytes of its length", len(b), f.size)
	}
	n, err := f.need(b)
	if err != nil {
		return nil, err
	}
	return nil, cutShort("%d of %d bytes", len(b)-f.size, n-f.size)
}

// need returns how many bytes the frame at the beginning of b takes including
// its prefix, or, if the prefix is incomplete, the size of the prefix.
func (f *Framing) need(b []byte) (int, error) {
	if len(b) < f.size {
		return f.size, nil
	}
	var n [8]byte
	copy(n[8-f.size:], b[:f.size])
	length := binary.BigEndian.Uint64(n[:])
	if length > uint64(f.max) {
		return 0, fmt.Errorf("%w: %d bytes, the maximum is %d", ErrFrameTooLong, length, f.max)
	}
	return addLengths(f.size, int(length)), nil
}

// most returns how many bytes a frame may take including its delimiter.
func (f *Framing) most() int {
	n := addLengths(f.max, len(f.delim))
	if f.line {
		n = addLengths(n, 1) // the carriage return
	}
	return n
}

// hopeless returns an error if b has no delimiter and any further one comes too
// late.
func (f *Framing) hopeless(b []byte) error {
	if f.line {
		if over := len(b) - f.max; over <= 0 || over == 1 && b[f.max] == '\r' {
			return nil
		}
		return f.tooLong()
	}
	for at := max(0, len(b)-len(f.delim)+1); at <= f.max && at <= len(b); at++ {
		if bytes.HasPrefix(f.delim, b[at:]) { // a delimiter can begin here
			return nil
		}
	}
	return f.tooLong()
}

func (f *Framing) tooLong() error {
	return fmt.Errorf("%w: the maximum is %d bytes", ErrFrameTooLong, f.max)
}

// cutShort returns the error of an incomplete frame.
func cutShort(format string, args ...any) error {
	return fmt.Errorf("tcp: frame cut short: "+format+": %w", append(args, io.ErrUnexpectedEOF)...)
}

// addLengths returns a+b, or the greatest int if that is more.
func addLengths(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}
