package nats

import (
	"context"
	"errors"
	"fmt"
	"sync"

	natsgo "github.com/nats-io/nats.go"

	"goaio.example/aio"
)

var kindConn = aio.NewKind("nats.conn")

// conn is a connection of nats.go's as an operation, which does not hold its
// loop open: what uses it does. TCP connections are its children, one after the
// other.
type conn struct {
	op     aio.Op
	link   *link
	ready  chan struct{} // closed when nc or err is there
	closed chan struct{} // closed when nats.go has closed the connection
	nc     *natsgo.Conn
	err    error // why there is no nc

	mu sync.Mutex
	// of the newest dial that has failed; nats.go does not tell
	dialErr error
	down    chan struct{} // closed while the connection is broken
	subs    map[*natsgo.Subscription]reporter
}

// reporter is told of a subscription's conditions.
type reporter interface{ report(err error) }

// newConn begins to connect.
func newConn(l *link) (*conn, error) {
	cn := &conn{
		link: l, ready: make(chan struct{}), closed: make(chan struct{}), down: make(chan struct{}),
		subs: make(map[*natsgo.Subscription]reporter),
	}
	cn.op.AsBackground()
	cn.op.AsServed() // it is repaired
	if err := cn.op.Start(l.top, kindConn, l.client.name(), cn); err != nil {
		return nil, err
	}
	cn.op.Go(cn.connect, cn.failed)
	return cn, nil
}

// leaving reports whether the connection is being closed on purpose.
func (cn *conn) leaving() bool { return cn.op.Context().Err() != nil }

// over reports whether there is or will be no connection any more.
func (cn *conn) over() bool {
	select {
	case <-cn.closed:
		return true
	default:
		return false
	}
}

// connect connects.
func (cn *conn) connect() {
	o, err := cn.link.client.options()
	if err != nil {
		cn.failed(err)
		return
	}
	cn.configure(&o)
	nc, err := o.Connect()
	if err != nil {
		if cause := context.Cause(cn.op.Context()); cause != nil {
			err = cause
		}
		cn.mu.Lock()
		if cn.dialErr != nil && errors.Is(err, natsgo.ErrNoServers) {
			err = cn.dialErr
		}
		cn.mu.Unlock()
		cn.failed(fmt.Errorf("nats: cannot connect: %w", err))
		return
	}
	cn.nc = nc
	close(cn.ready)
}

// failed ends a connection that was not made. Those who wait have the error.
func (cn *conn) failed(err error) {
	cn.err = err
	close(cn.closed)
	close(cn.ready)
	cn.op.End(nil)
}

// OpCancel comes when the loop is empty, or is cancelled.
func (cn *conn) OpCancel(error) {
	cn.op.Go(func() {
		<-cn.ready
		if cn.nc != nil {
			cn.nc.Close()
		}
	}, func(error) {})
}
