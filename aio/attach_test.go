package aio_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

func TestDetach(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		ctx = context.WithValue(ctx, key("k"), "v")
		var detached context.Context
		causes := make(chan error, 1)
		f := aio.Go(ctx, "op", func(ctx context.Context) (int, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			detached = aio.Detach(ctx)
			aio.Spawn(detached, "detached", func(ctx context.Context) error { causes <- untilDead(ctx); return nil })
			return never(ctx)
		})
		synctest.Wait()
		for i := range aio.LoopOf(ctx).Ops() {
			if i.Name == "detached" {
				eq(t, "parents", i.Parents, []string{"main"})
			}
		}
		f.Cancel(errStop)
		synctest.Wait()
		wantErr(t, "Err", detached.Err(), nil)
		eq(t, "value", detached.Value(key("k")), "v")
		if _, ok := detached.Deadline(); ok {
			t.Error("a detached ctx has a deadline")
		}
		aio.LoopOf(ctx).Cancel(nil)
		<-detached.Done()
		wantErr(t, "Err", detached.Err(), context.Canceled)
		wantErr(t, "Cause", context.Cause(detached), aio.ErrExit)
		wantErr(t, "cause in the detached operation", <-causes, aio.ErrExit)
	})
}

// Where there is no loop, Detach is context.WithoutCancel.
func TestDetachWithoutLoop(t *testing.T) {
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), key("k"), 1))
	cancel()
	d := aio.Detach(ctx)
	if d.Err() != nil || d.Done() != nil || d.Value(key("k")) != 1 || aio.LoopOf(d) != nil {
		t.Error(d.Err(), d.Value(key("k")))
	}
}

// A ctx of context.WithoutCancel detaches, as its name says.
func TestWithoutCancel(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		var kid *aio.Future[int]
		f := aio.Go(ctx, "op", func(ctx context.Context) (int, error) {
			kid = aio.Go(context.WithoutCancel(ctx), "kid", func(ctx context.Context) (int, error) {
				return 1, sleep(ctx, time.Second)
			})
			return never(ctx)
		})
		synctest.Wait()
		f.Cancel(errStop)
		if v, err := kid.Await(ctx); v != 1 || err != nil {
			t.Error(v, err)
		}
	})
}

func TestWithLoop(t *testing.T) {
	l := &aio.Loop{Logger: quiet}
	request, end := context.WithCancelCause(context.WithValue(context.Background(), key("k"), "v"))
	attached := aio.WithLoop(request, l)
	if _, err := aio.Go(attached, "", never).Result(); err != aio.ErrNoLoop {
		t.Errorf("before Run: %v", err)
	}
	if aio.LoopOf(attached) != nil {
		t.Error("a loop before Run")
	}
	must(t, l, func(ctx context.Context) {
		request, end := context.WithCancelCause(context.WithValue(context.Background(), key("k"), "v"))
		attached := aio.WithLoop(request, l)
		if aio.LoopOf(attached) != l {
			t.Error("LoopOf")
		}
		f := aio.Go(attached, "op", func(ctx context.Context) (any, error) {
			<-ctx.Done()
			return ctx.Value(key("k")), nil
		})
		dropped := aio.Go(attached, "holds the loop open", func(ctx context.Context) (int, error) {
			return 0, sleep(ctx, time.Minute)
		})
		synctest.Wait()
		end(errStop)
		if v, err := f.Await(ctx); v != "v" || err != nil {
			t.Error(v, err)
		}
		_, err := dropped.Await(ctx)
		wantErr(t, "dropped", err, errStop)
		aio.Go(aio.WithLoop(context.Background(), l), "", func(ctx context.Context) (int, error) {
			return 0, sleep(ctx, time.Minute)
		})
	})
	end(nil)
	if _, err := aio.Go(attached, "", never).Result(); err != aio.ErrLoopDone {
		t.Errorf("after Run: %v", err)
	}
}

// A ctx of one loop lent to another belongs to the other.
func TestWithLoopOfOther(t *testing.T) {
	var inner, outer recorder
	must(t, outer.loop(), func(ctx context.Context) {
		l := inner.loop()
		err := l.Run(ctx, func(context.Context) error {
			aio.Spawn(aio.WithLoop(ctx, l), "", func(ctx context.Context) error {
				if aio.LoopOf(ctx) != l {
					t.Error("the wrong loop")
				}
				return errTest
			})
			return nil
		})
		wantErr(t, "inner", err, nil)
	})
	inner.want(t, errTest.Error())
	outer.want(t)
}

var noCtx context.Context // nil

func TestLoopOf(t *testing.T) {
	if aio.LoopOf(context.Background()) != nil || aio.LoopOf(noCtx) != nil || aio.Draining(noCtx) != nil ||
		aio.Draining(context.Background()) != nil {
		t.Error("a loop from nowhere")
	}
	l := &aio.Loop{Logger: quiet}
	must(t, l, func(ctx context.Context) {
		if aio.LoopOf(context.WithValue(ctx, key("k"), 1)) != l || aio.Draining(ctx) != l.Draining() {
			t.Error("the wrong loop")
		}
	})
}

// Every operation started with a ctx that has no loop, or one that is done,
// fails, and runs nothing.
func TestNoLoop(t *testing.T) {
	var done context.Context
	run(nil, func(ctx context.Context) error { done = ctx; return nil })
	nothing := func(context.Context) error { t.Error("ran"); return nil }
	for name, c := range map[string]struct {
		ctx  context.Context
		want error
	}{
		"nil": {nil, aio.ErrNoLoop}, "background": {context.Background(), aio.ErrNoLoop}, "done": {done, aio.ErrLoopDone},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := c.ctx
			ok, bad := aio.Resolved(1), aio.Failed[int](errTest)
			_, begin := aio.Begin(ctx, 0, "")
			_, catch := aio.Catch(ctx, bad, func(context.Context, error) (int, error) { return 0, nothing(nil) }).Result()
			_, then := aio.Then(ctx, ok, func(context.Context, int) (int, error) { return 0, nothing(nil) }).Result()
			for op, err := range map[string]error{
				"Go":         result(aio.Go(ctx, "", func(ctx context.Context) (int, error) { return 0, nothing(ctx) })),
				"Scope":      aio.Scope(ctx, "", nothing),
				"NewPromise": result(aio.NewPromise[int](ctx, 0, "").Future()),
				"Begin":      begin,
				"All":        result(aio.All(ctx, ok)),
				"All of 0":   result(aio.All[int](ctx)),
				"Any":        result(aio.Any(ctx, ok)),
				"Any of 0":   result(aio.Any[int](ctx)),
				"Race":       result(aio.Race(ctx, ok)),
				"Settle":     result(aio.Settle(ctx, ok)),
				"Then":       then,
				"Map":        result(aio.Map(ctx, ok, func(int) (int, error) { return 0, nothing(nil) })),
				"Catch":      catch,
				"Timeout":    result(aio.Timeout(ctx, ok, time.Second)),
			} {
				if !errors.Is(err, c.want) {
					t.Errorf("%s: %v, want %v", op, err, c.want)
				}
			}
			aio.Daemon(aio.OnEvent(ctx, nil), "", nothing)
			aio.Spawn(aio.Detach(ctx), "", nothing)
			aio.Spawn(ctx, "", nothing)
			p := aio.NewPromise[int](ctx, 0, "")
			if p.Resolve(1) || p.Reject(errTest) || p.Context() == nil {
				t.Error("a promise that never began can be resolved")
			}
			if v, err := ok.Await(ctx); v != 1 || err != nil {
				t.Errorf("Await: %v, %v", v, err)
			}
			wantErr(t, "Wait", aio.Wait(ctx, ok, bad), errTest)
			for i, r := range aio.AsCompleted(ctx, ok) {
				eq(t, "AsCompleted", fmtResult(i, r), "0 1 <nil>")
			}
		})
	}
	if err := aio.Run(done, nothing); !errors.Is(err, aio.ErrLoopDone) {
		t.Errorf("Run: %v", err)
	}
}

func result[T any](f *aio.Future[T]) error {
	_, err := f.Result()
	return err
}

// A nil ctx stands for context.Background() where no loop is needed.
func TestNilCtx(t *testing.T) {
	f := aio.Resolved(1)
	err := aio.Run(noCtx, func(ctx context.Context) error {
		f = aio.Go(ctx, "", func(context.Context) (int, error) { return 2, nil })
		v, err := f.Await(noCtx)
		eq(t, "Await", v, 2)
		g := aio.Go(aio.WithLoop(noCtx, aio.LoopOf(ctx)), "", func(context.Context) (int, error) { return 3, nil })
		for range aio.AsCompleted(noCtx, f, g) {
		}
		return errors.Join(err, aio.Wait(noCtx, f, g))
	})
	wantErr(t, "Run", err, nil)
}
