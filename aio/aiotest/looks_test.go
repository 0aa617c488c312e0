package aiotest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
)

type key struct{}

// look looks at ctx in each way once.
func look(ctx context.Context) {
	ctx.Done()
	_ = ctx.Err()
	ctx.Value(key{})
	ctx.Deadline()
}

func TestCancelAt(t *testing.T) {
	parent, cancel := context.WithTimeout(context.WithValue(context.Background(), key{}, "v"), time.Hour)
	defer cancel()
	ctx, looks := aiotest.CancelAt(parent, 6, errBoom)
	look(ctx)
	if n := looks.Count(); n != 4 || looks.Reached() || looks.String() != "4 looks, not cancelled" {
		t.Errorf("after 4 looks: %d, %v, %v", n, looks.Reached(), looks)
	}
	if ctx.Value(key{}) != "v" {
		t.Error("value lost")
	}
	if err := ctx.Err(); !errors.Is(err, context.Canceled) {
		t.Errorf("look 6: Err() = %v", err)
	}
	if !looks.Reached() || looks.Cause() != errBoom { //nolint:errorlint // it is this very one
		t.Errorf("after 6 looks: %v, %v", looks.Reached(), looks.Cause())
	}
	if want := "look 6 of 6: Err in aiotest_test.TestCancelAt (looks_test.go:"; !strings.HasPrefix(looks.String(), want) {
		t.Errorf("String() = %v, want %s...", looks, want)
	}
	if err := context.Cause(ctx); err != errBoom { //nolint:errorlint // it is this very one
		t.Errorf("cause %v", err)
	}
	if parent.Err() != nil {
		t.Error("the parent is cancelled too")
	}
	if _, ok := ctx.Deadline(); !ok {
		t.Error("deadline lost")
	}
}

func TestCancelAtNever(t *testing.T) {
	parent, cancel := context.WithCancelCause(context.Background())
	ctx, looks := aiotest.CancelAt(parent, 0, nil)
	for range 10 {
		look(ctx)
	}
	if ctx.Err() != nil || looks.Reached() || looks.Count() != 41 {
		t.Errorf("%v, %v, %d looks", ctx.Err(), looks.Reached(), looks.Count())
	}
	cancel(errBoom)
	if err := context.Cause(ctx); err != errBoom { //nolint:errorlint // it is this very one
		t.Errorf("cause %v, want the parent's", err)
	}
}

// A nil cause is context.Canceled, and a later ctx of the same looks is dead
// from the start.
func TestLooksContext(t *testing.T) {
	a, looks := aiotest.CancelAt(context.Background(), 1, nil)
	b := looks.Context(context.Background())
	bDone := b.Done()
	select {
	case <-bDone:
	default:
		t.Error("the look at b did not cancel b")
	}
	if !errors.Is(a.Err(), context.Canceled) || !errors.Is(context.Cause(a), context.Canceled) {
		t.Errorf("a look at b left a as it was: %v", a.Err())
	}
	if c := looks.Context(context.Background()); c.Err() == nil {
		t.Error("a new ctx is not cancelled")
	}
}

// Deriving finds the inner context: no goroutine, cause and all.
func TestCancelAtDerived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		aiotest.CheckLeaks(t)
		ctx, looks := aiotest.CancelAt(context.Background(), 50, errBoom)
		child, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		called := false
		context.AfterFunc(child, func() { called = true })
		for !looks.Reached() {
			ctx.Done()
		}
		synctest.Wait()
		if err := context.Cause(child); err != errBoom || !called { //nolint:errorlint // it is this very one
			t.Errorf("the derived ctx's cause is %v, AfterFunc ran: %v", err, called)
		}
	})
}

// Operations see the end of such a ctx, whenever it comes.
func TestCancelAtOperations(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		foreign, looks := aiotest.CancelAt(ctx, 1000, errBoom)
		wait := func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, context.Cause(ctx)
		}
		f := aio.Go(foreign, "waits", wait)
		p := aio.NewPromise[int](foreign, 0, "promise")
		g := aio.Go(foreign, "parent", func(ctx context.Context) (int, error) {
			return aio.Go(ctx, "child", wait).Await(aio.Detach(ctx))
		})
		synctest.Wait()
		for !looks.Reached() {
			foreign.Done()
		}
		for _, f := range []*aio.Future[int]{f, g, p.Future()} {
			if _, err := f.Await(ctx); !errors.Is(err, errBoom) {
				t.Errorf("an operation ended with %v, want the cause", err)
			}
		}
		return nil
	})
}
