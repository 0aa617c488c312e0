package httpx

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"net/http/httptrace"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/dnsx"
	"goaio.example/aio/tcp"
)

// dialing is a connection that is being made to a host. Its operation is a
// child of the loop and not of the request that it was begun for, because
// another request may get the connection. It does not hold the loop open: the
// requests that wait for it do.
type dialing struct {
	op   aio.Op
	host *host
	// context of the request it is begun for, without cancellation; dropped by
	// start
	of     context.Context
	values *dialValues
	// the connection exists and uncounts itself; only the dial's goroutine
	// touches it
	made bool
	// a cancellation of the dial of a plain connection has begun
	lost atomic.Bool

	// The pool's lock guards these.
	trip     *trip // the trip that waits for it, if any
	started  bool  // op has been started
	unwanted bool  // no request wants the connection

	// the requests that wait for it; nil if it was begun for a trip
	shared *sharedConns
}

var kindDial = aio.NewKind("http.dial")

// dialValues is the context that a connection is made with. It has the values
// of the request that it is made for, until the connection is made: the
// connection must not keep them.
type dialValues struct {
	context.Context // of the loop
	of              atomic.Pointer[requestValues]
}

type requestValues struct{ context.Context }

// Within returns the loop's context; see aio.Op.Start.
func (v *dialValues) Within() context.Context { return v.Context }

func (v *dialValues) Value(key any) any {
	if found := v.Context.Value(key); found != nil {
		return found
	}
	if of := v.of.Load(); of != nil {
		return of.Value(key)
	}
	return nil
}

// start begins the dial. A nil one does nothing.
func (d *dialing) start() {
	if d == nil {
		return
	}
	h := d.host
	d.values = &dialValues{Context: h.pool.top}
	d.values.of.Store(&requestValues{d.of})
	d.of = nil
	d.op.AsBackground()
	if err := d.op.Start(d.values, kindDial, "", d); err != nil {
		d.fail(err)
		return
	}
	h.pool.mu.Lock()
	d.started = true
	unwanted := d.unwanted
	h.pool.mu.Unlock()
	if unwanted {
		d.op.Cancel(errNotNeeded)
	}
	if h.plain() {
		d.dialPlain()
		return
	}
	d.goOn(func() {
		k, c, err := d.connect(d.op.Context())
		switch {
		case err != nil:
			d.fail(err)
		case k != nil:
			d.made = true
			d.handOver(k)
		default:
			h.dialedShared(d.op.Context(), d, newSharedConn(h, c))
		}
	})
}

// goOn starts a goroutine that ends the dial with fn.
func (d *dialing) goOn(fn func()) {
	d.op.Go(func() {
		fn()
		d.end()
	}, func(err error) { // a panic, which has been reported
		if !d.made { // otherwise it failed the trip that got the connection
			d.fail(err)
		}
		d.end()
	})
}

func (d *dialing) end() {
	d.values.of.Store(nil)
	d.op.End(nil)
}

// OpCancel does nothing: cancelling the operation's context ends the dial.
func (d *dialing) OpCancel(error) {}

// OpName names the dial.
func (d *dialing) OpName() string { return "connection to " + d.host.target() }

// fail ends a failed dial.
func (d *dialing) fail(err error) {
	if t := d.host.dialFailed(d, err); t != nil {
		t.fail(err)
	}
}

// handOver gives the new connection to the trip that has waited longest.
func (d *dialing) handOver(k *clientConn) {
	if t := d.host.dialed(d); t == nil {
		k.carry(k.free())
	} else if !k.begin(t) {
		t.fail(k.reason())
	}
}

// connect makes a connection over HTTP/1.1 or HTTP/2, which is not plain.
func (d *dialing) connect(ctx context.Context) (*clientConn, *tcp.Conn, error) {
	h := d.host
	c, err := d.transport(ctx)
	if err != nil {
		return nil, nil, err
	}
	proto := ""
	if h.key.scheme == "https" {
		if proto, err = d.secure(ctx, c, h.key.name, h.protocols()); err != nil {
			return nil, nil, err
		}
	}
	if proto == "h2" || h.pool.client.H2C {
		if proto != "h2" && h.key.scheme == "https" {
			c.Close()
			return nil, nil, errNoHTTP2
		}
		return nil, c, nil
	}
	k := h.newConn()
	k.opened(c)
	if err := c.SetHandler(k.handler()); err != nil {
		return nil, nil, err
	}
	return k, nil, nil
}

var errNoHTTP2 = errors.New("httpx: the server does not speak HTTP/2")

// protocols returns the protocols to offer over TLS.
func (h *host) protocols() []string {
	if h.key.old {
		return []string{"http/1.1"}
	}
	if h.pool.client.H2C {
		return []string{"h2"}
	}
	return []string{"h2", "http/1.1"}
}

// newConn returns a connection to the host.
func (h *host) newConn() *clientConn {
	k := &clientConn{host: h}
	k.alarm.Init(k)
	return k
}

// plain reports whether connections to the host are without TLS, without a
// proxy that must be told the host, and over HTTP/1.1.
func (h *host) plain() bool {
	direct := h.proxy == nil || h.key.name == "" && h.proxy.Scheme == "http"
	return h.key.scheme == "http" && direct && !h.pool.client.H2C
}

// dialPlain makes a plain connection. The dial has no goroutine until that is
// there.
func (d *dialing) dialPlain() {
	k := d.host.newConn()
	handler := k.handler()
	handler.Open = k.opened
	f := d.dialer(d.op.Context()).Send(d.values, hostPort(d.host.firstHop()), nil, handler)
	d.op.OnCancel(func(cause error) {
		d.lost.Store(true)
		f.Cancel(cause)
	})
	f.AfterFunc(func() { d.goOn(func() { d.connected(k, f) }) })
}

// connected ends a plain dial, whose future is resolved.
func (d *dialing) connected(k *clientConn, f *aio.Future[*tcp.Conn]) {
	c, err := f.Result()
	d.made = c != nil
	if err == nil && d.lost.Load() { // it is being aborted, or will be
		c.Abort()
		err = context.Cause(d.op.Context())
	}
	if err != nil {
		d.fail(err)
		return
	}
	k.opened(c)
	d.handOver(k)
}

// transport makes the connection for TLS or HTTP/2, through a proxy if there is
// one. It is in stream style.
func (d *dialing) transport(ctx context.Context) (*tcp.Conn, error) {
	h := d.host
	if h.proxy != nil {
		return d.throughProxy(ctx)
	}
	return d.await(ctx, d.dialer(ctx).Dial(d.values, hostPort(h.firstHop())))
}

// firstHop returns the address to connect to: the host's or the proxy's.
func (h *host) firstHop() string {
	if h.proxy == nil {
		return h.key.addr()
	}
	port := h.proxy.Port()
	if port == "" {
		port = portOf(h.proxy.Scheme)
	}
	return net.JoinHostPort(h.proxy.Hostname(), port)
}

// target returns the host's name for listings.
func (h *host) target() string {
	if h.key.name == "" {
		return h.firstHop()
	}
	return h.key.addr()
}

// await waits until f is done, even if ctx ends before, so that no connection
// is lost. The connection is an operation of the loop, not of the dial, since
// it outlives the dial. If ctx ends at the moment when f resolves, await
// returns both the connection, which is being aborted, and ctx's cause.
func (d *dialing) await(ctx context.Context, f *aio.Future[*tcp.Conn]) (*tcp.Conn, error) {
	stop := context.AfterFunc(ctx, func() { f.Cancel(context.Cause(ctx)) })
	c, err := f.Await(context.WithoutCancel(ctx))
	if !stop() && err == nil {
		c.Abort()
		err = context.Cause(ctx)
	}
	return c, err
}

// dialer returns the Dialer for a connection.
func (d *dialing) dialer(ctx context.Context) *tcp.Dialer {
	td := d.host.pool.client.dialer()
	trace := httptrace.ContextClientTrace(ctx)
	if trace == nil || trace.DNSStart == nil && trace.DNSDone == nil {
		return td
	}
	if td.Resolver == nil {
		td.Resolver = dnsx.DefaultResolver
	}
	// package net calls the trace itself
	if _, ours := td.Resolver.(*dnsx.Resolver); ours {
		td.Resolver = &tracedResolver{Resolver: td.Resolver, trace: trace}
	}
	return td
}

// dialer returns the Dialer that the pools use.
func (c *Client) dialer() *tcp.Dialer {
	d := new(tcp.Dialer)
	if c.Dialer != nil {
		*d = *c.Dialer
	}
	d.TLS = nil // connect begins TLS itself
	d.Background = true
	// only one request is queued; with a mark, its response might not be read
	d.HighWater = math.MaxInt32
	if c.Timeouts.Dial != 0 {
		d.Timeout = c.Timeouts.Dial
	}
	if c.Timeouts.TLS != 0 {
		d.TLSTimeout = c.Timeouts.TLS
	}
	if c.Timeouts.Send != 0 || d.WriteTimeout == 0 {
		d.WriteTimeout = orDefault(c.Timeouts.Send, 30*time.Second)
	}
	if c.Guard != nil {
		d.Control = guarded(c.Guard, d.Control)
		if d.DialContext != nil {
			d.DialContext = guardedDial(c.Guard, d.DialContext)
		}
	}
	return d
}

// secure performs a TLS handshake with a host, and returns the negotiated
// protocol.
func (d *dialing) secure(ctx context.Context, c *tcp.Conn, name string, protocols []string) (string, error) {
	var cfg *tls.Config
	if own := d.host.pool.client.Dialer; own != nil && own.TLS != nil {
		cfg = own.TLS.Clone()
	} else {
		cfg = new(tls.Config)
	}
	if cfg.ServerName == "" {
		cfg.ServerName = name
	}
	cfg.NextProtos = offered(protocols, cfg.NextProtos)
	d.phase(atTLS)
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.TLSHandshakeStart != nil {
		trace.TLSHandshakeStart()
	}
	stop := context.AfterFunc(ctx, func() { c.Abort() })
	state, err := c.StartTLS(cfg).Await(context.WithoutCancel(ctx))
	if !stop() { // c is being aborted
		err = context.Cause(ctx)
	}
	err = tlsFailure(err)
	if trace != nil && trace.TLSHandshakeDone != nil {
		trace.TLSHandshakeDone(state, err)
	}
	return state.NegotiatedProtocol, err
}

// offered returns the protocols to offer over TLS: this package's, followed by
// the user's.
func offered(ours, own []string) []string {
	for _, p := range own {
		if !slices.Contains(ours, p) && p != "h2" {
			ours = append(ours, p)
		}
	}
	return ours
}

// tlsFailure returns the error of a failed handshake. The error is a condition
// of the connection only if the connection broke or was too slow: an invalid
// certificate is not one.
func tlsFailure(err error) error {
	var conn *aio.ConnError
	var op *net.OpError
	switch {
	case err == nil, !errors.As(err, &conn), errors.Is(err, aio.ErrTimeout), errors.Is(err, aio.ErrReset),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &op):
		return err
	}
	return conn.Err
}

// phase sets the phase of the requests that wait for the dial.
func (d *dialing) phase(p int32) {
	d.host.pool.mu.Lock()
	defer d.host.pool.mu.Unlock()
	if d.trip != nil {
		d.trip.ex.setPhase(p)
	}
	if d.shared != nil && d.shared.dialing == d {
		d.shared.setPhase(p)
	}
}

// tracedResolver calls a trace's hooks for lookups, which package dnsx does
// not.
type tracedResolver struct {
	tcp.Resolver
	trace *httptrace.ClientTrace

	mu      sync.Mutex
	pending int
	found   []net.IPAddr
}

// LookupNetIP is called for both families at the same time, which the trace
// sees as one lookup.
func (r *tracedResolver) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	r.mu.Lock()
	first := r.pending == 0
	r.pending++
	r.mu.Unlock()
	if first && r.trace.DNSStart != nil {
		r.trace.DNSStart(httptrace.DNSStartInfo{Host: host})
	}
	addrs, err := r.Resolver.LookupNetIP(ctx, network, host)
	r.mu.Lock()
	for _, a := range addrs {
		r.found = append(r.found, net.IPAddr{IP: a.AsSlice(), Zone: a.Zone()})
	}
	r.pending--
	last, found := r.pending == 0, r.found
	if last {
		r.found = nil
	}
	r.mu.Unlock()
	if last && r.trace.DNSDone != nil {
		info := httptrace.DNSDoneInfo{Addrs: found, Err: err}
		if len(found) > 0 {
			info.Err = nil
		}
		r.trace.DNSDone(info)
	}
	return addrs, err
}
