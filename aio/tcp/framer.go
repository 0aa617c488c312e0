//nolint:errorlint // io.EOF means the end only when it comes bare
package tcp

import (
	"bufio"
	"errors"
	"io"
	"iter"
)

// errFrameCut is used between the functions of this file: r ended within a
// frame.
var errFrameCut = errors.New("tcp: frame cut short")

// peeker is the part of a bufio.Reader that a framer needs.
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
	Framing
	framePart
	r    peeker
	conn *Conn // the connection that r reads; nil if r is another reader
	busy bool  // conn is marked as within a frame
	late error // error that came together with the last bytes read
	over bool  // the last line has been returned
	end  error // how the sequence ended; io.EOF without an error
}

// framesOf returns the frames of r, or a single error if the framing is
// invalid.
func framesOf(r io.Reader, rule Framing) iter.Seq2[[]byte, error] {
	f := &framer{Framing: rule, end: rule.check()}
	return func(yield func([]byte, error) bool) {
		if f.r == nil && f.end == nil {
			f.r = peekerOf(r)
			f.conn, _ = r.(*Conn)
		}
		for f.end == nil {
			f.reset()
			var frame []byte
			if frame, f.end = f.nextBusy(); f.end == nil && !yield(frame, nil) {
				return
			}
		}
		f.buf = nil
		if f.end != io.EOF {
			yield(nil, f.end)
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
	if cap(f.buf) > frameKeep && f.r.Buffered() == 0 {
		f.buf = nil
	}
	f.buf = f.buf[:0]
}

// nextBusy is next. When it returns, the connection is not marked as within a
// frame.
func (f *framer) nextBusy() ([]byte, error) {
	defer f.waits(false)
	return f.next()
}

// waits sets whether the next read from the connection is within a frame: then
// it continues while the loop drains.
func (f *framer) waits(within bool) {
	if f.conn != nil && f.busy != within {
		f.busy = within
		f.conn.mark(markFrame, within)
	}
}

// next returns the next frame. The error is io.EOF at the end.
func (f *framer) next() ([]byte, error) {
	if f.over {
		return nil, io.EOF
	}
	read := f.delimited
	if f.size > 0 {
		read = f.prefixed
	}
	switch err := read(); err {
	case nil:
		return f.payload(f.buf)
	case errFrameCut:
		f.over = true
		frame, err := f.last(f.buf)
		if frame == nil && err == nil {
			err = io.EOF
		}
		return frame, err
	default:
		return nil, err
	}
}

// delimited reads a frame that ends with a delimiter.
func (f *framer) delimited() error {
	for {
		chunk, err := f.peek(f.most() - len(f.buf))
		if err != nil {
			return f.ended(err)
		}
		n, whole, long := f.add(&f.Framing, chunk)
		if _, err = f.r.Discard(n); err != nil {
			return err
		}
		if whole || long != nil {
			return long
		}
	}
}

// prefixed reads a frame that has a length prefix.
func (f *framer) prefixed() error {
	for n := f.size; len(f.buf) < n; {
		err := f.fill(n)
		if err == nil {
			n, err = f.need(f.buf)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fill reads until f.buf has n bytes.
func (f *framer) fill(n int) error {
	for len(f.buf) < n {
		if f.late != nil {
			return f.ended(f.late)
		}
		// look at what has arrived before making room for it
		if len(f.buf) == cap(f.buf) {
			chunk, err := f.peek(n - len(f.buf))
			if err != nil {
				return f.ended(err)
			}
			f.grow(len(chunk), n)
		}
		f.waits(len(f.buf) > 0)
		m, err := f.r.Read(f.buf[len(f.buf):min(cap(f.buf), n)])
		f.buf = f.buf[:len(f.buf)+m]
		if m == 0 && err == nil {
			// gives up on a reader that never returns anything
			_, err = f.peek(1)
		}
		f.late = err
	}
	return nil
}

// peek waits for a byte and returns the available bytes, at most n.
func (f *framer) peek(n int) ([]byte, error) {
	if f.r.Buffered() == 0 {
		f.waits(len(f.buf) > 0)
		if b, err := f.r.Peek(1); len(b) == 0 {
			return nil, err
		}
	}
	return f.r.Peek(min(n, max(1, f.r.Buffered())))
}

// ended returns what the end of r means for an incomplete frame.
func (f *framer) ended(err error) error {
	if err == io.EOF && len(f.buf) > 0 {
		return errFrameCut
	}
	return err
}
