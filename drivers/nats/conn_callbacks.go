package nats

import (
	"context"
	"log/slog"
	"net"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"goaio.example/aio"
)

// dialer makes a connection's TCP connections.
type dialer struct {
	cn      *conn
	timeout time.Duration
}

// Dial is called by nats.go.
func (d dialer) Dial(_, addr string) (net.Conn, error) {
	t := d.cn.link.client.Dialer
	t.Background = true
	if t.Timeout == 0 {
		t.Timeout = d.timeout
	}
	ctx := d.cn.op.Context()
	// it ends with ctx
	c, err := t.Dial(ctx, addr).Await(context.WithoutCancel(ctx))
	if err != nil {
		d.cn.mu.Lock()
		defer d.cn.mu.Unlock()
		d.cn.dialErr = err
		return nil, err
	}
	return c, nil
}

// configure makes nats.go's connection one of the loop's.
func (cn *conn) configure(o *natsgo.Options) {
	o.CustomDialer = dialer{cn, o.Timeout}
	o.NoCallbacksAfterClientClose = false
	failing, back, lost, closed := o.AsyncErrorCB, o.ReconnectedCB, o.DisconnectedErrCB, o.ClosedCB
	o.ReconnectedCB = func(nc *natsgo.Conn) {
		cn.back(nc)
		if back != nil {
			back(nc)
		}
	}
	o.DisconnectedErrCB = func(nc *natsgo.Conn, err error) {
		cn.lost(nc, err)
		if lost != nil {
			lost(nc, err)
		}
	}
	o.AsyncErrorCB = func(nc *natsgo.Conn, s *natsgo.Subscription, err error) {
		cn.report(s, err)
		if failing != nil {
			failing(nc, s, err)
		}
	}
	o.ClosedCB = func(nc *natsgo.Conn) { // the last callback
		if closed != nil {
			closed(nc)
		}
		cn.end(nc)
	}
}

// lost notes that the connection is broken, which is an event.
func (cn *conn) lost(nc *natsgo.Conn, err error) {
	cn.mu.Lock()
	close(cn.down)
	cn.mu.Unlock()
	if err != nil && !cn.leaving() {
		cn.op.Report(aio.NewConnError("read", "nats", cn.op.Info().Name, -1, err))
	}
}

// back notes that the connection is repaired.
func (cn *conn) back(nc *natsgo.Conn) {
	cn.mu.Lock()
	cn.down = make(chan struct{})
	cn.mu.Unlock()
	log := cn.link.loop.Logger
	if log == nil {
		log = slog.Default()
	}
	log.InfoContext(cn.op.Context(), "nats: connected again", "server", nc.ConnectedUrlRedacted())
}

// broken returns a channel that is closed when the connection breaks.
func (cn *conn) broken() <-chan struct{} {
	cn.mu.Lock()
	defer cn.mu.Unlock()
	return cn.down
}

// report passes on a condition: to the subscription that it is about, or to the
// connection's event handler.
func (cn *conn) report(s *natsgo.Subscription, err error) {
	cn.mu.Lock()
	r := cn.subs[s]
	cn.mu.Unlock()
	switch {
	case cn.leaving():
	case r != nil:
		r.report(err)
	default:
		cn.op.Report(err)
	}
}

// watch has a subscription's conditions reported to r; nil ends that.
func (cn *conn) watch(s *natsgo.Subscription, r reporter) {
	cn.mu.Lock()
	defer cn.mu.Unlock()
	if r == nil {
		delete(cn.subs, s)
	} else {
		cn.subs[s] = r
	}
}

// end ends the operation, when nats.go has closed the connection.
func (cn *conn) end(nc *natsgo.Conn) {
	if err := nc.LastError(); err != nil && !cn.leaving() {
		cn.op.Report(aio.NewConnError("close", "nats", cn.op.Info().Name, -1, err))
	}
	close(cn.closed)
	cn.op.End(nil)
}
