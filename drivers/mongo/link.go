package mongo

import (
	"context"
	"fmt"
	"sync"
	"time"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"goaio.example/aio"
)

var (
	kindClient     = aio.NewKind("mongo.client")
	kindDisconnect = aio.NewKind("mongo.disconnect")
)

// endTime bounds what is said to a server that may be gone: that a cursor or a
// session is not needed any more.
const endTime = 2 * time.Second

// link is what a Client has in one loop: a client of the driver's as an
// operation, which does not hold the loop open. Its connections are its
// children.
type link struct {
	op     aio.Op
	client *Client
	loop   *aio.Loop
	users  sync.WaitGroup // Client.mu is held for Add
	ready  chan struct{}  // closed when the fields below are there
	driver *driver.Client
	opts   *options.ClientOptions
	err    error // why there is no driver

	ending sync.Once
	ended  chan struct{} // closed when the driver has ended
	health health
}

// newLink begins to make a client of the driver's. Client.mu is held.
func newLink(c *Client, loop *aio.Loop) (*link, error) {
	l := &link{client: c, loop: loop, ready: make(chan struct{}), ended: make(chan struct{})}
	l.op.AsBackground()
	l.op.AsServed() // the driver repairs its connections
	if err := l.op.Start(aio.WithLoop(context.Background(), loop), kindClient, c.name(), l); err != nil {
		return nil, err
	}
	l.op.Go(l.begin, l.failed)
	return l, nil
}

// over reports whether the link cannot be used any more.
func (l *link) over() bool {
	select {
	case <-l.ended:
		return true
	default:
		return l.op.Context().Err() != nil
	}
}

// begin makes the driver's client, which connects by itself.
func (l *link) begin() {
	o, err := l.configure()
	if err == nil {
		l.opts = o
		l.driver, err = driver.Connect(o)
	}
	if err != nil {
		if cause := context.Cause(l.op.Context()); cause != nil {
			err = cause
		}
		l.failed(fmt.Errorf("mongo: cannot connect: %w", err))
		return
	}
	close(l.ready)
}

// failed ends a link without a client. Those who wait have the error.
func (l *link) failed(err error) {
	l.err = err
	l.client.forget(l)
	close(l.ended)
	close(l.ready)
	l.op.End(nil)
}

// configure returns the driver's settings.
func (l *link) configure() (*options.ClientOptions, error) {
	uri, err := l.plainURI(l.op.Context())
	if err != nil {
		return nil, err
	}
	o := options.MergeClientOptions(options.Client().ApplyURI(uri), l.client.Options)
	o.SetDialer(dialer{l})
	o.SetTimeout(l.client.timeout()) // of what the driver does without a ctx of ours
	o.SetServerMonitor(l.monitor(o.ServerMonitor))
	return o, o.Validate()
}

// wait waits for the driver's client.
func (l *link) wait(ctx context.Context) error {
	select {
	case <-l.ready:
		return l.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// OpCancel comes when the loop is empty, or is cancelled: connections are being
// aborted, so that nothing is said to the servers.
func (l *link) OpCancel(error) {
	l.op.Go(func() {
		<-l.ready
		gone, cancel := context.WithCancel(context.Background())
		cancel()
		l.end(gone)
	}, func(error) {})
}

// end disconnects, once. The driver's ctx needs no deadline: without one it
// does not wait for connections in use.
func (l *link) end(ctx context.Context) {
	l.ending.Do(func() {
		l.client.forget(l)
		if l.driver != nil {
			_ = l.driver.Disconnect(ctx) // says only that ctx has ended
			close(l.ended)
		}
		l.op.End(nil)
	})
}

// leave waits for the users, and disconnects.
func (l *link) leave(ctx context.Context) error {
	l.client.forget(l)
	idle := make(chan struct{})
	l.op.Go(func() {
		l.users.Wait()
		close(idle)
	}, func(error) {})
	select {
	case <-idle:
	case <-ctx.Done():
		l.op.Cancel(context.Cause(ctx))
		<-idle
		return context.Cause(ctx)
	}
	if l.wait(ctx) != nil { // the users had the error
		if cause := context.Cause(ctx); cause != nil {
			l.op.Cancel(cause)
			return cause
		}
		return nil
	}
	bounded, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(endTime, func() {
		cancel(aio.ErrTimeout)
		l.op.Cancel(aio.ErrStopped) // aborts the connections that the driver waits for
	})
	defer late.Stop()
	l.end(bounded)
	<-l.ended
	return nil
}
