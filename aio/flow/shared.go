package flow

import (
	"context"
	"fmt"
	"sync"

	"goaio.example/aio"
)

var kindShared = aio.NewKind("flow.shared")

// Shared makes one call for all callers that ask for the same key while the
// call is in progress. It keeps no results. The zero Shared is ready for use.
// Its methods may be called from any goroutine, and in any number of loops:
// loops do not share calls.
type Shared[K comparable, V any] struct {
	mu    sync.Mutex
	calls map[sharedKey[K]]*sharedCall[V]
}

// sharedKey identifies a call.
type sharedKey[K comparable] struct {
	loop *aio.Loop
	key  K
}

// sharedCall is a call in progress.
type sharedCall[V any] struct {
	promise *aio.Promise[V]
	askers  int // guarded by Shared.mu
}

// Do returns a future of fn's value. Each caller has a separate future:
// cancelling it, or the end of ctx, ends that future only. If a call for the
// key is in progress, the future has that call's result, and fn is not called.
// Do never blocks.
//
// The call is an operation of the loop itself. Its ctx has the values of the
// first caller's ctx, aio.OnEvent and aio.Limit included, and no deadline. It
// ends when the futures of all callers have ended, and with the loop. A call
// whose callers have all left is not joined: the next caller begins another
// one, even if fn has not returned yet.
//
// A panic in fn fails the futures of all callers with the same *aio.PanicError,
// and runtime.Goexit with aio.ErrGoexit.
func (s *Shared[K, V]) Do(ctx context.Context, key K, fn func(ctx context.Context) (V, error)) *aio.Future[V] {
	k := sharedKey[K]{aio.LoopOf(ctx), key}
	if k.loop != nil && ctx.Err() != nil {
		return aio.Failed[V](context.Cause(ctx))
	}
	c := s.join(k, nil)
	if c == nil {
		made := &sharedCall[V]{promise: aio.NewPromise[V](aio.Detach(ctx), kindShared, fmt.Sprint(key))}
		// the loop has ended, or is about to
		if !made.promise.Op().SetRunning() {
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

// join joins the call that is in progress for a key, and returns it. If there
// is none, it enters made as that call, unless made is nil.
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

// begin makes the call. It is not joined once it is resolved.
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

// leave records that the future of a caller has ended. The last one cancels the
// call.
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

// Forget makes the next caller for the key in ctx's loop begin another call,
// even if one is in progress. Earlier callers still get the result of that one.
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

// drop removes a call, so that it is not joined. The lock is held.
func (s *Shared[K, V]) drop(k sharedKey[K], c *sharedCall[V]) {
	if s.calls[k] == c {
		delete(s.calls, k)
	}
}
