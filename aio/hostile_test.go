package aio_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"goaio.example/aio"
)

// panickyError is an error whose methods panic if it is nil.
type panickyError struct{ err error }

func (e *panickyError) Error() string   { return e.err.Error() }
func (e *panickyError) Unwrap() error   { return e.err }
func (e *panickyError) Is(t error) bool { return e.err == t }

// valueError can be compared by its type, and not by its value.
type valueError struct{ detail any }

func (valueError) Error() string { return "value" }

// Errors whose methods panic, or that cannot be compared, are errors like
// others, wherever they come from: nothing hangs, and no goroutine dies of
// them.
func TestHostileErrors(t *testing.T) {
	for name, bad := range map[string]error{
		"methods panic":      (*panickyError)(nil),
		"cannot be compared": valueError{[]string{"a"}},
	} {
		for how, fail := range map[string]func(ctx context.Context) error{
			"Go": func(ctx context.Context) error {
				_, err := aio.Go(ctx, "", func(context.Context) (int, error) { return 0, bad }).Await(ctx)
				return err
			},
			"Reject": func(ctx context.Context) error {
				p := aio.NewPromise[int](ctx, 0, "")
				p.Reject(bad)
				_, err := p.Future().Result()
				return err
			},
			"Cancel": func(ctx context.Context) error {
				f := aio.Go(ctx, "", func(ctx context.Context) (int, error) {
					<-ctx.Done()
					return 0, context.Cause(ctx)
				})
				f.Cancel(bad)
				_, err := f.Await(ctx)
				return err
			},
			"Scope": func(ctx context.Context) error {
				return aio.Scope(ctx, "", func(ctx context.Context) error {
					aio.Spawn(ctx, "", func(context.Context) error { return bad })
					<-ctx.Done()
					return bad
				})
			},
			"cancelled Scope": func(ctx context.Context) error {
				f := aio.Go(ctx, "", func(ctx context.Context) (int, error) {
					return 0, aio.Scope(ctx, "", func(ctx context.Context) error {
						aio.Spawn(ctx, "", func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) })
						<-ctx.Done()
						return bad
					})
				})
				f.Cancel(bad)
				_, err := f.Await(ctx)
				return err
			},
			"combinators": func(ctx context.Context) error {
				one := aio.Failed[int](bad)
				other := aio.Go(ctx, "", func(context.Context) (int, error) { return 0, bad })
				if _, err := aio.Any(ctx, one, other).Await(ctx); err == nil {
					t.Error("Any has no error")
				}
				if err := aio.Wait(ctx, other, one); err == nil {
					t.Error("Wait has no error")
				}
				_, err := aio.All(ctx, one, other).Await(ctx)
				return err
			},
		} {
			t.Run(name+"/"+how, func(t *testing.T) {
				l := &aio.Loop{Logger: quiet, CatchPanics: true, OnEvent: func(aio.Event) {}}
				_, err := bubble(t, l, func(ctx context.Context) error {
					if err := fail(ctx); err == nil {
						t.Error("no error")
					}
					return nil
				})
				if err != nil {
					t.Errorf("Run: %v", err)
				}
			})
		}
	}
}

// An AwaitError with such errors has a text.
func TestHostileAwaitError(t *testing.T) {
	bad := valueError{[]string{"a"}}
	eq(t, "text", (&aio.AwaitError{Err: bad, Cause: bad}).Error(), "aio: gave up waiting: value (value)")
}

// lockedCtx is a foreign context that takes its lock in every method.
type lockedCtx struct {
	context.Context
	mu   sync.Mutex
	done chan struct{}
}

func (c *lockedCtx) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
	}
	return c.done
}

func (c *lockedCtx) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done != nil {
		select {
		case <-c.done:
			return context.Canceled
		default:
		}
	}
	return nil
}

func (c *lockedCtx) Value(key any) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Context.Value(key)
}

// The methods of a foreign context are called with no lock held that a holder
// of that context's lock may need.
func TestForeignCtxWithLock(t *testing.T) {
	l := &aio.Loop{Logger: quiet, OnEvent: func(aio.Event) {}}
	err := l.Run(context.Background(), func(ctx context.Context) error {
		for i := range 10000 {
			s := &lockedCtx{Context: ctx}
			begun := make(chan bool)
			f := aio.Go(s, "", func(ctx context.Context) (int, error) {
				close(begun)
				if i%4 < 3 {
					ctx.Done()
				}
				return 0, []error{nil, errors.New("failed")}[i%2]
			})
			<-begun
			if i%5 == 0 {
				go f.Cancel(errStop)
			}
			for range 20 {
				s.mu.Lock()
				f.Done() // needs the operation's lock
				s.mu.Unlock()
			}
			<-f.Done()
			f.Result()
		}
		return nil
	})
	if err != nil {
		t.Errorf("Run: %v", err)
	}
}

// A hook that does not return keeps neither the rest of the loop from being
// cancelled, nor Run from its end.
func TestHookGoexit(t *testing.T) {
	for name, cancel := range map[string]func(l *aio.Loop, root *aio.Op){
		"loop":      func(l *aio.Loop, _ *aio.Op) { l.Cancel(errStop) },
		"operation": func(_ *aio.Loop, root *aio.Op) { go root.Cancel(errStop) },
	} {
		t.Run(name, func(t *testing.T) {
			l := &aio.Loop{Logger: quiet, OnEvent: func(aio.Event) {}}
			var ended atomic.Int64
			_, err := bubble(t, l, func(ctx context.Context) error {
				root, err := aio.Begin(ctx, aio.NewKind("test.hook"), "root")
				if err != nil {
					return err
				}
				for range 10 {
					o, err := aio.Begin(root.Context(), aio.NewKind("test.hook"), "hooked")
					if err != nil {
						return err
					}
					o.OnCancel(func(error) {
						defer o.End(nil)
						ended.Add(1)
						runtime.Goexit()
					})
					aio.Spawn(o.Context(), "below", func(ctx context.Context) error {
						<-ctx.Done()
						ended.Add(1)
						return ctx.Err()
					})
				}
				root.OnCancel(func(error) { root.End(nil) })
				cancel(l, root)
				return nil
			})
			if err != nil && !errors.Is(err, errStop) {
				t.Errorf("Run: %v", err)
			}
			eq(t, "ended", ended.Load(), 20)
		})
	}
}

// A function that is nil panics at once, and leaves nothing behind.
func TestNilFunction(t *testing.T) {
	took := must(t, nil, func(ctx context.Context) {
		f := aio.Go(ctx, "", func(ctx context.Context) (int, error) { return 0, sleep(ctx, time.Second) })
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		f.AfterFunc(nil)
	})
	eq(t, "took", took, time.Second)
}
