package tcp

import (
	"context"
	"net"
	"sync"
	"time"

	"goaio.example/aio"
)

var kindListener = aio.NewKind("tcp.listener")

// Listener accepts connections in stream style. It is a net.Listener, and an
// operation of its loop, which it holds open. When the loop drains, what the
// kernel had queued is still accepted; then Accept fails with ErrClosed.
type Listener struct {
	op        aio.Op
	listening listening
	ctx       context.Context
	opts      connOptions
	gone      chan struct{} // closed when what is not accepted by now will not be
	drop      sync.Once     // closes gone
	conns     chan *Conn    // of Conns
	begin     sync.Once
}

// Listen listens on addr: "HOST:PORT", ":PORT" for all addresses, or
// "unix:PATH". The loop's end, Close, and the cancelling of ctx's operation
// close it. The error, an *aio.ConnError, ErrNoLoop or ErrLoopDone, comes at
// once.
func Listen(ctx context.Context, addr string) (*Listener, error) {
	return new(ListenConfig).Listen(ctx, addr)
}

// NewListener makes a Listener of another one: an in-memory one, say, or one
// that the program was started with. It takes ln over, and closes it on error.
func NewListener(ctx context.Context, ln net.Listener) (*Listener, error) {
	return newListener(ctx, ln, false)
}

func newListener(ctx context.Context, ln net.Listener, shares bool) (*Listener, error) {
	l := &Listener{ctx: ctx, gone: make(chan struct{})}
	l.listening.init(ln, shares)
	if err := l.op.Start(ctx, kindListener, "", (*listenerDriver)(l)); err != nil {
		l.listening.stop(false)
		return nil, err
	}
	if stopAtOnce(&l.op) {
		l.close(true)
	}
	return l, nil
}

// listen makes the socket.
func listen(ctx context.Context, addr string, reuse bool) (net.Listener, error) {
	if aio.LoopOf(ctx) == nil {
		return nil, aio.ErrNoLoop
	}
	network, rest := splitNetwork(addr)
	if ctx.Err() != nil {
		op, err := aio.Begin(ctx, kindListener, "") // the loop may be done
		if err != nil {
			return nil, err
		}
		op.End(nil)
		return nil, aio.NewConnError("listen", network, rest, -1, context.Cause(ctx))
	}
	lc, err := netConfig(network, reuse)
	if err != nil {
		return nil, aio.NewConnError("listen", network, rest, -1, err)
	}
	ln, err := lc.Listen(ctx, network, rest)
	if err != nil {
		return nil, aio.NewConnError("listen", network, rest, -1, err)
	}
	return ln, nil
}

// listenerDriver is a Listener as its operation's driver.
type listenerDriver Listener

var _ aio.Drainer = (*listenerDriver)(nil)

func (d *listenerDriver) OpCancel(error) { (*Listener)(d).close(false) }
func (d *listenerDriver) OpDrain()       { (*Listener)(d).leave() }
func (d *listenerDriver) OpName() string { return "listen " + d.listening.ln.Addr().String() }

// Addr returns the address that the listener listens on.
func (l *Listener) Addr() net.Addr { return l.listening.ln.Addr() }

// failure is the error of an operation on the listener.
func (l *Listener) failure(op string, err error) error {
	return aio.NewConnError(op, l.Addr().Network(), l.Addr().String(), -1, err)
}

// Accept waits for a connection and returns it, a *Conn. Its errors are
// *aio.ConnErrors; after Close it is ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.AcceptConn()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// AcceptConn is Accept with a *Conn.
func (l *Listener) AcceptConn() (*Conn, error) {
	nc, err := l.acceptRaw()
	if err != nil {
		return nil, l.failure("accept", err)
	}
	c, err := newConn(l.ctx, nc, accepted, &l.opts)
	l.servedQueue()
	return c, err
}

// servedQueue ends the operation of a listener that has stopped once all that
// was queued has been accepted.
func (l *Listener) servedQueue() {
	if l.listening.stopped.Err() != nil {
		l.close(true)
	}
}

// acceptRaw accepts a connection, from what was left in the kernel's queue when
// the listener has been stopped.
func (l *Listener) acceptRaw() (net.Conn, error) {
	nc, err := l.listening.ln.Accept()
	if err == nil || l.listening.stopped.Err() == nil {
		return nc, err
	}
	if nc = l.listening.next(); nc == nil {
		return nil, net.ErrClosed
	}
	return nc, nil
}

// Conns returns a channel of the connections that come, for select: the same
// one for each call. It has no room, so that connections wait in the kernel
// until they are received. It is closed when the listener is. Errors of
// accepting are events of the listener's operation, and are retried after a
// pause. Accept must not be used beside it.
func (l *Listener) Conns() <-chan *Conn {
	l.begin.Do(func() {
		l.conns = make(chan *Conn)
		a := &acceptor{ln: l.listening.ln, accept: l.acceptRaw, stop: l.listening.stopped.Done(), report: l.op.Report}
		err := child(l.ctx, kindAccept, "accept "+l.Addr().String(), func(ctx context.Context) {
			defer close(l.conns)
			a.run(ctx, func(nc net.Conn) { l.give(ctx, nc) })
		})
		if err != nil { // the loop is done
			close(l.conns)
		}
	})
	return l.conns
}

// give hands a connection to the receiver of Conns, or closes it if that has
// ended.
func (l *Listener) give(ctx context.Context, nc net.Conn) {
	c, err := newConn(l.ctx, nc, accepted, &l.opts)
	l.servedQueue()
	if err != nil {
		return
	}
	select {
	case l.conns <- c:
	case <-l.gone:
		c.Close()
	case <-ctx.Done():
		c.Close()
	}
}

// Close closes the listener. Connections it has accepted stay as they are;
// those that were not accepted are refused. It fails with ErrClosed if the
// listener is closed already.
func (l *Listener) Close() error {
	if !l.close(false) {
		return l.failure("close", net.ErrClosed)
	}
	return nil
}

// leave has the listener accept what is on its way to it, and close.
func (l *Listener) leave() {
	l.listening.leave(&l.op, func() { l.close(true) })
}

// close closes the listener, after taking what the kernel has queued if serve
// is set; its operation then ends when that has been accepted. It reports false
// if it was closed.
func (l *Listener) close(serve bool) (first bool) {
	first = l.listening.stop(serve)
	if !serve {
		l.drop.Do(func() { close(l.gone) })
		l.listening.refuse()
	}
	if l.listening.empty() {
		l.op.End(nil)
	}
	return first
}

// maxBacklog bounds what is taken from the kernel's queue when accepting stops.
// Linux's own bound is net.core.somaxconn, 4,096 by default.
const maxBacklog = 4096

// backlogTime bounds the taking of the queue of a listener that is no socket of
// the system's.
const backlogTime = time.Millisecond
