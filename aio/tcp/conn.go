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

// Conn is a connection: a net.Conn that belongs to a loop. It is either read by
// calls of Read (stream style) or has a Handler, to which the loop gives what
// arrives (handler style); SetHandler changes from one to the other. It can be
// written to in both. All methods may be called from any goroutine.
//
// A Conn is an operation: what is started with its Context is its child, and is
// cancelled when the connection is aborted. It ends when it is closed and its
// last callback and goroutine have returned.
type Conn struct {
	op       aio.Op
	opts     *connOptions              // immutable
	x        atomic.Pointer[connExtra] // what most connections never need
	times    atomic.Pointer[connTimes] // nil before the connection has a timeout or an alarm
	value    atomic.Pointer[any]       // what SetValue keeps
	bytesIn  atomic.Int64              // read from the peer; on a TLS connection, decrypted
	bytesOut atomic.Int64              // handed to the kernel; on a TLS connection, encrypted
	refs     atomic.Int32              // see retain
	origin   origin                    // immutable
	bare     bareState

	mu   sync.Mutex // guards what follows
	life lifetime
	out  outbound
	in   inbound
}

// origin is where a connection comes from.
type origin uint8

const (
	dialed         origin = iota
	accepted              // and not counted
	acceptedInSlot        // and holds one of opts.slots
)

// accepted reports whether the connection was accepted.
func (c *Conn) accepted() bool { return c.origin != dialed }

// connExtra is the state of a connection that most connections never need, so
// that an idle one is small. The connection's lock guards it, except what is
// atomic.
type connExtra struct {
	t        transport // immutable; nil if the connection is bare
	queue    *outbox   // nil while nothing is queued
	gather   time.Time // when what a corked connection has gathered is sent at last
	tls      atomic.Pointer[tlsLayer]
	upgrade  *upgrade // TLS that is to be begun, or is just beginning
	reads    reads
	frames   frames
	wdl      deadline // of Write
	hangUp   hangUp
	linger   time.Time // until when a connection that is done waits for its peer's end
	promoted atomic.Pointer[promotion]
	local    net.Addr      // of a bare socket, once it was asked for, where opts has none
	remote   net.Addr      // of a bare socket, where bareState has no room for it
	resumed  bell.Bell     // rung for a parkEngine that rests
	left     bell.Bell     // rung when a handler comes, goes on or has left
	free     bell.Bell     // rung when the stream is free, or may be
	room     bell.Bell     // rung when the queue has room again
	writable bell.Bell     // rung when a bare socket may have room again
	done     chan struct{} // closed with the transport; set by who waits for that
	cause    error         // the condition that has ended the connection, or sending, or what it was cancelled with
	endErr   error         // what the operation ends with
}

// none is what peek returns for a connection without extra state. It is only
// read.
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

// timeless is what peekTimes returns for a connection without times. It is only
// read.
var timeless connTimes

// peekTimes returns the connection's times to be read, and not to be kept.
func (c *Conn) peekTimes() *connTimes {
	if t := c.times.Load(); t != nil {
		return t
	}
	return &timeless
}

// makeTimes returns the connection's times, made now if need be.
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
	BytesIn  int64         // read from the peer; on a TLS connection, decrypted
	BytesOut int64         // handed to the kernel; on a TLS connection, encrypted
	Buffered int           // waiting to be handed to the kernel
	Age      time.Duration // since the connection was established
}

// newConn makes a Conn of an established connection, as an operation under
// ctx's, whose own end does not touch it.
func newConn(ctx context.Context, nc net.Conn, from origin, opts *connOptions) (*Conn, error) {
	c := bareIf(nc, opts)
	if c == nil {
		c = &Conn{opts: opts}
		c.extra().t = newTransport(nc)
	}
	c.origin = from
	return c, c.begin(ctx)
}

// bareIf makes a bare connection of nc if opts ask for that and it can be, else
// it returns nil.
func bareIf(nc net.Conn, opts *connOptions) *Conn {
	if opts.pollers == nil || opts.tls != nil {
		return nil
	}
	return bareOf(nc, opts)
}

// begin begins the connection's operation. It fails, and closes the transport,
// if there is no loop, or it is cancelled meanwhile.
func (c *Conn) begin(ctx context.Context) error {
	if c.opts.tls != nil {
		c.extra().upgrade = &upgrade{cfg: c.opts.tls, server: true}
	}
	if c.opts.drainReads {
		c.in.marks |= markDrains
	}
	c.life.stage = stageOpen // unless a handler is to be opened
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
	return c.setTimeouts(c.opts.readTimeout, c.opts.writeTimeout) // fails if it was cancelled meanwhile
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
		c.Send(data) // an error ends the connection, and the handler will be told
		c.mu.Lock()
	}
	c.engine().start(c)
	if c.accepted() && c.drained() {
		c.setAlarmLocked() // the end of its youth
	}
	c.mu.Unlock()
	return nil
}

// transport returns the byte stream beneath the connection.
func (c *Conn) transport() transport {
	if x := c.x.Load(); x != nil && x.t != nil {
		return x.t
	}
	return bareTransport(c)
}

// giveSlot gives back the slot that the connection holds.
func (c *Conn) giveSlot() {
	if c.origin == acceptedInSlot {
		c.opts.slots.give()
	}
}

// connOptions is what Dialer, Listener and Server have in common. Those of one
// server are one.
type connOptions struct {
	readTimeout, writeTimeout time.Duration
	highWater                 int           // 0: DefaultHighWater
	tls                       *tls.Config   // what a server begins with
	tlsTimeout                time.Duration // of a handshake; 0: handshakeTime, negative: none
	background                bool
	drainReads                bool // what DrainReads begins with
	server                    *Server
	local                     net.Addr // of all connections: nil where that is not one
	pollers                   *pollers // of bare connections
	blocking                  blocking
	slots                     *slots // of acceptedInSlot; given back when the connection has ended
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

var (
	_ aio.Drainer = (*connDriver)(nil)
	_ aio.Idler   = (*connDriver)(nil)
	_ aio.Namer   = (*connDriver)(nil)
	_ aio.Meter   = (*connDriver)(nil)
)

// OpCancel aborts the connection.
func (d *connDriver) OpCancel(cause error) { (*Conn)(d).endForced(cause) }

// OpDrain has a connection of the handler style, if it was accepted, end once
// it is idle, and Reads wait no more if that was asked for.
func (d *connDriver) OpDrain() { (*Conn)(d).lookAtDrain() }

func (d *connDriver) OpIdle() {
	if c := (*Conn)(d); c.drained() {
		c.wake()
	}
}

func (d *connDriver) OpName() string { return (*Conn)(d).addr() }

func (d *connDriver) OpBytes() (in, out int64) { return d.bytesIn.Load(), d.bytesOut.Load() }

// Context returns the connection's context. What is started with it is the
// connection's child: it is cancelled when the connection's operation is
// cancelled (by its parent, its server's Close, or the loop), and while it runs
// an accepted connection is not idle. The end of the connection itself, by
// Close or the peer, does not cancel it: see Done.
func (c *Conn) Context() context.Context { return c.op.Context() }

// LocalAddr returns the local address.
func (c *Conn) LocalAddr() net.Addr { return c.transport().LocalAddr() }

// RemoteAddr returns the peer's address.
func (c *Conn) RemoteAddr() net.Addr { return c.transport().RemoteAddr() }

// FD returns the connection's file descriptor (the socket handle on Windows),
// -1 if it has none. It is for tracking: it means another file once the
// connection is closed.
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
func (c *Conn) SetValue(v any) { c.value.Store(&v) }

// Value returns what SetValue kept, nil before.
func (c *Conn) Value() any {
	if v := c.value.Load(); v != nil {
		return *v
	}
	return nil
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
