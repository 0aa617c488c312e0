//go:build unix

package tcp

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// socket is the transport over a system socket. It waits for data without
// holding a buffer.
type socket struct {
	net.Conn
	raw   syscall.RawConn
	sysfd int
}

// newSocket returns the transport for a connection that is a stream socket of
// the system, else nil.
func newSocket(nc net.Conn) transport {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		return nil
	}
	raw, err := nc.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil
	}
	s := &socket{Conn: nc, raw: raw, sysfd: -1}
	if raw.Control(func(fd uintptr) { s.sysfd = int(fd) }) != nil {
		return nil
	}
	return s
}

func (s *socket) fd() int { return s.sysfd }

func (s *socket) under() net.Conn { return s.Conn }

func (s *socket) pump(deliver func([]byte) bool, idle func() bool) error {
	var r rawRead
	step := r.step
	for idle() {
		if err := s.raw.Read(step); err != nil {
			return err
		}
		if r.buf == nil {
			return r.err
		}
		if !r.give(deliver) {
			break
		}
	}
	return nil
}

func (s *socket) poll(deliver func([]byte) bool) (dry bool, err error) {
	var r rawRead
	rerr := s.raw.Read(func(fd uintptr) bool {
		dry = !r.step(fd)
		return true
	})
	switch {
	case rerr != nil:
		return false, rerr
	case dry:
		return true, nil
	case r.buf == nil:
		return false, r.err
	}
	r.give(deliver)
	return false, nil
}

// rawRead is the result of a RawConn.Read.
type rawRead struct {
	buf *[readSize]byte // nil without data
	n   int
	err error
}

// step is called by RawConn.Read: at first, and whenever there may be something
// to read. Returning false waits.
func (r *rawRead) step(fd uintptr) bool {
	buf := readBuffers.Get().(*[readSize]byte)
	n, err := ignoringEINTR(func() (int, error) { return syscall.Read(int(fd), buf[:]) })
	if n > 0 {
		r.buf, r.n = buf, n
		return true
	}
	readBuffers.Put(buf)
	switch err {
	case nil:
		r.err = io.EOF
	case syscall.EAGAIN:
		return false
	default:
		r.err = os.NewSyscallError("read", err)
	}
	return true
}

// give passes what was read to deliver, and then returns its buffer to the
// pool.
func (r *rawRead) give(deliver func([]byte) bool) bool {
	ok := deliver(r.buf[:r.n])
	readBuffers.Put(r.buf)
	r.buf = nil
	return ok
}

func (s *socket) tryWrite(p []byte) (int, error) { return s.write(p, false) }

// writeSome writes small data with package net's Write, which does not
// allocate, and large data as the kernel accepts it, so that progress is
// visible.
func (s *socket) writeSome(p []byte) (int, error) {
	if len(p) <= smallWrite {
		return s.Write(p)
	}
	return s.write(p, true)
}

// smallWrite is how much is written without observing its progress.
const smallWrite = 16 << 10

// maxWrite bounds the bytes written by one system call: some systems refuse
// more than 2 GiB.
const maxWrite = 1 << 30

func (s *socket) write(p []byte, wait bool) (int, error) {
	w := rawWrites.Get().(*rawWrite)
	w.p, w.wait = p[:min(len(p), maxWrite)], wait
	err := s.raw.Write(w.call)
	n, werr := w.n, w.err
	w.p, w.n, w.err = nil, 0, nil
	rawWrites.Put(w)
	switch {
	case err != nil:
		return 0, err
	case werr == syscall.EAGAIN:
		return 0, nil
	case werr != nil:
		return 0, os.NewSyscallError("write", werr)
	}
	return n, nil
}

// rawWrite is the argument and the result of a RawConn.Write.
type rawWrite struct {
	p    []byte
	wait bool // for room, if there is none
	n    int
	err  error
	call func(fd uintptr) bool // step, bound once
}

// rawWrites holds records for reuse, so that a write does not allocate.
var rawWrites = sync.Pool{New: func() any {
	w := new(rawWrite)
	w.call = w.step
	return w
}}

// step is called by RawConn.Write: at first, and whenever there may be room.
// Returning false waits.
func (w *rawWrite) step(fd uintptr) bool {
	w.n, w.err = ignoringEINTR(func() (int, error) { return syscall.Write(int(fd), w.p) })
	return w.err != syscall.EAGAIN || !w.wait
}

func (s *socket) tryWritev(bufs net.Buffers) (int, error) { return tryEach(s, bufs) }

func (s *socket) writev(bufs *net.Buffers) (int64, error) { return bufs.WriteTo(s.Conn) }

func ignoringEINTR(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != syscall.EINTR {
			return n, err
		}
	}
}
