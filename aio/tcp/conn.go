package tcp

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
)

var (
	kindIn  = aio.NewKind("tcp.conn.in")
	kindOut = aio.NewKind("tcp.conn.out")
)

// Conn is a connection: a net.Conn that belongs to a loop. It is either read by whoever calls Read (stream style) or
// has a Handler, to which the loop gives what arrives (handler style); SetHandler changes from one to the other. It can
// be written to in both. All methods may be called from any goroutine.
//
// A Conn is an operation: what is started with its Context is its child, and is cancelled when the connection is
// aborted. It ends when it is closed and nothing of it runs any more.
type Conn struct {
	op       aio.Op
	opts     *connOptions              // immutable
	x        atomic.Pointer[connExtra] // what most connections never need
	bytesIn  atomic.Int64              // read from the peer; on a TLS connection, decrypted
	bytesOut atomic.Int64              // handed to the kernel; on a TLS connection, encrypted
	refs     atomic.Int32              // one for being open, one for each goroutine or engine of the connection's
	in       bool                      // immutable: accepted
	slotted  bool                      // immutable: holds one of opts.slots
	bare     bareState

	mu      sync.Mutex // guards what follows
	state   connState
	shut    shutState
	eof     bool     // the peer has ended
	alerted bool     // TLS: the close_notify alert is queued or sent
	parting bool     // TLS: it is about to be closed, and the peer's answer to that is no event
	event   bool     // cond is a condition, of which somebody is to be told
	told    bool     // of cond no future needs to tell
	busy    bool     // a flusher or a Write has the stream
	writing bool     // a Write is under way
	calling bool     // a callback of the handler runs
	quit    bool     // the handler was given up; the engine is to leave the connection
	resting bool     // the handler's engine waits until it may read
	cond    error    // why the connection ended, once it did
	handler *Handler // nil in stream style
}

// connExtra is the state of a connection that most connections never need, so that an idle one is small. The fields are
// guarded by the connection's lock, but for those that are atomic.
type connExtra struct {
	t        transport // immutable; none if the connection is bare
	out      *outbox   // nil while nothing is queued
	tls      atomic.Pointer[tlsLayer]
	value    atomic.Value
	idle     idleTimes
	alarm    alarm.Alarm
	upgrade  *upgrade      // TLS that is to be begun, or is just beginning
	ahead    []byte        // read, and given to nobody yet
	readers  int           // Reads under way
	cut      int           // Reads are to end: a Chunks was cancelled
	rdl, wdl deadline      // of Read and Write
	linger   time.Time     // until when a connection that is done waits for its peer's end
	paused   chan struct{} // what the handler's goroutine waits on while it is not to read; set by parkEngine
	writable chan struct{} // closed when a bare socket may have room again; set by who waits for that
	promoted atomic.Pointer[promotion]
	local    net.Addr      // of a bare socket, once it was asked for, where opts has none
	remote   net.Addr      // of a bare socket, where bareState has no room for it
	left     chan struct{} // closed when a handler that was given up has left, or goes on; set by who waits for that
	done     chan struct{} // closed with the transport; set by who waits for that
	free     chan struct{} // closed when busy ends; set by who waits for that
	room     chan struct{} // closed when the queue is not full any more; set by who waits for that
	endErr   error         // what the operation ends with
	chunkErr error         // why the channel of Chunks was closed
}

// none is what peek returns for a connection without extra state. Nobody writes to it.
var none connExtra

// peek returns the connection's extra state to be read, and not to be kept.
func (c *Conn) peek() *connExtra {
	if x := c.x.Load(); x != nil {
		return x
	}
	return &none
}

// extra returns the connection's extra state, made now if need be.
func (c *Conn) extra() *connExtra {
	if x := c.x.Load(); x != nil {
		return x
	}
	x := new(connExtra)
	x.alarm.Init((*connAlarm)(c))
	if c.x.CompareAndSwap(nil, x) {
		return x
	}
	return c.x.Load()
}

// connState is how far a connection's end has come.
type connState uint8

const (
	connOpen     connState = iota
	connFlushing           // takes no more to send; closes when all is sent
	connLinger             // all is sent; waits for the peer's end so as not to reset what is under way
	connClosed             // the transport is closed
)

// shutState is how far the outgoing side's end has come.
type shutState uint8

const (
	shutNot   shutState = iota
	shutAsked           // takes no more to send; ends when all is sent
	shutDone
)

// ConnStats is a snapshot of a connection.
type ConnStats struct {
	BytesIn  int64         // read from the peer; on a TLS connection, decrypted
	BytesOut int64         // handed to the kernel; on a TLS connection, encrypted
	Buffered int           // waiting to be handed to the kernel
	Age      time.Duration // since the connection was established
}

// newConn makes a Conn of an established connection, as an operation under ctx's, whose own end does not touch it.
func newConn(ctx context.Context, nc net.Conn, in bool, opts *connOptions, slotted bool) (*Conn, error) {
	c := bareIf(nc, opts)
	if c == nil {
		c = &Conn{opts: opts}
		c.extra().t = newTransport(nc)
	}
	c.in, c.slotted = in, slotted
	if opts.tls != nil {
		c.extra().upgrade = &upgrade{cfg: opts.tls, server: true}
	}
	if err := c.begin(ctx); err != nil {
		c.transport().Close()
		return nil, err
	}
	return c, c.setTimeouts(opts.readTimeout, opts.writeTimeout) // fails if it was cancelled meanwhile
}

// bareIf makes a bare connection of nc if opts ask for that and it can be, else it returns nil.
func bareIf(nc net.Conn, opts *connOptions) *Conn {
	if opts.pollers == nil || opts.tls != nil {
		return nil
	}
	return bareOf(nc, opts)
}

// transport returns the byte stream beneath the connection.
func (c *Conn) transport() transport {
	if c.bare.is {
		return bareTransport(c)
	}
	return c.x.Load().t
}

// begin begins the connection's operation.
func (c *Conn) begin(ctx context.Context) error {
	c.refs.Store(1)
	kind := kindOut
	if c.in {
		kind = kindIn
	}
	c.op.AsLasting()
	if c.opts.background {
		c.op.AsBackground()
	}
	err := c.op.Start(ctx, kind, "", (*connDriver)(c))
	if err != nil {
		c.giveSlot()
	}
	return err
}

// giveSlot gives back the slot that the connection holds.
func (c *Conn) giveSlot() {
	if c.slotted {
		c.opts.slots.give()
	}
}

// connOptions is what Dialer, Listener and Server have in common. Those of one server are one.
type connOptions struct {
	readTimeout, writeTimeout time.Duration
	highWater                 int         // 0: DefaultHighWater
	tls                       *tls.Config // what a server begins with
	background                bool
	server                    *Server
	local                     net.Addr // of all connections: nil where that is not one
	pollers                   *pollers // of bare connections
	blocking                  blocking
	slots                     *slots // of those that are slotted; given back when the connection has ended
}

// mark returns the high-water mark.
func (o *connOptions) mark() int {
	if o.highWater > 0 {
		return o.highWater
	}
	return DefaultHighWater
}

// connDriver is a Conn as its operation's driver.
type connDriver Conn

// OpCancel aborts the connection.
func (d *connDriver) OpCancel(cause error) { (*Conn)(d).end(cause, true) }

// OpDrain has a connection of the handler style, if it was accepted, end once it is idle.
func (d *connDriver) OpDrain() {
	(*Conn)(d).wake()
	(*Conn)(d).setAlarm()
}

func (d *connDriver) OpIdle() {
	if c := (*Conn)(d); c.drained() {
		c.wake()
	}
}

func (d *connDriver) OpName() string { return (*Conn)(d).addr() }

// Context returns the connection's context. What is started with it is the connection's child: it is cancelled when the
// connection's operation is cancelled (by its parent, its server's Close, or the loop), and while it runs an accepted
// connection is not idle. The end of the connection itself, by Close or the peer, does not cancel it: see Done.
func (c *Conn) Context() context.Context { return c.op.Context() }

// LocalAddr returns the local address.
func (c *Conn) LocalAddr() net.Addr { return c.transport().LocalAddr() }

// RemoteAddr returns the peer's address.
func (c *Conn) RemoteAddr() net.Addr { return c.transport().RemoteAddr() }

// FD returns the connection's file descriptor (the socket handle on Windows), -1 if it has none. It is for tracking: it
// means another file once the connection is closed.
func (c *Conn) FD() int { return c.transport().fd() }

// Stats returns the connection's figures.
func (c *Conn) Stats() ConnStats {
	return ConnStats{c.bytesIn.Load(), c.bytesOut.Load(), c.Buffered(), c.op.Age()}
}

// Buffered returns the number of bytes that wait to be handed to the kernel.
func (c *Conn) Buffered() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queued()
}

// SetValue keeps a value of the user's with the connection.
func (c *Conn) SetValue(v any) { c.extra().value.Store(box{v}) }

// Value returns what SetValue kept, nil before.
func (c *Conn) Value() any {
	b, _ := c.peek().value.Load().(box)
	return b.v
}

// box lets an atomic.Value hold values of different types.
type box struct{ v any }

// Err returns the condition that ended the connection or, without one, why the channel of Chunks was closed. It is nil
// while the connection is open, and after Close and the peer's EOF.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cond == nil || c.cond == errByUser {
		return c.peek().chunkErr
	}
	return c.cond
}

// untold is the condition that ended the connection, nil if that was asked for.
func (c *Conn) untold() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.event {
		return nil
	}
	return c.cond
}

// addr is the address that conditions name.
func (c *Conn) addr() string {
	if a := c.transport().RemoteAddr(); a != nil {
		if s := a.String(); s != "" && s != "@" {
			return s
		}
	}
	if a := c.transport().LocalAddr(); a != nil { // a unix socket's client has no address
		return a.String()
	}
	return ""
}

// network is the network that conditions name.
func (c *Conn) network() string {
	if c.layer() != nil {
		return "tls"
	}
	if a := c.transport().RemoteAddr(); a != nil {
		return a.Network()
	}
	return "tcp"
}

// condition makes the condition of an error that op met. An EOF stays what it is.
func (c *Conn) condition(op string, err error) *aio.ConnError {
	return aio.NewConnError(op, c.network(), c.addr(), c.transport().fd(), err)
}

// failure is the error that op returns for err: the condition that ended the connection, if one did.
func (c *Conn) failure(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if cause := c.op.LoopCause(); cause != nil {
		c.end(cause, true) // which is about to happen anyway
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != connOpen {
		return c.closedLocked(op)
	}
	return c.condition(op, err)
}

// ended is the error that op returns on a connection that ended with cond.
func (c *Conn) ended(op string, cond error) error {
	if cond == errByUser {
		return c.condition(op, net.ErrClosed)
	}
	return c.condition(op, cond)
}

// retain counts a goroutine of the connection's. It reports false if the connection has ended.
func (c *Conn) retain() bool {
	for {
		n := c.refs.Load()
		if n == 0 {
			return false
		}
		if c.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// letGo uncounts a goroutine, or the connection's being open. The last one ends the operation.
func (c *Conn) letGo() {
	if c.refs.Add(-1) == 0 {
		x := c.peek()
		if x != &none {
			c.op.Alarms().Stop(&x.alarm)
		}
		c.giveSlot()
		c.op.End(x.endErr)
	}
}

// died sees to a goroutine of the connection's that panicked or called runtime.Goexit. A panic has been told of, Goexit is
// told of by the operation's end.
func (c *Conn) died(err error) {
	if errors.Is(err, aio.ErrGoexit) {
		c.mu.Lock()
		c.extra().endErr = err
		c.mu.Unlock()
	}
	c.end(err, true)
}

// run runs fn in a goroutine of the connection's. A panic or Goexit in it ends the connection. It reports false, and does
// nothing, if the connection has ended.
func (c *Conn) run(fn func()) bool { return c.runElse(fn, func() {}) }

// runElse is run with something to do after a panic or Goexit in fn has ended the connection.
func (c *Conn) runElse(fn, gone func()) bool {
	if !c.retain() {
		return false
	}
	c.op.Go(func() {
		fn()
		c.letGo()
	}, func(err error) {
		c.died(err)
		gone()
		c.letGo()
	})
	return true
}
