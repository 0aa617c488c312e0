package memnet

import (
	"errors"
	"io"
	"syscall"

	"goaio.example/aio/internal/bell"
)

// errAgain is the error of a call that would have to wait.
var errAgain error = syscall.EAGAIN

// A stream is one direction of a connection. It never blocks: like a
// non-blocking socket it returns errAgain, and its bell rings when to try
// again. It is guarded by the mutex of its link.
type stream struct {
	buf  ring
	bell bell.Bell
	fin  bool // the writer is done: after buf comes EOF
	deaf bool // the reader is done, but open: bytes are discarded
	gone bool // the reader is closed: the next byte is answered by a reset
	lost bool // bytes were discarded unread
	rerr error
	werr error
}

// pull moves bytes to p. With an empty p it only returns the error that a pull
// would return.
func (s *stream) pull(p []byte) (int, error) {
	switch {
	case s.rerr != nil:
		return 0, s.rerr
	case s.buf.n > 0:
		n := s.buf.read(p)
		if n > 0 {
			s.bell.Ring()
		}
		return n, nil
	case s.fin || s.deaf:
		return 0, io.EOF
	}
	return 0, errAgain
}

// push takes as many bytes of p as fit. It returns errAgain if none does.
func (s *stream) push(p []byte) (int, error) {
	err := s.room()
	switch {
	case errors.Is(err, errAgain) && len(p) == 0:
		return 0, nil
	case err != nil || len(p) == 0:
		return 0, err
	case s.gone:
		s.werr = syscall.EPIPE
		s.bell.Ring()
		return len(p), nil
	case s.deaf:
		s.lost = true
		return len(p), nil
	}
	n := s.buf.write(p)
	s.bell.Ring()
	return n, nil
}

// room returns nil if push would accept at least one byte, else the error of
// push.
func (s *stream) room() error {
	switch {
	case s.werr != nil:
		return s.werr
	case s.fin:
		return syscall.EPIPE
	case !s.gone && !s.deaf && s.buf.n >= s.buf.limit:
		return errAgain
	}
	return nil
}

// finish marks the writer as done (FIN).
func (s *stream) finish() {
	s.fin = true
	s.bell.Ring()
}

// drop discards buffered bytes, and records if there were any.
func (s *stream) drop() {
	s.lost = s.lost || s.buf.n > 0
	s.buf.clear()
	s.bell.Ring()
}

// reset ends the stream at once with the given error for its writer. The
// reader gets ECONNRESET, unless it has nothing to miss.
func (s *stream) reset(werr error) {
	if s.buf.n > 0 || !s.fin {
		s.rerr = syscall.ECONNRESET
	}
	if s.werr == nil {
		s.werr = werr
	}
	s.drop()
}
