package memnet

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Conn is one end of a connection. It is a net.Conn with the further methods of
// a *net.TCPConn that tests need, and with ones that wait or write the way an
// event loop does. All methods may be called from any goroutine at any time;
// Close and an expiring deadline end calls that block.
type Conn struct {
	mu      *sync.Mutex // of the link
	rx, tx  *stream
	local   net.Addr
	remote  net.Addr
	rdl     deadline
	wdl     deadline
	writing bool // a Write has its turn
	linger0 bool // Close resets
	closed  bool
}

// A link is the two ends of a connection and the data between them.
type link struct {
	mu      sync.Mutex
	streams [2]stream
	ends    [2]Conn
}

// newLink connects two addresses. limit bounds each direction's buffer.
func newLink(limit int, a, b net.Addr) (*Conn, *Conn) {
	l := new(link)
	there, back := &l.streams[0], &l.streams[1]
	there.buf.limit, back.buf.limit = limit, limit
	l.ends[0] = Conn{mu: &l.mu, rx: back, tx: there, local: a, remote: b}
	l.ends[1] = Conn{mu: &l.mu, rx: there, tx: back, local: b, remote: a}
	return &l.ends[0], &l.ends[1]
}

// Read reads up to len(p) bytes. It blocks until at least one is available.
// After the peer's last byte it returns io.EOF. Other errors: net.ErrClosed,
// os.ErrDeadlineExceeded, syscall.ECONNRESET.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.read(p, false)
	return n, c.wrap("read", err)
}

// ReadReady blocks until Read would not, and consumes nothing. It returns nil
// if Read would return data or io.EOF, else the error that Read would return. A
// goroutine that waits with it needs no buffer meanwhile. With several readers,
// another one may be faster, and the following Read may block.
func (c *Conn) ReadReady() error {
	_, err := c.read(nil, true)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return c.wrap("read", err)
}

func (c *Conn) read(p []byte, peek bool) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(p) == 0 && !peek {
		return 0, c.open()
	}
	if c.rdl.passed() {
		return 0, os.ErrDeadlineExceeded
	}
	for {
		n, err := c.rx.pull(p)
		if !errors.Is(err, errAgain) {
			return n, err
		}
		if err := c.await(c.rx, &c.rdl); err != nil {
			return 0, err
		}
	}
}

// TryRead reads available bytes, up to len(p). It never blocks, and ignores
// deadlines. If no bytes are available it returns syscall.EAGAIN, bare. Other
// errors are those of Read.
func (c *Conn) TryRead(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(p) == 0 {
		return 0, c.wrap("read", c.open())
	}
	n, err := c.rx.pull(p)
	return n, c.wrap("read", err)
}

// Write writes all of p. It blocks while the peer's buffer is full, and
// returns how much of p went into it. The bytes of one Write stay together,
// those of concurrent ones do not mix. Errors: net.ErrClosed,
// os.ErrDeadlineExceeded, syscall.ECONNRESET, and syscall.EPIPE after
// CloseWrite or when the peer is closed.
func (c *Conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.takeTurn(); err != nil {
		return 0, c.wrap("write", err)
	}
	defer c.endTurn()
	for n := 0; ; {
		k, err := c.push(p[n:])
		n += k
		if err == nil && n == len(p) {
			return n, nil
		}
		if err == nil || errors.Is(err, errAgain) {
			err = c.await(c.tx, &c.wdl)
		}
		if err != nil {
			return n, c.wrap("write", err)
		}
	}
}

// TryWrite writes as much of p as fits into the peer's buffer and returns how
// much that was; it never blocks. If nothing fits, or a Write is in progress,
// it returns syscall.EAGAIN, bare. Other errors are those of Write.
func (c *Conn) TryWrite(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.writable()
	if err == nil && c.writing {
		err = errAgain
	}
	n := 0
	if err == nil {
		n, err = c.push(p)
	}
	return n, c.wrap("write", err)
}

// WriteReady blocks until the peer's buffer has room, the counterpart of
// TryWrite's EAGAIN. It writes nothing. Errors are those of Write.
func (c *Conn) WriteReady() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.writable()
	for err == nil {
		if c.writing {
			err = errAgain
		} else {
			err = c.tx.room()
		}
		if !errors.Is(err, errAgain) {
			break
		}
		err = c.await(c.tx, &c.wdl)
	}
	return c.wrap("write", err)
}

// LocalAddr returns the address of this end: a *net.TCPAddr, or an Addr if the
// host is a name.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the address of the other end, as LocalAddr.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines; see SetReadDeadline and SetWriteDeadline.
func (c *Conn) SetDeadline(t time.Time) error { return c.setDeadlines(t, true, true) }

// SetReadDeadline makes Read and ReadReady, including calls in progress, fail
// with os.ErrDeadlineExceeded from t on. The zero time means never. Its only
// error is net.ErrClosed.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadlines(t, true, false) }

// SetWriteDeadline makes Write, TryWrite and WriteReady, including calls in
// progress, fail with os.ErrDeadlineExceeded from t on. The zero time means
// never. Its only error is net.ErrClosed.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, false, true) }

func (c *Conn) setDeadlines(t time.Time, read, write bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.open(); err != nil {
		return opError("set", "set", nil, c.local, err)
	}
	if read {
		c.rdl.set(t, c.mu, &c.rx.bell)
	}
	if write {
		c.wdl.set(t, c.mu, &c.tx.bell)
	}
	return nil
}
