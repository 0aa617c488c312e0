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
	e   *h2Engine
	tls *tls.ConnectionState // nil without TLS
	// bytes that arrived before net/http had the connection; the reader's
	first []byte
	frame frameCheck // the reader's
	born  time.Time  // immutable
	part  parting

	mu   sync.Mutex
	want time.Time // the read deadline set by net/http, zero for none
	// when the current header must be complete, zero for none
	headerBy time.Time
	set      time.Time // the read deadline set on the connection
}

// piece is how much is written at a time, and so the unit of progress.
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

// h2WireKey is the context key of the *h2Wire.
var h2WireKey = new(byte)

// read reads available bytes, or waits for some until the earliest deadline.
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
		// fails only on a closed connection, on which the read fails too
		w.applyDeadline()
		w.mu.Unlock()
		n, err := w.c.Read(p)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || w.c.Err() != nil || w.late() {
			return n, err
		}
	}
}

// late reports whether a deadline has passed.
func (w *h2Wire) late() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	due := w.due()
	return !due.IsZero() && !time.Now().Before(due)
}

// due returns the earliest deadline of reading, zero for none. The lock is
// held.
func (w *h2Wire) due() (t time.Time) {
	for _, by := range [...]time.Time{w.want, w.headerBy, w.part.by} {
		if !by.IsZero() && (t.IsZero() || by.Before(t)) {
			t = by
		}
	}
	return t
}

// applyDeadline sets the connection's read deadline to the earliest one. The
// lock is held.
func (w *h2Wire) applyDeadline() error {
	if t := w.due(); t != w.set {
		w.set = t
		return w.c.SetReadDeadline(t)
	}
	return nil
}

// setHeaderBy sets or clears the deadline of a header.
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

// SetReadDeadline sets net/http's read deadline.
func (w *h2Wire) SetReadDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.want = t
	return w.applyDeadline()
}

// Write writes p in pieces, so that the write timeout applies to progress.
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

// Close closes the connection. While the server drains, it waits until the
// client has had time to read what was sent.
func (w *h2Wire) Close() error {
	if w.e.draining.Load() {
		return w.c.CloseAfterFlush()
	}
	return w.c.Close()
}

// CloseWrite closes the sending side.
func (w *h2Wire) CloseWrite() error { return w.c.CloseWrite() }

// LocalAddr returns the server's address.
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
