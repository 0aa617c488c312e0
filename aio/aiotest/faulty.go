package aiotest

import (
	"net"
	"sync/atomic"
	"time"

	"goaio.example/aio/internal/memnet"
)

// A FaultyConn is a connection under a Plan, made by Faulty. It is a Conn; if
// the inner connection lacks one of the methods, the FaultyConn's returns
// errors.ErrUnsupported.
type FaultyConn struct {
	mem   *memnet.FaultyConn
	fired *atomic.Bool
}

var _ Conn = (*FaultyConn)(nil)

// Faulty returns a connection that passes calls to c according to plan.
// Connections with the same plan count their calls separately.
func Faulty(c net.Conn, plan Plan) *FaultyConn {
	return &FaultyConn{memnet.Faulty(c, plan.inner()), plan.fired}
}

// note records for EachFault that the fault has happened.
func (f *FaultyConn) note() {
	if f.fired != nil && f.mem.Fired() {
		f.fired.Store(true)
	}
}

// Read is the inner Read under the plan.
func (f *FaultyConn) Read(p []byte) (int, error) {
	defer f.note()
	return f.mem.Read(p)
}

// Write is the inner Write under the plan. Concurrent Writes do not mix.
func (f *FaultyConn) Write(p []byte) (int, error) {
	defer f.note()
	return f.mem.Write(p)
}

// Fired reports whether a Read or Write was made to fail. Delays and short
// reads and writes do not count.
func (f *FaultyConn) Fired() bool { return f.mem.Fired() }

// Reads returns the number of calls of Read, including those in progress.
func (f *FaultyConn) Reads() int { return f.mem.Reads() }

// Writes returns the number of calls of Write, including those in progress.
func (f *FaultyConn) Writes() int { return f.mem.Writes() }

// NetConn returns the inner connection.
func (f *FaultyConn) NetConn() net.Conn { return f.mem.NetConn() }

// Close closes the inner connection and ends delays.
func (f *FaultyConn) Close() error { return f.mem.Close() }

// LocalAddr returns the inner connection's local address.
func (f *FaultyConn) LocalAddr() net.Addr { return f.mem.LocalAddr() }

// RemoteAddr returns the inner connection's remote address.
func (f *FaultyConn) RemoteAddr() net.Addr { return f.mem.RemoteAddr() }

// SetDeadline is the inner SetDeadline, for delays too.
func (f *FaultyConn) SetDeadline(t time.Time) error { return f.mem.SetDeadline(t) }

// SetReadDeadline is the inner SetReadDeadline, for delays too.
func (f *FaultyConn) SetReadDeadline(t time.Time) error { return f.mem.SetReadDeadline(t) }

// SetWriteDeadline is the inner SetWriteDeadline, for delays too.
func (f *FaultyConn) SetWriteDeadline(t time.Time) error { return f.mem.SetWriteDeadline(t) }

// CloseRead is the inner CloseRead.
func (f *FaultyConn) CloseRead() error { return f.mem.CloseRead() }

// CloseWrite is the inner CloseWrite.
func (f *FaultyConn) CloseWrite() error { return f.mem.CloseWrite() }

// SetLinger is the inner SetLinger.
func (f *FaultyConn) SetLinger(sec int) error { return f.mem.SetLinger(sec) }

// Abort is the inner Abort. It ends delays.
func (f *FaultyConn) Abort() error { return f.mem.Abort() }
