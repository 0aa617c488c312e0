package flow

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"goaio.example/aio"
)

var kindReceiver = aio.NewKind("flow.receiver")

// ErrSlow is the error of a Receiver that was closed because it is a
// DropReceiver and had no room for a value.
var ErrSlow = errors.New("flow: the receiver did not keep up with its topic")

// Slow says what happens to a value for a Receiver that has no room for it.
type Slow int

const (
	// DropOldest drops the oldest value that was not received. Receiver.Dropped
	// counts the dropped values.
	DropOldest Slow = iota
	// DropReceiver closes the receiver, with ErrSlow.
	DropReceiver
	// WaitForRoom makes Publish wait until there is room.
	WaitForRoom
)

// Receiver receives the values of a topic. Its methods may be called from any
// goroutine.
type Receiver[T any] struct {
	topic *Topic[T]
	op    aio.Op
	slow  Slow
	gone  chan struct{} // closed before ch, for a send that waits for room
	err   error         // why it was closed; guarded by topic.mu

	mu      sync.Mutex // held to send, and to close ch
	ch      chan T
	closed  bool
	dropped atomic.Int64
}

// Subscribe returns a receiver of what is published from now on. Its channel
// has room for size values, or for 16 if size is 0 or less. The receiver is a
// daemon of the operation that ctx belongs to: it does not hold the loop open.
// It is closed by Close, with the topic, when ctx ends, and when the loop
// drains, unless work in progress subscribed. If ctx has no running loop, or
// the topic is closed, it is closed from the beginning.
func (t *Topic[T]) Subscribe(ctx context.Context, size int, slow Slow) *Receiver[T] {
	if size <= 0 {
		size = 16
	}
	r := &Receiver[T]{topic: t, slow: slow, gone: make(chan struct{}), ch: make(chan T, size)}
	r.op.AsDaemon()
	if err := r.op.Start(ctx, kindReceiver, t.name, (*receiverDriver[T])(r)); err != nil {
		r.close(err)
		return r
	}
	if r.op.Draining() && r.op.TopLevel() {
		r.op.Cancel(aio.ErrExit)
	}
	if err := t.enter(r); err != nil {
		r.end(err)
	}
	return r
}

// receiverDriver is a Receiver as seen by the loop.
type receiverDriver[T any] Receiver[T]

func (d *receiverDriver[T]) OpCancel(cause error) { (*Receiver[T])(d).end(cause) }

// C returns the channel of the values. It is closed when the receiver is
// closed. Values that it has buffered can still be received then.
func (r *Receiver[T]) C() <-chan T { return r.ch }

// Close closes the receiver. It need not be called if ctx, the topic or the
// loop ends.
func (r *Receiver[T]) Close() { r.end(aio.ErrStopped) }

// Err returns why the receiver was closed: ErrSlow, aio.ErrStopped after Close,
// the cause of ctx's end, aio.ErrNoLoop or aio.ErrLoopDone, or why the topic
// was closed. It is nil while the receiver is open.
func (r *Receiver[T]) Err() error {
	r.topic.mu.Lock()
	defer r.topic.mu.Unlock()
	return r.err
}

// Dropped returns how many values were dropped to make room.
func (r *Receiver[T]) Dropped() int { return int(r.dropped.Load()) }

// end closes the receiver and its operation.
func (r *Receiver[T]) end(err error) {
	if r.close(err) {
		r.op.End(nil)
	}
}

// close closes the receiver, once.
func (r *Receiver[T]) close(err error) bool {
	t := r.topic
	t.mu.Lock()
	if r.err != nil {
		t.mu.Unlock()
		return false
	}
	r.err = err
	delete(t.receivers, r)
	t.mu.Unlock()
	close(r.gone) // a send in progress gives up
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	close(r.ch)
	return true
}

// offer puts v into the channel if there is room, or may be made. Only one
// goroutine at a time offers and sends.
func (r *Receiver[T]) offer(v T) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for !r.closed {
		select {
		case r.ch <- v:
			return true
		default:
		}
		if r.slow != DropOldest {
			return false
		}
		select {
		case <-r.ch:
			r.dropped.Add(1)
		default: // it has just been received
		}
	}
	return true
}

// send puts v into the channel once there is room. If ctx ends first it returns
// the cause.
func (r *Receiver[T]) send(ctx context.Context, v T) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	select {
	case r.ch <- v:
		return nil
	case <-r.gone:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
