package tcp

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// transport is the byte stream that carries a Conn: a system socket, or any
// net.Conn that a Dialer or Listener was given.
type transport interface {
	net.Conn

	// pump reads into borrowed buffers and passes the data to deliver, until
	// that returns false. Before it reads it calls idle, which may also end it
	// by returning false. It waits without holding a buffer if the transport
	// can do that. It returns nil if a function ended it, io.EOF, or why
	// reading failed; an error from a read deadline does not end the stream.
	pump(deliver func([]byte) bool, idle func() bool) error

	// poll passes available data to deliver, at most one buffer of it. dry
	// reports that there was none.
	poll(deliver func([]byte) bool) (dry bool, err error)

	// tryWrite writes what fits without blocking. It is not an error if less
	// than p fits.
	tryWrite(p []byte) (int, error)

	// writeSome writes some of p, and blocks until at least one byte was
	// written.
	writeSome(p []byte) (int, error)

	// tryWritev is tryWrite for several buffers, at most maxVec.
	tryWritev(bufs net.Buffers) (int, error)

	// writev writes all of bufs, blocking. It may change bufs and its elements.
	writev(bufs *net.Buffers) (int64, error)

	// fd returns the file descriptor, -1 if there is none.
	fd() int

	// under returns the net.Conn of the transport.
	under() net.Conn
}

// newTransport returns the transport for a connection.
func newTransport(nc net.Conn) transport {
	if t := newSocket(nc); t != nil {
		return t
	}
	return plain{nc}
}

// noTime means no deadline.
var noTime time.Time

// readBuffers holds the buffers for data passed to handlers.
var readBuffers = sync.Pool{New: func() any { return new([readSize]byte) }}

// readSize is a little more than peers usually send at a time, 64 KiB: if a
// read fills its buffer, more may be available, and the read must be repeated.
const readSize = 68 << 10

// plain is the transport over a net.Conn that is not a system socket, such as
// an in-memory one.
type plain struct{ net.Conn }

// nonblocking is implemented by in-memory connections.
type nonblocking interface {
	ReadReady() error // waits, and consumes nothing
	// writes what fits; syscall.EAGAIN if nothing does
	TryWrite(p []byte) (int, error)
	WriteReady() error // waits until something fits
}

func (t plain) pump(deliver func([]byte) bool, idle func() bool) error {
	wait := func() error { return nil }
	if n, ok := t.Conn.(nonblocking); ok {
		wait = n.ReadReady
	}
	for {
		if !idle() {
			return nil
		}
		if err := wait(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
		buf := readBuffers.Get().(*[readSize]byte)
		n, err := t.Read(buf[:])
		leave := n > 0 && !deliver(buf[:n])
		readBuffers.Put(buf)
		if leave || err != nil {
			return err
		}
	}
}

// tryReader is implemented by in-memory connections.
type tryReader interface {
	// reads available data; syscall.EAGAIN if there is none
	TryRead(p []byte) (int, error)
}

func (t plain) poll(deliver func([]byte) bool) (dry bool, err error) {
	buf := readBuffers.Get().(*[readSize]byte)
	defer readBuffers.Put(buf)
	var n int
	if r, ok := t.Conn.(tryReader); ok {
		n, err = r.TryRead(buf[:])
		dry = errors.Is(err, syscall.EAGAIN)
	} else {
		n, dry, err = t.readSoon(buf[:])
	}
	if n > 0 {
		deliver(buf[:n])
	}
	if dry {
		return true, nil
	}
	return false, err
}

// readSoon reads data that arrives within a moment: a net.Conn has no other way
// to find out that there is none.
func (t plain) readSoon(p []byte) (n int, dry bool, err error) {
	// it is closed
	if t.SetReadDeadline(time.Now().Add(time.Millisecond)) != nil {
		return 0, true, nil
	}
	n, err = t.Read(p)
	if isWake(err) {
		return n, n == 0, t.SetReadDeadline(noTime)
	}
	return n, false, err
}

// tries reports whether tryWrite writes anything.
func (t plain) tries() bool {
	_, ok := t.Conn.(nonblocking)
	return ok
}

func (t plain) tryWrite(p []byte) (int, error) {
	nb, ok := t.Conn.(nonblocking)
	if !ok {
		return 0, nil
	}
	n, err := nb.TryWrite(p)
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return n, err
}

func (t plain) tryWritev(bufs net.Buffers) (int, error) { return tryEach(t, bufs) }

// tryEach is tryWritev for a transport that writes one buffer at a time.
func tryEach(t transport, bufs net.Buffers) (sum int, err error) {
	for _, p := range joined(bufs) {
		n, err := t.tryWrite(p)
		sum += n
		if err != nil || n < len(p) {
			return sum, err
		}
	}
	return sum, nil
}

func (t plain) writeSome(p []byte) (int, error) {
	nb, ok := t.Conn.(nonblocking)
	if !ok {
		return t.Write(p[:min(len(p), maxBatch)])
	}
	for {
		n, err := nb.TryWrite(p)
		switch {
		case errors.Is(err, errors.ErrUnsupported):
			return t.Write(p[:min(len(p), maxBatch)])
		case n > 0 || !errors.Is(err, syscall.EAGAIN):
			return n, err
		}
		if err := nb.WriteReady(); err != nil {
			return 0, err
		}
	}
}

func (t plain) writev(bufs *net.Buffers) (int64, error) {
	var sum int64
	for _, b := range *bufs {
		n, err := t.Write(b)
		sum += int64(n)
		if err != nil {
			return sum, err
		}
		if n < len(b) {
			return sum, io.ErrShortWrite
		}
	}
	return sum, nil
}

func (t plain) fd() int { return -1 }

func (t plain) under() net.Conn { return t.Conn }
