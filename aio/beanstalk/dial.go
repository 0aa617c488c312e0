package beanstalk

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"goaio.example/aio"
)

// A dialing makes a connection for its owner, with the number of tries that
// Backoff allows. It is an operation of the loop, and does not hold it open:
// the operations that wait for the connection do.
type dialing struct {
	op     aio.Op
	pool   *pool
	to     dialer
	futile int
	result chan error // result of setting a connection up; has room for one

	// The pool's lock guards these.
	started  bool // op has been started
	unwanted bool // nothing waits for the connection
}

// A dialer is an owner that needs a connection. It is called with the pool's
// lock held.
type dialer interface {
	owner
	// setup returns the commands to send on a new connection before it is used.
	setup() []*command
	// dialed reports false if the connection is not needed.
	dialed(d *dialing, w *wire) bool
	dialFailed(d *dialing, err error)
}

// errNotNeeded is the cause that ends an unneeded dial.
var errNotNeeded = errors.New("beanstalk: the connection is not needed")

// startDial starts making a connection. futile is the number of successive
// connections that served nothing. The pool's lock is held.
func startDial(p *pool, o dialer, futile int) *dialing {
	d := &dialing{pool: p, to: o, futile: futile, result: make(chan error, 1)}
	p.do(d.start)
	return d
}

func (d *dialing) start() {
	d.op.AsBackground()
	if err := d.op.Start(d.pool.top, kindDial, "", d); err != nil {
		d.fail(err)
		return
	}
	d.pool.lock()
	d.started = true
	if d.unwanted {
		d.drop()
	}
	d.pool.unlock()
	d.op.Go(func() {
		d.run(d.op.Context())
		d.op.End(nil)
	}, func(err error) { // a panic, which has been reported
		d.fail(err)
		d.op.End(nil)
	})
}

// drop ends a dial that is not needed. The pool's lock is held.
func (d *dialing) drop() {
	d.unwanted = true
	if d.started {
		d.pool.do(func() { d.op.Cancel(errNotNeeded) })
	}
}

// OpCancel does nothing: cancelling the operation's context ends the dial.
func (d *dialing) OpCancel(error) {}

// OpName names the dial.
func (d *dialing) OpName() string { return "connection to " + d.pool.client.addr() }

// fail tells the owner that there is no connection.
func (d *dialing) fail(err error) {
	d.pool.lock()
	defer d.pool.unlock()
	d.to.dialFailed(d, err)
}

// run makes a connection.
func (d *dialing) run(ctx context.Context) {
	b := d.pool.client.Backoff
	first := b.Wait(d.futile + 1)
	var last error
	for _, wait := range b.Delays() {
		err := pause(ctx, first+wait)
		first = 0
		if err == nil && b.Limiter != nil {
			err = b.Limiter.Wait(ctx)
		}
		if err != nil {
			if last == nil {
				last = err
			}
			break
		}
		if last = d.try(ctx); last == nil || ctx.Err() != nil {
			break
		}
	}
	if last != nil {
		d.fail(last)
	}
}

// pause waits for d. It returns the cause if ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
	return context.Cause(ctx)
}

// try makes a connection, once, and passes it to the owner.
func (d *dialing) try(ctx context.Context) error {
	w, err := d.connect(ctx)
	if err != nil {
		return err
	}
	if err := d.prepare(ctx, w); err != nil {
		w.fail(err)
		return err
	}
	d.pool.lock()
	defer d.pool.unlock()
	if w.dead != nil {
		return w.dead
	}
	w.owner, w.useful = d.to, false
	if !d.to.dialed(d, w) {
		w.quit()
	}
	return nil
}

// connect connects. The connection is an operation of the loop and not of the
// dial, which it outlives.
func (d *dialing) connect(ctx context.Context) (*wire, error) {
	w := newWire(d.pool, d)
	f := d.pool.client.dialer().Send(d.pool.top, d.pool.client.addr(), nil, w.handler())
	stop := context.AfterFunc(ctx, func() { f.Cancel(context.Cause(ctx)) })
	defer stop()
	c, err := f.Await(context.WithoutCancel(ctx))
	if err != nil {
		return nil, err
	}
	w.opened(c)
	return w, nil
}

// prepare sends the owner's setup commands, and waits for the responses.
func (d *dialing) prepare(ctx context.Context, w *wire) error {
	d.pool.lock()
	if w.dead != nil {
		defer d.pool.unlock()
		return w.dead
	}
	cmds := d.to.setup()
	var left atomic.Int32
	left.Store(int32(len(cmds)))
	select { // left by an earlier connection
	case <-d.result:
	default:
	}
	for _, c := range cmds {
		c.asker = askFunc(func(_ *wire, _ *reply, err error) {
			if err != nil {
				err = c.errorFor(d.pool, err, false)
			}
			if left.Add(-1) == 0 || err != nil {
				d.tell(err)
			}
		})
		w.put(c)
	}
	d.pool.unlock()
	if len(cmds) == 0 {
		return nil
	}
	select {
	case err := <-d.result:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// tell reports how setting up a connection has ended. The first report counts.
func (d *dialing) tell(err error) {
	select {
	case d.result <- err:
	default:
	}
}

// The dial owns a connection until its owner gets it.

func (d *dialing) settled(*wire)   {}
func (d *dialing) release(w *wire) { w.quit() }
func (d *dialing) lost(w *wire)    { d.tell(w.dead) }
