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
	frame *frameCheck          // the reader's; of HTTP/2
	now   atomic.Pointer[inbound]

	bounded atomic.Bool  // writing has, or had, a deadline
	reading atomic.Bool  // a Read waits; changed with the lock held
	want    atomic.Int64 // the read deadline that net/http asked for, in nanoseconds since born, 0 for none
	born    time.Time    // immutable

	mu       sync.Mutex
	headerBy time.Time // when the header that has begun must be complete, zero for none
	bodyBy   time.Time // when more of the body must have come, zero for none
	set      time.Time // the read deadline that the connection has
	stale    bool      // set has passed, or is not what the connection has
	between  bool      // net/http waits for a request
	watch    watch
	part     parting // of HTTP/2
}

// piece is how much is written at a time: what counts as progress.
const piece = 64 << 10

// probeTime is how long a drained connection is given for a request that the kernel has already.
const probeTime = time.Millisecond

func newWire(e *stdEngine, c *tcp.Conn, first []byte, h2 bool) *wire {
	w := &wire{c: c, e: e, h2: h2, first: first, born: time.Now()}
	if state, ok := c.TLS(); ok {
		w.tls = &state
	}
	w.watch.alarm.Init((*lookAlarm)(w))
	w.check.maxBytes, w.check.maxFields = e.s.lim.headerBytes, e.s.lim.headerFields
	if h2 {
		w.check.state, w.frame = checkRaw, new(frameCheck)
	}
	if d := e.s.lim.header; d > 0 {
		w.headerBy = w.born.Add(d - c.Stats().Age)
	}
	return w
}

// wireKey is the key under which a ctx has its *wire.
var wireKey = new(byte)

// wireCtx is the ctx that the connection's requests begin with: the connection's own, with the values that net/http
// promises. net/http itself has no part in cancelling them, and does without the connection's.
type wireCtx wire

func (w *wireCtx) Within() context.Context     { return w.c.Context() }
func (w *wireCtx) Deadline() (time.Time, bool) { return w.c.Context().Deadline() }
func (w *wireCtx) Done() <-chan struct{}       { return w.c.Context().Done() }
func (w *wireCtx) Err() error                  { return w.c.Context().Err() }

func (w *wireCtx) Value(key any) any {
	switch key {
	case http.ServerContextKey:
		return &w.e.server(w.h2).hs
	case http.LocalAddrContextKey:
		return w.c.LocalAddr()
	}
	return w.c.Context().Value(key)
}

// Read reads from the connection. What the check refuses is replaced by what net/http refuses in its turn.
func (w *wire) Read(p []byte) (int, error) {
	if w.h2 {
		return w.readH2(p)
	}
	if len(p) == 0 || len(p) == 1 && w.inBackground() {
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
	w.paceBody()
	for {
		probe := w.arm()
		n, err := w.c.Read(p)
		late := w.disarm(err)
		switch {
		case n > 0 || err == nil:
			return n, nil
		case !w.isDeadline(err):
			w.lost(err)
			return 0, err
		case probe:
			return 0, io.EOF
		case late:
			return 0, err
		}
	}
}

// idleLocked reports whether the connection is to end because it is drained and waits for a request. Only the reader may
// ask, which holds the lock.
func (w *wire) idleLocked() bool {
	return w.between && w.check.idle() && w.e.draining.Load()
}

// setIdle notes whether net/http waits for a request.
func (w *wire) setIdle(idle bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.between = idle
	w.watch.may = false
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
	return w.SetWriteDeadline(t)
}

// SetWriteDeadline sets the write deadline. net/http clears it after each response.
func (w *wire) SetWriteDeadline(t time.Time) error {
	if t.IsZero() && !w.bounded.Load() {
		return nil
	}
	w.bounded.Store(true)
	return w.c.SetWriteDeadline(t)
}
