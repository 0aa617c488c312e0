package httpx

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"goaio.example/aio/tcp"
)

// h2Wire is an HTTP/2 connection as the net.Conn that net/http reads and
// writes. It bounds how long a header may take, which net/http does not.
type h2Wire struct {
	connCtx
	e     *h2Engine
	tls   *tls.ConnectionState // nil without
	first []byte               // what arrived before net/http had the connection; the reader's
	frame frameCheck           // the reader's
	born  time.Time            // immutable
	part  parting

	mu       sync.Mutex
	want     time.Time // the read deadline that net/http asked for, zero for none
	headerBy time.Time // when the header that has begun must be complete, zero for none
	set      time.Time // the read deadline that the connection has
}

// piece is how much is written at a time: what counts as progress.
const piece = 64 << 10

func newH2Wire(e *h2Engine, c *tcp.Conn, first []byte) *h2Wire {
	w := &h2Wire{connCtx: connCtx{c, &e.hs}, e: e, first: first, born: time.Now()}
	if state, ok := c.TLS(); ok {
		w.tls = &state
	}
	if d := e.s.lim.header; d > 0 {
		w.headerBy = w.born.Add(d - c.Stats().Age)
	}
	return w
}

// h2WireKey is the key under which a ctx has its *h2Wire.
var h2WireKey = new(byte)

// read reads what is there, or waits, until what is due first.
func (w *h2Wire) read(p []byte) (int, error) {
	if len(w.first) > 0 {
		n := copy(p, w.first)
		if w.first = w.first[n:]; len(w.first) == 0 {
			w.first = nil
		}
		return n, nil
	}
	for {
		w.mu.Lock()
		w.applyDeadline() // fails only on a closed connection, as the read will
		w.mu.Unlock()
		n, err := w.c.Read(p)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || w.c.Err() != nil || w.late() {
			return n, err
		}
	}
}

// late reports whether something is due.
func (w *h2Wire) late() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	due := w.due()
	return !due.IsZero() && !time.Now().Before(due)
}

// due returns the time by which something must have been read, zero for none.
// The lock is held.
func (w *h2Wire) due() (t time.Time) {
	for _, by := range [...]time.Time{w.want, w.headerBy, w.part.by} {
		if !by.IsZero() && (t.IsZero() || by.Before(t)) {
			t = by
		}
	}
	return t
}

// applyDeadline has the connection keep to what is due. The lock is held.
func (w *h2Wire) applyDeadline() error {
	if t := w.due(); t != w.set {
		w.set = t
		return w.c.SetReadDeadline(t)
	}
	return nil
}

// setHeaderBy sets or clears the time by which a header must be complete.
func (w *h2Wire) setHeaderBy() {
	in := w.frame.inHeader()
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !in:
		w.headerBy = time.Time{}
	case w.headerBy.IsZero() && w.e.s.lim.header > 0:
		w.headerBy = time.Now().Add(w.e.s.lim.header)
	}
}

// SetReadDeadline sets the read deadline that net/http wants.
func (w *h2Wire) SetReadDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.want = t
	return w.applyDeadline()
}

// Write writes p in pieces, so that the write timeout is about progress.
func (w *h2Wire) Write(p []byte) (n int, err error) {
	for {
		m, err := w.c.Write(p[n:min(n+piece, len(p))])
		n += m
		if err != nil {
			return n, err
		}
		if n == len(p) {
			return n, nil
		}
	}
}

// Close closes the connection: at once, or when the client has had a chance to
// read what it was told.
func (w *h2Wire) Close() error {
	if w.e.draining.Load() {
		return w.c.CloseAfterFlush()
	}
	return w.c.Close()
}

// CloseWrite ends the outgoing side.
func (w *h2Wire) CloseWrite() error { return w.c.CloseWrite() }

// LocalAddr and the others are the connection's.
func (w *h2Wire) LocalAddr() net.Addr { return w.c.LocalAddr() }

// RemoteAddr returns the client's address.
func (w *h2Wire) RemoteAddr() net.Addr { return w.c.RemoteAddr() }

// SetDeadline sets both deadlines.
func (w *h2Wire) SetDeadline(t time.Time) error {
	if err := w.SetReadDeadline(t); err != nil {
		return err
	}
	return w.SetWriteDeadline(t)
}

// SetWriteDeadline sets the write deadline.
func (w *h2Wire) SetWriteDeadline(t time.Time) error { return w.c.SetWriteDeadline(t) }
