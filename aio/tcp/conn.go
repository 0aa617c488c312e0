package tcp

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
	"goaio.example/aio/internal/bell"
)

var (
	kindIn  = aio.NewKind("tcp.conn.in")
	kindOut = aio.NewKind("tcp.conn.out")
)

// A Conn is a connection: a net.Conn that belongs to a loop. It is either read
// by calls of Read (stream style) or has a Handler that the loop calls with
// arriving data (handler style); SetHandler changes from one to the other. It
// can be written to in both. All methods are safe for concurrent use.
//
// A Conn is an operation: operations that are started with its Context are its
// children, and are cancelled when the connection is aborted. A Conn ends when
// it is closed and its last callback and goroutine have returned.
type Conn struct {
	op   aio.Op
	opts *connOptions              // immutable
	x    atomic.Pointer[connExtra] // state that most connections never need
	// nil until the connection has a timeout or an alarm
	times atomic.Pointer[connTimes]
	value atomic.Pointer[any] // set by SetValue
	// read from the peer; on a TLS connection, decrypted
	bytesIn atomic.Int64
	// handed to the kernel; on a TLS connection, encrypted
	bytesOut atomic.Int64
	refs     atomic.Int32 // see retain
	origin   origin       // immutable
	bare     bareState

	mu   sync.Mutex // guards the fields below
	life lifetime
	out  outbound
	in   inbound
}

// origin says where a connection comes from.
type origin uint8

const (
	dialed         origin = iota
	accepted              // and not counted
	acceptedInSlot        // and holds one of opts.slots
)

// accepted reports whether the connection was accepted.
func (c *Conn) accepted() bool { return c.origin != dialed }

// connExtra is the state that most connections never need, kept apart so that
// an idle connection is small. The connection's lock guards it, except the
// atomic fields.
type connExtra struct {
	t     transport // immutable; nil if the connection is bare
	queue *outbox   // nil while nothing is queued
	// when the data of a corked connection is sent at the latest
	gather  time.Time
	tls     atomic.Pointer[tlsLayer]
	upgrade *upgrade // TLS that has not begun, or is just beginning
	reads   reads
	frames  frames
	wdl     deadline // of Write
	hangUp  hangUp
	// until when a finished connection waits for its peer's end
	linger   time.Time
	promoted atomic.Pointer[promotion]
	local    net.Addr  // of a bare socket, once asked for, if opts has none
	remote   net.Addr  // of a bare socket, if bareState has no room for it
	resumed  bell.Bell // rung for a parkEngine that rests
	left     bell.Bell // rung when a handler is set, continues or has left
	free     bell.Bell // rung when the stream is free, or may be
	room     bell.Bell // rung when the queue has room again
	writable bell.Bell // rung when a bare socket may have room again
	// closed with the transport; nil until it is asked for
	done chan struct{}
	// the condition that ended the connection, or sending, or the cause of its
	// cancellation
	cause  error
	endErr error // error of the operation
}

// none is the result of peek for a connection without extra state. It is never
// written to.
var none connExtra

// peek returns the connection's extra state for reading. The caller must not
// keep it.
func (c *Conn) peek() *connExtra {
	if x := c.x.Load(); x != nil {
		return x
	}
	return &none
}

// extra returns the connection's extra state, which the first call makes.
func (c *Conn) extra() *connExtra {
	if x := c.x.Load(); x != nil {
		return x
	}
	x := new(connExtra)
	if c.x.CompareAndSwap(nil, x) {
		return x
	}
	return c.x.Load()
}

// connTimes holds the idle timeouts of a connection, and its alarm.
type connTimes struct {
	idle  idleTimes
	alarm alarm.Alarm
}

// timeless is the result of peekTimes for a connection without times. It is
// never written to.
var timeless connTimes

// peekTimes returns the connection's times for reading. The caller must not
// keep them.
func (c *Conn) peekTimes() *connTimes {
	if t := c.times.Load(); t != nil {
		return t
	}
	return &timeless
}

// makeTimes returns the connection's times, which the first call makes.
func (c *Conn) makeTimes() *connTimes {
	if t := c.times.Load(); t != nil {
		return t
	}
	t := new(connTimes)
	t.alarm.Init((*connAlarm)(c))
	if c.times.CompareAndSwap(nil, t) {
		return t
	}
	return c.times.Load()
}

// ConnStats is a snapshot of a connection.
type ConnStats struct {
	BytesIn int64 // read from the peer; on a TLS connection, decrypted
	// handed to the kernel; on a TLS connection, encrypted
	BytesOut int64
	Buffered int           // waiting to be handed to the kernel
	Age      time.Duration // since the connection was established
}

// newConn makes a Conn of an established connection, as an operation under
// ctx's. The end of ctx itself does not affect it.
func newConn(ctx context.Context, nc net.Conn, from origin, opts *connOptions) (*Conn, error) {
	c := bareIf(nc, opts)
	if c == nil {
		c = &Conn{opts: opts}
		c.extra().t = newTransport(nc)
	}
	c.origin = from
	return c, c.begin(ctx)
}

// bareIf makes a bare connection of nc if opts ask for one and it is possible.
// Otherwise it returns nil.
func bareIf(nc net.Conn, opts *connOptions) *Conn {
	if opts.pollers == nil || opts.tls != nil {
		return nil
	}
	return bareOf(nc, opts)
}

// begin begins the connection's operation. It fails, and closes the transport,
// if there is no loop, or if the operation is cancelled meanwhile.
func (c *Conn) begin(ctx context.Context) error {
	if c.opts.tls != nil {
		c.extra().upgrade = &upgrade{cfg: c.opts.tls, server: true}
	}
	if c.opts.drainReads {
		c.in.marks |= markDrains
	}
	c.life.stage = stageOpen // unless a handler must be opened
	c.refs.Store(1)
	kind := kindOut
	if c.accepted() {
		kind = kindIn
		c.op.AsServed()
	}
	c.op.AsLasting()
	if c.opts.background {
		c.op.AsBackground()
	}
	if err := c.op.Start(ctx, kind, "", (*connDriver)(c)); err != nil {
		c.giveSlot()
		c.transport().Close()
		return err
	}
	// fails if it was cancelled meanwhile
	return c.setTimeouts(c.opts.readTimeout, c.opts.writeTimeout)
}

// open starts handler style on a new connection. data is sent before anything
// that the handler sends. It fails if the connection has ended already.
func (c *Conn) open(h *Handler, data []byte) error {
	c.mu.Lock()
	if !c.life.open() {
		defer c.mu.Unlock()
		return c.endError("open")
	}
	c.retain()
	defer c.letGo()
	c.life.stage = stageOpening
	c.setHandler(h)
	if len(data) > 0 {
		c.mu.Unlock()
		// an error ends the connection, and the handler is called with it
		c.Send(data)
		c.mu.Lock()
	}
	c.engine().start(c)
	if c.accepted() && c.drained() {
		c.setAlarmLocked() // the end of its youth
	}
	c.mu.Unlock()
	return nil
}

// transport returns the byte stream that carries the connection.
func (c *Conn) transport() transport {
	if x := c.x.Load(); x != nil && x.t != nil {
		return x.t
	}
	return bareTransport(c)
}

// giveSlot returns the connection's slot.
func (c *Conn) giveSlot() {
	if c.origin == acceptedInSlot {
		c.opts.slots.give()
	}
}

// connOptions holds what Dialer, Listener and Server have in common. The
// connections of a server share one.
type connOptions struct {
	readTimeout, writeTimeout time.Duration
	highWater                 int         // 0: DefaultHighWater
	tls                       *tls.Config // TLS of a server from the start
	// of a handshake; 0: handshakeTime, negative: none
	tlsTimeout time.Duration
	background bool
	drainReads bool // initial value of DrainReads
	server     *Server
	// of all connections: nil if they do not have the same
	local    net.Addr
	pollers  *pollers // of bare connections
	blocking blocking
	// of acceptedInSlot; returned when the connection has ended
	slots *slots
}

// mark returns the high-water mark.
func (o *connOptions) mark() int {
	if o.highWater > 0 {
		return o.highWater
	}
	return DefaultHighWater
}

// connDriver is the driver of a Conn's operation.
type connDriver Conn

var (
	_ aio.Drainer = (*connDriver)(nil)
	_ aio.Idler   = (*connDriver)(nil)
	_ aio.Namer   = (*connDriver)(nil)
	_ aio.Meter   = (*connDriver)(nil)
)

// OpCancel aborts the connection.
func (d *connDriver) OpCancel(cause error) { (*Conn)(d).endForced(cause) }

// OpDrain makes an accepted connection in handler style end once it is idle,
// and makes Reads stop waiting if DrainReads was set.
func (d *connDriver) OpDrain() { (*Conn)(d).lookAtDrain() }

func (d *connDriver) OpIdle() {
	if c := (*Conn)(d); c.drained() {
		c.wake()
	}
}

func (d *connDriver) OpName() string { return (*Conn)(d).addr() }

func (d *connDriver) OpBytes() (in, out int64) { return d.bytesIn.Load(), d.bytesOut.Load() }

// Context returns the connection's context. Operations that are started with it
// are the connection's children: they are cancelled when the connection's
// operation is cancelled (by its parent, its server's Close, or the loop), and
// an accepted connection is not idle while they run. The end of the connection
// itself, by Close or the peer, does not cancel them: see Done.
func (c *Conn) Context() context.Context { return c.op.Context() }

// LocalAddr returns the local address.
func (c *Conn) LocalAddr() net.Addr { return c.transport().LocalAddr() }

// RemoteAddr returns the peer's address.
func (c *Conn) RemoteAddr() net.Addr { return c.transport().RemoteAddr() }

// FD returns the connection's file descriptor (the socket handle on Windows),
// -1 if it has none. Use it only for tracking: after the connection is closed
// it may refer to another file.
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

// SetValue stores a value of the user's with the connection.
func (c *Conn) SetValue(v any) { c.value.Store(&v) }

// Value returns the value stored by SetValue, nil if there is none.
func (c *Conn) Value() any {
	if v := c.value.Load(); v != nil {
		return *v
	}
	return nil
}

// addr returns the address for conditions.
func (c *Conn) addr() string {
	if a := c.transport().RemoteAddr(); a != nil {
		if s := a.String(); s != "" && s != "@" {
			return s
		}
	}
	// the client of a unix socket has no address
	if a := c.transport().LocalAddr(); a != nil {
		return a.String()
	}
	return ""
}

// network returns the network for conditions.
func (c *Conn) network() string {
	if c.layer() != nil {
		return "tls"
	}
	if a := c.transport().RemoteAddr(); a != nil {
		return a.Network()
	}
	return "tcp"
}
