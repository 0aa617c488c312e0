package aio

import (
	"context"
	"sync/atomic"
)

// Awaitable is a future of any type.
type Awaitable interface {
	// Done is closed once the result is there.
	Done() <-chan struct{}
	operation() *Op
}

func (f *Future[T]) operation() *Op { return &f.op }

// Wait waits for futures of any types. It returns nil when all of them have
// values, the error of the first one that fails, as soon as it fails, and an
// *AwaitError when ctx ends first. The other futures go on. All futures count
// as looked at.
func Wait(ctx context.Context, fs ...Awaitable) error {
	if len(fs) == 0 {
		return nil
	}
	ctx = orBackground(ctx)
	j := &joint{ops: make([]*Op, len(fs)), hooks: make([]hook, len(fs))}
	for i, f := range fs {
		j.ops[i] = f.operation()
		j.ops[i].look()
	}
	begin := uptime()
	c, p := takeParker(ctx, j.ops[0], begin)
	if p != nil {
		defer p.free()
		p.joint.Store(j)
		defer p.joint.Store(nil)
		j.wake = p.ch
	} else {
		j.wake = make(chan struct{}, 1)
	}
	j.join()
	defer j.leave()
	w := waitForAll(ctx, fs)
	defer w.end()
	for {
		over, err := j.result()
		if over {
			return err
		}
		w.begin()
		ended := j.wait(ctx, c)
		w.goOn(ctx)
		if over, err := j.result(); ended && !over {
			return awaitError(ctx, "", uptime()-begin)
		} else if over {
			return err
		}
	}
}

// joint waits until all of its operations are resolved, or one fails.
type joint struct {
	ops    []*Op
	wake   chan struct{} // cap 1; gets a token when that is so
	left   atomic.Int64  // operations that are not resolved
	failed atomic.Int64  // the number of the first one that has failed, from 1
	hooks  []hook
}

// join registers the joint with each operation.
func (j *joint) join() {
	j.left.Store(int64(len(j.ops)))
	for i, o := range j.ops {
		h := &j.hooks[i]
		h.to, h.i = j, i
		if !o.hook(h) {
			j.resolved(i)
		}
	}
}

// leave removes the joint from operations that go on.
func (j *joint) leave() {
	if j.left.Load() == 0 {
		return
	}
	for i, o := range j.ops {
		if !o.resolved() {
			o.unhook(&j.hooks[i])
		}
	}
}

func (j *joint) resolved(i int) {
	failed := j.ops[i].err != nil && j.failed.CompareAndSwap(0, int64(i+1))
	if j.left.Add(-1) == 0 || failed {
		token(j.wake)
	}
}

// result returns the first error. over is false while there is none and
// operations are left.
func (j *joint) result() (over bool, err error) {
	left := j.left.Load() // first: the last one may be the one that fails
	if i := j.failed.Load(); i > 0 {
		return true, j.ops[i-1].err
	}
	return left == 0, nil
}

// pending returns the first operation that is not resolved, and how many others
// there are. If there is none it returns last.
func (j *joint) pending(last *Op) (first *Op, more int) {
	for _, o := range j.ops {
		switch {
		case o.resolved():
		case first == nil:
			first = o
		default:
			more++
		}
	}
	if first == nil {
		return last, 0
	}
	return first, more
}

// wait waits until there may be a result or ctx has ended. It reports whether
// ctx has ended. c is ctx's operation if wake is the channel of its parker,
// else nil.
func (j *joint) wait(ctx context.Context, c *Op) (ended bool) {
	if c != nil && c.waits() {
		<-j.wake
		return false
	}
	select {
	case <-j.wake:
		return false
	case <-ctx.Done():
		return true
	}
}
