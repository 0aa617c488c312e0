package tcp

import (
	"context"
	"net"
	"sync"
	"time"

	"goaio.example/aio"
)

var kindListener = aio.NewKind("tcp.listener")

// A Listener accepts connections in stream style. It is a net.Listener, and an
// operation of its loop, which it holds open. When the loop drains, Accept
// still returns the connections that the kernel had queued, and then fails with
// ErrClosed.
type Listener struct {
	op        aio.Op
	listening listening
	ctx       context.Context
	opts      connOptions
	// closed when connections not accepted by now never will be
	gone  chan struct{}
	drop  sync.Once  // closes gone
	conns chan *Conn // of Conns
	begin sync.Once
}

// Listen listens on addr: "HOST:PORT", ":PORT" for all addresses, or
// "unix:PATH". The loop's end, Close, and cancelling ctx's operation close the
// listener. The error is an *aio.ConnError, ErrNoLoop or ErrLoopDone.
func Listen(ctx context.Context, addr string) (*Listener, error) {
	return new(ListenConfig).Listen(ctx, addr)
}

// NewListener makes a Listener from another one: for example, from an in-memory
// one, or one that the program was started with. It takes ln over, and closes
// it on error.
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

// listenerDriver is the driver of a Listener's operation.
type listenerDriver Listener

var _ aio.Drainer = (*listenerDriver)(nil)

func (d *listenerDriver) OpCancel(error) { (*Listener)(d).close(false) }
func (d *listenerDriver) OpDrain()       { (*Listener)(d).leave() }
func (d *listenerDriver) OpName() string { return "listen " + d.listening.ln.Addr().String() }

// Addr returns the address that the listener listens on.
func (l *Listener) Addr() net.Addr { return l.listening.ln.Addr() }

// failure returns the error of an operation on the listener.
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

// AcceptConn is like Accept, but returns a *Conn.
func (l *Listener) AcceptConn() (*Conn, error) {
	nc, err := l.acceptRaw()
	if err != nil {
		return nil, l.failure("accept", err)
	}
	c, err := newConn(l.ctx, nc, accepted, &l.opts)
	l.servedQueue()
	return c, err
}

// servedQueue ends the operation of a stopped listener once all queued
// connections have been accepted.
func (l *Listener) servedQueue() {
	if l.listening.stopped.Err() != nil {
		l.close(true)
	}
}

// acceptRaw accepts a connection. After the listener was stopped, it accepts
// those that were left in the kernel's queue.
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

// Conns returns a channel of accepted connections, for select: the same one for
// each call. It is unbuffered, so connections wait in the kernel until they are
// received. It is closed when the listener is. Errors of accepting are events
// of the listener's operation, and are retried after a pause. Accept must not
// be used at the same time.
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

// give passes a connection to the receiver of Conns, or closes it if the
// listener has ended.
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

// Close closes the listener. Accepted connections go on; those that were not
// accepted are refused. It fails with ErrClosed if the listener is closed
// already.
func (l *Listener) Close() error {
	if !l.close(false) {
		return l.failure("close", net.ErrClosed)
	}
	return nil
}

// leave makes the listener accept the connections on their way to it, and
// close.
func (l *Listener) leave() {
	l.listening.leave(&l.op, func() { l.close(true) })
}

// close closes the listener. If serve is set, it first takes the connections
// that the kernel has queued; the listener's operation then ends when they have
// been accepted. It reports false if the listener was closed.
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

// maxBacklog bounds the connections taken from the kernel's queue when
// accepting stops. Linux's own bound is net.core.somaxconn, 4,096 by default.
const maxBacklog = 4096

// backlogTime bounds the time for taking the queue of a listener that is not a
// system socket.
const backlogTime = time.Millisecond
