package aio

import (
	"context"
	"sync"
)

// UntilDrain returns a ctx that ends when ctx does or when ctx's loop begins to
// drain, then with the cause ErrExit. It is for a main or a daemon that waits
// for the end, and for operations that should end with it:
//
//	err := loop.Run(ctx, func(ctx context.Context) error {
//		...
//		<-aio.UntilDrain(ctx).Done() // ctx itself ends Grace later
//		return nil
//	})
//
// Operations started with the ctx are cancelled when the loop drains. If the
// loop drains already, the ctx is dead. Without a loop it is ctx.
func UntilDrain(ctx context.Context) context.Context {
	ctx = orBackground(ctx)
	o := opOf(ctx)
	if o == nil {
		return ctx
	}
	out, cancel := context.WithCancelCause(ctx)
	d := &o.run.drained
	key := new(byte)
	stop := context.AfterFunc(out, func() { d.remove(key) })
	d.add(key, func() {
		stop()
		cancel(ErrExit)
	})
	if out.Err() != nil { // and may have been so before add
		d.remove(key)
	}
	return out
}

// drainHooks holds functions that are called when a loop begins to drain.
type drainHooks struct {
	mu    sync.Mutex
	begun bool // it has
	fns   map[*byte]func()
}

// add registers fn. If the loop drains already, add calls it. fn must not
// block.
func (d *drainHooks) add(key *byte, fn func()) {
	d.mu.Lock()
	if !d.begun {
		if d.fns == nil {
			d.fns = make(map[*byte]func())
		}
		d.fns[key] = fn
		d.mu.Unlock()
		return
	}
	d.mu.Unlock()
	fn()
}

// remove forgets a function.
func (d *drainHooks) remove(key *byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.fns, key)
}

// call calls the functions, once.
func (d *drainHooks) call() {
	d.mu.Lock()
	fns := d.fns
	d.begun, d.fns = true, nil
	d.mu.Unlock()
	for _, fn := range fns {
		fn()
	}
}
