package flow

import (
	"context"
	"sync"

	"goaio.example/aio"
)

var kindTopic = aio.NewKind("flow.topic")

// Topic sends each value that is published to all its receivers, in the same
// order. It has no goroutine. Its methods may be called from any goroutine.
type Topic[T any] struct {
	op   aio.Op
	name string
	turn chan struct{} // of the Publish in progress

	mu        sync.Mutex
	receivers map[*Receiver[T]]struct{}
	err       error // why the topic is closed
}

// NewTopic returns a topic with the given name in listings. It is a child of
// the operation that ctx belongs to, and does not hold the loop open. It is
// closed, with its receivers, by Close, when ctx ends, and once the loop is
// cancelled or empty. It is not closed when the loop drains, because work in
// progress may still publish. Without a running loop it is closed from the
// beginning.
func NewTopic[T any](ctx context.Context, name string) *Topic[T] {
	t := &Topic[T]{
		name: name, turn: make(chan struct{}, 1),
		receivers: make(map[*Receiver[T]]struct{}),
	}
	t.op.AsBackground()
	if err := t.op.Start(ctx, kindTopic, name, (*topicDriver[T])(t)); err != nil {
		t.end(err)
	}
	return t
}

// topicDriver is a Topic as seen by the loop.
type topicDriver[T any] Topic[T]

func (d *topicDriver[T]) OpCancel(cause error) {
	t := (*Topic[T])(d)
	if t.end(cause) {
		t.op.End(nil)
	}
}

// Close closes the topic and its receivers. Values that these have buffered can
// still be received.
func (t *Topic[T]) Close() {
	if t.end(aio.ErrStopped) {
		t.op.End(nil)
	}
}

// end closes the topic, once.
func (t *Topic[T]) end(err error) bool {
	t.mu.Lock()
	if t.err != nil {
		t.mu.Unlock()
		return false
	}
	t.err = err
	all := t.receivers
	t.receivers = nil
	t.mu.Unlock()
	for r := range all {
		r.end(err)
	}
	return true
}

// Publish sends v to every receiver. It waits for receivers that are
// WaitForRoom and have no room, and for another Publish that does. It does not
// wait for other receivers. When ctx ends first, Publish returns its cause, and
// the receivers that it waited for do not get v; the others have it. If the
// topic is closed, Publish returns the reason, aio.ErrStopped after Close.
func (t *Topic[T]) Publish(ctx context.Context, v T) error {
	if ctx == nil {
		ctx = context.Background()
	}
	if err := t.begin(ctx); err != nil {
		return err
	}
	defer func() { <-t.turn }()
	slow, err := t.offer(v)
	for _, r := range slow {
		if r.slow == DropReceiver {
			r.end(ErrSlow)
		}
	}
	for _, r := range slow {
		if r.slow == WaitForRoom && err == nil {
			err = r.send(ctx, v)
		}
	}
	return err
}

// begin waits for the turn to publish. Once the topic is closed the turn comes
// soon, because no Publish waits for receivers then.
func (t *Topic[T]) begin(ctx context.Context) error {
	select {
	case t.turn <- struct{}{}:
		return nil
	default:
	}
	select {
	case t.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// offer sends v to all receivers that have or make room. It returns the others.
func (t *Topic[T]) offer(v T) (slow []*Receiver[T], err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return nil, t.err
	}
	for r := range t.receivers {
		if !r.offer(v) {
			slow = append(slow, r)
		}
	}
	return slow, nil
}

// enter adds a receiver. If the topic is closed it returns the reason.
func (t *Topic[T]) enter(r *Receiver[T]) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return t.err
	}
	if r.err == nil { // it may have ended already
		t.receivers[r] = struct{}{}
	}
	return nil
}
