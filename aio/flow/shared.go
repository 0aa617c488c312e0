package flow

import (
	"context"
	"fmt"
	"sync"

	"goaio.example/aio"
)

var kindShared = aio.NewKind("flow.shared")

// Shared makes calls that are the same, and wanted at the same time, once for
// all who ask. It keeps no results. The zero Shared is ready. Its methods may
// be called from any goroutine, and in any number of loops: what runs in one
// loop is not shared with another.
type Shared[K comparable, V any] struct {
	mu    sync.Mutex
	calls map[sharedKey[K]]*sharedCall[V]
}

// sharedKey tells calls apart.
type sharedKey[K comparable] struct {
	loop *aio.Loop
	key  K
}

// sharedCall is a call in progress.
type sharedCall[V any] struct {
	promise *aio.Promise[V]
	askers  int // guarded by Shared.mu
}

// Do returns a future of fn's value, of the caller's own: cancelling it, or the
// end of ctx, ends that future only. If a call for the key is in progress the
// future is of that call's result, and fn is not called. Do never blocks.
//
// The call is an operation of the loop itself. Its ctx has the values of the
// first asker's, aio.OnEvent and aio.Limit among them, and no deadline; it ends
// when the last asker has left, and with the loop. A call whose last asker has
// left is not joined any more: the next asker begins another one, even if fn
// has not returned yet.
//
// A panic in fn fails every asker's future with the same *aio.PanicError, and
// runtime.Goexit with aio.ErrGoexit.
func (s *Shared[K, V]) Do(ctx context.Context, key K, fn func(ctx context.Context) (V, error)) *aio.Future[V] {
	k := sharedKey[K]{aio.LoopOf(ctx), key}
	if k.loop != nil && ctx.Err() != nil {
		return aio.Failed[V](context.Cause(ctx))
	}
	c := s.join(k, nil)
	if c == nil {
		made := &sharedCall[V]{promise: aio.NewPromise[V](aio.Detach(ctx), kindShared, fmt.Sprint(key))}
		if !made.promise.Op().SetRunning() { // the loop has ended, or is about to
			return made.promise.Future()
		}
		if c = s.join(k, made); c == made {
			s.begin(k, c, fn)
		} else {
			var none V
			made.promise.Resolve(none)
		}
	}
	f := aio.Catch(ctx, c.promise.Future(), func(_ context.Context, err error) (v V, _ error) { return v, err })
	f.AfterFunc(func() { s.leave(ctx, k, c) })
	return f
}

// join makes the caller an asker of the call that is in progress for a key. If
// there is none, it enters made as that call, which may be nil.
func (s *Shared[K, V]) join(k sharedKey[K], made *sharedCall[V]) *sharedCall[V] {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.calls[k]
	if c == nil {
		if made == nil {
			return nil
		}
		if s.calls == nil {
			s.calls = make(map[sharedKey[K]]*sharedCall[V])
		}
		c = made
		s.calls[k] = c
	}
	c.askers++
	return c
}

// begin makes the call. It is not joined any more once its result is there.
func (s *Shared[K, V]) begin(k sharedKey[K], c *sharedCall[V], fn func(ctx context.Context) (V, error)) {
	p := c.promise
	p.Future().AfterFunc(func() { s.remove(k, c) })
	p.Op().Go(func() {
		v, err := fn(p.Context())
		if err != nil {
			p.RejectWith(v, err)
		} else {
			p.Resolve(v)
		}
	}, func(err error) { p.Reject(err) })
}

// leave notes that an asker has its result, or does not want it any more. The
// last one cancels the call.
func (s *Shared[K, V]) leave(ctx context.Context, k sharedKey[K], c *sharedCall[V]) {
	s.mu.Lock()
	c.askers--
	last := c.askers == 0
	if last {
		s.drop(k, c)
	}
	s.mu.Unlock()
	if !last {
		return
	}
	cause := context.Cause(ctx)
	if cause == nil {
		cause = aio.ErrStopped
	}
	c.promise.Op().Cancel(cause)
}

// Forget has the next asker for the key in ctx's loop begin another call, also
// while one is in progress. Those who have asked before still get that one's
// result.
func (s *Shared[K, V]) Forget(ctx context.Context, key K) {
	k := sharedKey[K]{aio.LoopOf(ctx), key}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.calls, k)
}

func (s *Shared[K, V]) remove(k sharedKey[K], c *sharedCall[V]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(k, c)
}

// drop has a call not joined any more. The lock is held.
func (s *Shared[K, V]) drop(k sharedKey[K], c *sharedCall[V]) {
	if s.calls[k] == c {
		delete(s.calls, k)
	}
}
