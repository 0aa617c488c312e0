package tcp

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// transport is the byte stream beneath a Conn: a socket of the system's, or
// whatever net.Conn a Dialer or Listener was given.
type transport interface {
	net.Conn

	// pump reads into borrowed buffers and gives what came to deliver, which
	// may leave by returning false. Before it reads it calls idle, which may
	// leave likewise. It waits without holding a buffer where the transport can
	// do that. It returns nil when it was left, io.EOF, or why reading failed;
	// an error from a read deadline does not end the stream.
	pump(deliver func([]byte) bool, idle func() bool) error

	// poll gives deliver what is there to be read now, at most one buffer of
	// it. dry says that nothing was.
	poll(deliver func([]byte) bool) (dry bool, err error)

	// tryWrite writes what fits without blocking. What does not fit is no
	// error.
	tryWrite(p []byte) (int, error)

	// writeSome writes some of p, blocking until at least a byte has gone.
	writeSome(p []byte) (int, error)

	// tryWritev is tryWrite for several buffers, at most maxVec.
	tryWritev(bufs net.Buffers) (int, error)

	// writev writes all of bufs, blocking. It may change bufs and its elements.
	writev(bufs *net.Buffers) (int64, error)

	// fd returns the file descriptor, -1 without one.
	fd() int

	// under returns the net.Conn that this is the transport of.
	under() net.Conn
}

// newTransport returns the transport for a connection.
func newTransport(nc net.Conn) transport {
	if t := newSocket(nc); t != nil {
		return t
	}
	return plain{nc}
}

// noTime is no deadline.
var noTime time.Time

// readBuffers lends the buffers that handlers get their data in.
var readBuffers = sync.Pool{New: func() any { return new([readSize]byte) }}

// readSize is a little more than what peers like to send at a time, 64 KiB: a
// read that fills its buffer may have left something, and must be tried again.
const readSize = 68 << 10

// plain is the transport over a net.Conn that is no socket of the system's,
// such as an in-memory one.
type plain struct{ net.Conn }

// nonblocking is what an in-memory connection may offer.
type nonblocking interface {
	ReadReady() error               // waits, and consumes nothing
	TryWrite(p []byte) (int, error) // what fits; syscall.EAGAIN when nothing does
	WriteReady() error              // waits until something fits
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

// tryReader is what an in-memory connection offers.
type tryReader interface {
	TryRead(p []byte) (int, error) // what is there; syscall.EAGAIN when nothing is
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

// readSoon reads what comes within a moment: a net.Conn has no other way to
// tell that there is nothing.
func (t plain) readSoon(p []byte) (n int, dry bool, err error) {
	if t.SetReadDeadline(time.Now().Add(time.Millisecond)) != nil { // it is closed
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
