package httpx

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
)

// wire is a connection as the net.Conn that net/http reads and writes. It checks what arrives, keeps the timeouts that
// net/http does not have, and notices when the client is gone.
type wire struct {
	c     *tcp.Conn
	e     *stdEngine
	h2    bool
	tls   *tls.ConnectionState // nil without
	first []byte               // what arrived before net/http had the connection; the reader's
	check wireCheck            // the reader's
	now   atomic.Pointer[inbound]

	mu       sync.Mutex
	want     time.Time // the read deadline that net/http asked for
	headerBy time.Time // when the header that has begun must be complete, zero for none
	between  bool      // net/http waits for a request
	kicked   bool      // the deadline was set to have the reader look
	set      time.Time // the read deadline that the connection has, unless unset
	unset    bool
}

// piece is how much is written at a time: what counts as progress.
const piece = 64 << 10

// probeTime is how long a drained connection is given for a request that the kernel has already.
const probeTime = time.Millisecond

// past is a deadline that has passed.
var past = time.Unix(1, 0)

func newWire(e *stdEngine, c *tcp.Conn, first []byte, h2 bool) *wire {
	w := &wire{c: c, e: e, h2: h2, first: first}
	if state, ok := c.TLS(); ok {
		w.tls = &state
	}
	w.check.maxBytes, w.check.maxFields = e.s.lim.headerBytes, e.s.lim.headerFields
	if h2 {
		w.check.state = checkRaw
	} else if d := e.s.lim.header; d > 0 {
		w.headerBy = time.Now().Add(d - c.Stats().Age)
	}
	return w
}

// wireKey is the key under which a ctx has its *wire.
var wireKey = new(byte)

// wireCtx is the ctx of a connection's requests, before they have one of their own.
type wireCtx struct {
	context.Context // the connection's
	std             context.Context
	w               *wire
}

func (w *wire) context(std context.Context) context.Context { return &wireCtx{w.c.Context(), std, w} }

func (c *wireCtx) Value(key any) any {
	switch key {
	case wireKey:
		return c.w
	case http.ServerContextKey:
		return c.std.Value(key)
	}
	return c.Context.Value(key)
}

// Read reads from the connection. What the check refuses is replaced by what net/http refuses in its turn.
func (w *wire) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if w.check.refused != 0 {
		return w.check.poison(p), nil
	}
	n, err := w.read(p)
	if n == 0 || w.check.state == checkRaw {
		return n, err
	}
	ok := w.check.feed(p[:n])
	w.setHeaderBy()
	if ok == 0 {
		return w.check.poison(p), nil
	}
	return ok, nil
}

// read reads what is there, or waits.
func (w *wire) read(p []byte) (int, error) {
	if len(w.first) > 0 {
		n := copy(p, w.first)
		if w.first = w.first[n:]; len(w.first) == 0 {
			w.first = nil
		}
		return n, nil
	}
	for {
		probe := w.arm()
		n, err := w.c.Read(p)
		switch {
		case n > 0 || err == nil:
			return n, nil
		case !w.isDeadline(err):
			w.lost(err)
			return 0, err
		case probe:
			return 0, io.EOF
		case !w.mayProbe():
			return 0, err
		}
	}
}

// arm sets the deadline that the next read needs. It reports whether that is a look at whether the connection is idle.
func (w *wire) arm() (probe bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.idleLocked():
		w.kicked, w.unset = true, true
		w.c.SetReadDeadline(time.Now().Add(probeTime)) // fails only on a closed connection, as the read will
		return true
	case w.check.inBody() && w.e.s.lim.body > 0:
		t := time.Now().Add(w.e.s.lim.body)
		if !w.want.IsZero() && w.want.Before(t) {
			t = w.want
		}
		w.unset = true
		w.c.SetReadDeadline(t)
	case w.kicked:
		w.kicked = false
		w.applyDeadline()
	}
	return false
}

// idleLocked reports whether the connection is to end because it is drained and waits for a request. Only the reader may
// ask, which holds the lock.
func (w *wire) idleLocked() bool {
	return w.between && w.check.idle() && w.e.draining.Load()
}

func (w *wire) mayProbe() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.idleLocked()
}

// kick has the reader look whether the connection is idle, when the server drains.
func (w *wire) kick() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.between {
		w.kicked, w.unset = true, true
		w.c.SetReadDeadline(past)
	}
}

// setIdle notes whether net/http waits for a request.
func (w *wire) setIdle(idle bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.between = idle
}

// setHeaderBy sets or clears the time by which a header must be complete.
func (w *wire) setHeaderBy() {
	if w.headerBy.IsZero() && !w.check.inHeader() { // which only the reader changes
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !w.check.inHeader():
		w.headerBy = time.Time{}
	case w.headerBy.IsZero() && w.between && w.e.s.lim.header > 0:
		w.headerBy = time.Now().Add(w.e.s.lim.header)
		w.applyDeadline()
	}
}

// applyDeadline sets the connection's read deadline. The lock is held.
func (w *wire) applyDeadline() error {
	t := w.want
	if !w.headerBy.IsZero() && (t.IsZero() || w.headerBy.Before(t)) {
		t = w.headerBy
	}
	if t == w.set && !w.unset {
		return nil // net/http sets it over and over
	}
	w.set, w.unset = t, false
	return w.c.SetReadDeadline(t)
}

// isDeadline reports whether a read failed by its deadline, and not with the connection.
func (w *wire) isDeadline(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) && w.c.Err() == nil
}

// lost notes that the client is gone.
func (w *wire) lost(err error) {
	if x := w.now.Load(); x != nil {
		x.clientGone(w.condition(err))
	}
}

func (w *wire) condition(err error) error {
	return aio.NewConnError("read", "tcp", w.c.RemoteAddr().String(), -1, err)
}

// Write writes p in pieces, so that the write timeout is about progress.
func (w *wire) Write(p []byte) (n int, err error) {
	for {
		m, err := w.c.Write(p[n:min(n+piece, len(p))])
		n += m
		if err != nil {
			w.lost(err)
			return n, err
		}
		if n == len(p) {
			return n, nil
		}
	}
}

// ReadFrom is Write for what r has, by the system's own means where tcp can.
func (w *wire) ReadFrom(r io.Reader) (n int64, err error) {
	left := int64(-1)
	if l, ok := r.(*io.LimitedReader); ok {
		r, left = l.R, l.N
		defer func() { l.N = left }()
	}
	for left != 0 {
		part := int64(4 * piece)
		if left > 0 {
			part = min(part, left)
		}
		m, err := w.c.ReadFrom(&io.LimitedReader{R: r, N: part})
		n += m
		if left > 0 {
			left -= m
		}
		if err != nil || m < part {
			return n, err
		}
	}
	return n, nil
}

// Close closes the connection: at once, or when the client has had a chance to read what it was told.
func (w *wire) Close() error {
	if w.check.refused != 0 || w.e.draining.Load() {
		return w.c.CloseAfterFlush()
	}
	return w.c.Close()
}

// CloseWrite ends the outgoing side.
func (w *wire) CloseWrite() error { return w.c.CloseWrite() }

// LocalAddr and the others are the connection's.
func (w *wire) LocalAddr() net.Addr { return w.c.LocalAddr() }

// RemoteAddr returns the client's address.
func (w *wire) RemoteAddr() net.Addr { return w.c.RemoteAddr() }

// SetDeadline sets both deadlines.
func (w *wire) SetDeadline(t time.Time) error {
	if err := w.SetReadDeadline(t); err != nil {
		return err
	}
	return w.c.SetWriteDeadline(t)
}

// SetReadDeadline sets the read deadline that net/http wants.
func (w *wire) SetReadDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.want = t
	return w.applyDeadline()
}

// SetWriteDeadline sets the write deadline.
func (w *wire) SetWriteDeadline(t time.Time) error { return w.c.SetWriteDeadline(t) }
