package memnet

import (
	"net"
	"sync"
	"time"

	"goaio.example/aio/internal/bell"
)

// A FaultyConn is a connection with a Plan, made by Faulty. It also has the
// other methods of a Conn; if the inner connection lacks one, it returns
// errors.ErrUnsupported.
type FaultyConn struct {
	inner net.Conn
	plan  Plan
	extra passThrough

	mu      sync.Mutex
	bell    bell.Bell // rung when any field below changes
	r, w    side
	fired   bool
	writing bool // a Write has its turn
	closed  bool
}

// Faulty returns a connection that passes calls to c according to plan. To
// reach every place where a program can fail, run it with FailRead 1, 2, 3 and
// so on until Fired is false at the end, and then with FailWrite.
func Faulty(c net.Conn, plan Plan) *FaultyConn {
	return &FaultyConn{
		inner: c,
		plan:  plan,
		extra: passThrough{c},
		r:     side{failAt: plan.FailRead, delay: plan.ReadDelay},
		w:     side{failAt: plan.FailWrite, delay: plan.WriteDelay},
	}
}

// Read is the inner Read under the plan. It blocks as the inner Read does, and
// for ReadDelay.
func (f *FaultyConn) Read(p []byte) (int, error) {
	if fails, _ := f.begin(&f.r); fails {
		return 0, f.fault("read")
	}
	return f.inner.Read(short(p, f.plan.MaxRead))
}

// Write is the inner Write under the plan. It blocks as the inner Write does,
// and for WriteDelay. Concurrent Writes do not mix.
func (f *FaultyConn) Write(p []byte) (int, error) {
	fails, first := f.begin(&f.w)
	if fails && !first {
		return 0, f.fault("write")
	}
	f.takeTurn()
	defer f.endTurn()
	if !fails {
		return f.writePieces(p)
	}
	n := 0
	if f.plan.Partial > 0 {
		var err error
		if n, err = f.writePieces(short(p, f.plan.Partial)); err != nil {
			return n, err
		}
	}
	return n, f.fault("write")
}

// writePieces writes p, MaxWrite bytes at a time. It passes on an empty p too,
// for the error.
func (f *FaultyConn) writePieces(p []byte) (n int, err error) {
	for {
		k, err := f.inner.Write(short(p[n:], f.plan.MaxWrite))
		n += k
		if err != nil || n == len(p) {
			return n, err
		}
	}
}

// TryWrite is the inner TryWrite under the plan. It never blocks.
func (f *FaultyConn) TryWrite(p []byte) (int, error) {
	fails, first := f.count(&f.w)
	switch {
	case !fails:
		return f.extra.TryWrite(short(p, f.plan.MaxWrite))
	case first && f.plan.Partial > 0:
		n, _ := f.extra.TryWrite(short(p, f.plan.Partial))
		return n, f.fault("write")
	}
	return 0, f.fault("write")
}

// ReadReady is the inner ReadReady. It is not counted and has no delay. Once
// all Reads fail, it returns their error.
func (f *FaultyConn) ReadReady() error {
	if f.broken(&f.r) {
		return f.fault("read")
	}
	return f.extra.ReadReady()
}

// PeerEnded is the inner PeerEnded.
func (f *FaultyConn) PeerEnded() (bool, error) { return f.extra.PeerEnded() }

// PeerReset is the inner PeerReset.
func (f *FaultyConn) PeerReset() error { return f.extra.PeerReset() }

// WriteReady is the inner WriteReady, with the same rules as ReadReady.
func (f *FaultyConn) WriteReady() error {
	if f.broken(&f.w) {
		return f.fault("write")
	}
	return f.extra.WriteReady()
}

// Reads returns the number of calls of Read, including those in progress.
func (f *FaultyConn) Reads() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.r.calls
}

// Writes returns the number of calls of Write and TryWrite, including those in
// progress.
func (f *FaultyConn) Writes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.w.calls
}

// Fired reports whether a Read or Write was made to fail. Delays and short
// reads and writes do not count.
func (f *FaultyConn) Fired() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fired
}

// NetConn returns the inner connection.
func (f *FaultyConn) NetConn() net.Conn { return f.inner }

// LocalAddr returns the inner connection's local address.
func (f *FaultyConn) LocalAddr() net.Addr { return f.inner.LocalAddr() }

// RemoteAddr returns the inner connection's remote address.
func (f *FaultyConn) RemoteAddr() net.Addr { return f.inner.RemoteAddr() }

// Close closes the inner connection and ends delays.
func (f *FaultyConn) Close() error {
	f.end()
	return f.inner.Close()
}

// Abort is the inner Abort. It ends delays.
func (f *FaultyConn) Abort() error {
	f.end()
	return f.extra.Abort()
}

// CloseWrite is the inner CloseWrite.
func (f *FaultyConn) CloseWrite() error { return f.extra.CloseWrite() }

// CloseRead is the inner CloseRead.
func (f *FaultyConn) CloseRead() error { return f.extra.CloseRead() }

// SetLinger is the inner SetLinger.
func (f *FaultyConn) SetLinger(sec int) error { return f.extra.SetLinger(sec) }

// SetDeadline is the inner SetDeadline, for delays too.
func (f *FaultyConn) SetDeadline(t time.Time) error {
	f.setDeadline(t, &f.r, &f.w)
	return f.inner.SetDeadline(t)
}

// SetReadDeadline is the inner SetReadDeadline, for delays too.
func (f *FaultyConn) SetReadDeadline(t time.Time) error {
	f.setDeadline(t, &f.r)
	return f.inner.SetReadDeadline(t)
}

// SetWriteDeadline is the inner SetWriteDeadline, for delays too.
func (f *FaultyConn) SetWriteDeadline(t time.Time) error {
	f.setDeadline(t, &f.w)
	return f.inner.SetWriteDeadline(t)
}
