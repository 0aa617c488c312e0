package tcp

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/stack"
)

// A Dialer makes outgoing connections. The zero Dialer is ready to use, with
// the defaults given at its fields. It is safe for concurrent use, and must not
// be changed while it is in use.
type Dialer struct {
	// Timeout bounds a whole dial: lookup, connecting, TLS handshake. 0 means
	// 30 s; negative: only ctx bounds it.
	Timeout time.Duration
	// ReadTimeout and WriteTimeout are the connection's idle timeouts (see
	// Conn.SetTimeouts). 0 means none.
	ReadTimeout, WriteTimeout time.Duration
	// Resolver looks up names; nil means dnsx.DefaultResolver. Lookups by a
	// *dnsx.Resolver are operations.
	Resolver Resolver
	// LocalAddr is the address to dial from, a *net.TCPAddr or *net.UnixAddr;
	// nil means any.
	LocalAddr net.Addr
	// KeepAlive is the time before the first TCP keep-alive probe and between
	// two; a peer that answers none of nine is gone. It counts in seconds,
	// rounded up. 0 means 15 s; negative: no probes.
	KeepAlive time.Duration
	// AttemptDelay is how long to wait for an attempt to connect to one of a
	// name's addresses before the next attempt starts concurrently (RFC 8305,
	// Connection Attempt Delay). 0 means 250 ms; negative: one address after
	// the other.
	AttemptDelay time.Duration
	// TLS makes a TLS connection, with this configuration; if it has no
	// ServerName, that is taken from the address. nil means a plain connection.
	// The handshake may take TLSTimeout, within Timeout. A connection in handler
	// style fails if its peer renegotiates, whatever Renegotiation says.
	TLS *tls.Config
	// TLSTimeout bounds a TLS handshake, including one by Conn.StartTLS on the
	// connection. 0 means 10 s; negative: no bound.
	TLSTimeout time.Duration
	// HighWater is the connection's high-water mark for Send, in bytes. 0 means
	// 1 MiB.
	HighWater int
	// Background makes dials and connections that do not hold the loop open:
	// for a pool, whose users hold it open. They continue when the loop drains,
	// and are aborted once it is empty.
	Background bool
	// Control is called with each new socket before it connects, like
	// net.Dialer's ControlContext. nil means no call.
	Control func(ctx context.Context, network, address string, c syscall.RawConn) error
	// DialContext, if set, connects to addr instead of the system: through an
	// in-memory network or a proxy, for example. No name is looked up then.
	// Timeout, TLS and all other fields still apply.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
}

// dialing is a dial in progress.
type dialing struct {
	aio.Promise[*Conn]
	addr string
	conn atomic.Pointer[Conn] // the connection that it is about to resolve with
}

var kindDial = aio.NewKind("tcp.dial")

// OpCancel closes a connection that comes too late. Until there is one, the
// dialing goroutine sees the end of its context.
func (p *dialing) OpCancel(cause error) {
	if c := p.conn.Load(); c != nil {
		c.end(endingForced, cause, false)
	}
}
func (p *dialing) OpName() string { return "dial " + p.addr }

// startDial runs dial as an operation.
func (d *Dialer) startDial(ctx context.Context, addr string, dial func(p *dialing) (*Conn, error)) *aio.Future[*Conn] {
	p := &dialing{addr: addr}
	if d.Background {
		p.Op().AsBackground()
	}
	if p.Start(ctx, kindDial, "", p) != nil {
		return p.Future()
	}
	p.Op().Go(func() {
		stack.To8K() // package net needs it
		if c, err := dial(p); err != nil {
			p.Reject(err)
		} else {
			p.Resolve(c) // if it was cancelled just before, OpCancel closes c
		}
	}, func(err error) { p.Reject(err) })
	return p.Future()
}

// Dial connects to addr, "HOST:PORT" or "unix:PATH", with a zero Dialer.
func Dial(ctx context.Context, addr string) *aio.Future[*Conn] { return new(Dialer).Dial(ctx, addr) }

// Dial connects to addr: "HOST:PORT", where HOST is a name or an IP literal, or
// "unix:PATH". The prefixes "tcp4:" and "tcp6:" select one family. Names are
// looked up for both families, and their addresses tried as RFC 8305 (Happy
// Eyeballs) says. The connection belongs to the operation of ctx; once the
// future has resolved, the end of ctx itself no longer affects it. The error is
// an *aio.ConnError that names every address tried, or ErrNoLoop or
// ErrLoopDone.
func (d *Dialer) Dial(ctx context.Context, addr string) *aio.Future[*Conn] {
	return d.startDial(ctx, addr, func(p *dialing) (*Conn, error) { return d.dial(ctx, p, nil) })
}

// dial connects for the operation p, and makes the connection a child of
// outer's operation. With pollers it is bare if possible.
func (d *Dialer) dial(outer context.Context, p *dialing, ps *pollers) (*Conn, error) {
	c, err := d.dialWithin(outer, p.Context(), p.addr, ps)
	if err != nil {
		return nil, err
	}
	p.conn.Store(c)
	if ctx := p.Context(); ctx.Err() != nil {
		cond := c.condition("dial", context.Cause(ctx))
		c.end(endingForced, cond, false)
		return nil, cond
	}
	return c, nil
}

// dialWithin connects within ctx.
func (d *Dialer) dialWithin(outer, ctx context.Context, addr string, ps *pollers) (*Conn, error) {
	if t := orDefault(d.Timeout, 30*time.Second); t > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t)
		defer cancel()
	}
	network, rest := splitNetwork(addr)
	if err := ctx.Err(); err != nil {
		return nil, aio.NewConnError("dial", network, rest, -1, context.Cause(ctx))
	}
	nc, err := d.connect(ctx, network, rest)
	if err != nil {
		if cause := endOf(ctx); cause != nil && !errors.Is(err, cause) {
			err = cause // instead of package net's error for it
		}
		return nil, aio.NewConnError("dial", network, rest, -1, err)
	}
	opts := &connOptions{readTimeout: d.ReadTimeout, writeTimeout: d.WriteTimeout, highWater: d.HighWater, tlsTimeout: d.TLSTimeout, background: d.Background, pollers: ps, local: nc.LocalAddr()}
	c, err := newConn(outer, nc, dialed, opts)
	if err != nil {
		return nil, err
	}
	if d.TLS == nil {
		return c, nil
	}
	return d.secure(ctx, c, rest)
}

// endOf returns the cause of ctx's end, or nil if ctx goes on. Package net
// returns at a ctx's deadline by a separate timer, which may fire a moment
// earlier than that of ctx: endOf waits for ctx then.
func endOf(ctx context.Context) error {
	if at, ok := ctx.Deadline(); ok && !time.Now().Before(at) {
		select {
		case <-ctx.Done():
		case <-time.After(time.Second): // ctx does not keep its deadline
		}
	}
	return context.Cause(ctx)
}

// secure makes the TLS handshake of a new connection.
func (d *Dialer) secure(ctx context.Context, c *Conn, addr string) (*Conn, error) {
	cfg := d.TLS
	if cfg.ServerName == "" && !cfg.InsecureSkipVerify {
		cfg = cfg.Clone()
		cfg.ServerName = addr
		if host, _, err := net.SplitHostPort(addr); err == nil {
			cfg.ServerName = host
		}
	}
	stop := context.AfterFunc(ctx, func() { c.endForced(c.condition("tls", context.Cause(ctx))) })
	defer stop()
	l, err := c.handshake(&upgrade{cfg: cfg})
	if err != nil {
		err = c.failure("tls", err)
		c.endForced(err)
		return nil, err
	}
	c.extra().tls.Store(l)
	if !stop() {
		return nil, c.failure("tls", context.Cause(ctx))
	}
	return c, nil
}

// connect makes the connection that carries the transport.
func (d *Dialer) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	if d.DialContext != nil {
		nc, err := d.DialContext(ctx, network, addr)
		if nc == nil && err == nil {
			err = errors.New("tcp: the Dialer's DialContext returned no connection and no error")
		}
		return nc, err
	}
	nd := &net.Dialer{LocalAddr: d.LocalAddr, ControlContext: d.Control, FallbackDelay: -1}
	if d.KeepAlive < 0 {
		nd.KeepAlive = d.KeepAlive
	} else {
		nd.KeepAliveConfig = net.KeepAliveConfig{Enable: true, Idle: d.KeepAlive, Interval: d.KeepAlive}
	}
	if network == "unix" {
		return nd.DialContext(ctx, network, addr)
	}
	return d.connectTCP(ctx, nd, network, addr)
}

// orDefault returns d, or def if d is 0. A negative d means none.
func orDefault(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return d
}

// Send dials addr, as cl-async's tcp-send does: it makes a new connection, with
// a zero Dialer, and sends data on it. Conn.Send sends on an existing
// connection. See Dialer.Send.
func Send(ctx context.Context, addr string, data []byte, h Handler) *aio.Future[*Conn] {
	return new(Dialer).Send(ctx, addr, data, h)
}

// Send dials addr, gives the new connection the handler h and sends data,
// before what h.Open sends. If the dial fails, h.Event, if set, is called with
// a nil *Conn, and the future fails with the same error, which then is not a
// lost error. data is kept until the connection is made; it must not be changed
// before the future has resolved.
func (d *Dialer) Send(ctx context.Context, addr string, data []byte, h Handler) *aio.Future[*Conn] {
	return d.startDial(ctx, addr, func(p *dialing) (*Conn, error) {
		var ps *pollers
		if d.TLS == nil && bareWanted && !h.isZero() {
			ps = pollersOf(p.Op())
		}
		c, err := d.dial(ctx, p, ps)
		if err == nil {
			err = c.open(&h, data)
		}
		if err != nil {
			if h.Event != nil {
				p.Op().Told()
				h.Event(nil, err)
			}
			return nil, err
		}
		return c, nil
	})
}
