package nats

import (
	"context"
	"fmt"
	"iter"

	"github.com/nats-io/nats.go/jetstream"

	"goaio.example/aio"
)

var (
	kindWatching = aio.NewKind("nats.watching")
	kindWatch    = aio.NewKind("nats.watch")
)

// Watch is the changes of a Bucket's keys, the values that were there first. It
// is an operation (kind "nats.watch") that holds its loop open and ends when
// the loop drains. A reader that is slow holds up the server, and misses
// nothing but values that newer ones have replaced in the bucket's history. A
// connection that breaks does not end it.
type Watch struct {
	op    aio.Op
	kv    jetstream.KeyWatcher
	c     chan Entry
	ready chan struct{}
	stop  context.Context // ends when the Watch is to end
	end   context.CancelFunc
	gone  chan struct{} // closed when nothing comes any more
	err   error         // set before gone is closed
}

// Watch watches keys, which may have the wildcards "*" and ">", or all if there
// are none. The future resolves when the server knows. The Watch is a child of
// ctx's operation.
func (b *Bucket) Watch(ctx context.Context, keys ...string) *aio.Future[*Watch] {
	name := fmt.Sprint(b.config.Bucket, " ", keys)
	return start(ctx, kindWatching, name, func(dial context.Context) (*Watch, error) {
		l := b.client.link(dial)
		dial, cancel := b.client.bound(dial)
		defer cancel()
		kv, err := insist(dial, func(ctx context.Context) (jetstream.KeyValue, error) { return b.open(ctx, l) })
		if err != nil {
			return nil, err
		}
		w := &Watch{c: make(chan Entry), ready: make(chan struct{}), gone: make(chan struct{})}
		w.stop, w.end = context.WithCancel(context.WithoutCancel(ctx))
		w.op.AsLasting()
		if err := w.op.Start(ctx, kindWatch, name, w); err != nil {
			return nil, err
		}
		if w.kv, err = kv.WatchFiltered(w.op.Context(), append([]string(nil), keys...)); err != nil {
			w.op.End(nil) // the caller has the error
			return nil, err
		}
		w.op.Go(w.relay, func(error) {})
		return w, nil
	})
}

// OpDrain ends the Watch.
func (w *Watch) OpDrain() { w.end() }

// OpCancel ends the Watch.
func (w *Watch) OpCancel(error) { w.end() }

// relay passes on what nats.go has.
func (w *Watch) relay() {
	ended := false
	for !ended {
		select {
		case e, ok := <-w.kv.Updates():
			ended = !ok || !w.pass(e)
			if !ok {
				w.err = aio.NewConnError("read", "nats", w.op.Info().Name, -1, aio.ErrClosed)
			}
		case <-w.stop.Done():
			ended = true
		}
	}
	if w.err == nil {
		// fails if it has ended
		w.op.Go(func() { _ = w.kv.Stop() }, func(error) {})
		// until nats.go has ended
		for range w.kv.Updates() {
		}
	}
	close(w.gone)
	close(w.c)
	w.end()
	w.op.End(nil)
}

// pass passes on a change. It reports false if the Watch is to end.
func (w *Watch) pass(e jetstream.KeyValueEntry) bool {
	if e == nil {
		close(w.ready) // nats.go says so once
		return true
	}
	select {
	case w.c <- entry(e):
		return true
	case <-w.stop.Done():
		return false
	}
}

// C returns the channel that receives the changes, in the order of their
// revisions. It is closed when the Watch has ended.
func (w *Watch) C() <-chan Entry { return w.c }

// Ready returns a channel that is closed when the values have been received
// that were there when the Watch began.
func (w *Watch) Ready() <-chan struct{} { return w.ready }

// All yields the changes until the Watch has ended or ctx ends, which is
// yielded as an error, as is Err at the end.
func (w *Watch) All(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for {
			select {
			case e, ok := <-w.c:
				if !ok {
					if err := w.Err(); err != nil {
						yield(Entry{}, err)
					}
					return
				}
				if !yield(e, nil) {
					return
				}
			case <-ctx.Done():
				yield(Entry{}, context.Cause(ctx))
				return
			}
		}
	}
}

// Err returns an aio.ErrClosed if the Watch has ended because its connection
// was closed for good, and nil otherwise.
func (w *Watch) Err() error {
	if isClosed(w.gone) {
		return w.err
	}
	return nil
}

// Close ends the Watch. It does not block. It may be called more than once.
func (w *Watch) Close() { w.end() }
