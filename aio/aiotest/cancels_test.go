package aiotest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
)

func TestEachCancel(t *testing.T) {
	rounds := 0
	aiotest.EachCancel(t, func(t *testing.T, looks *aiotest.Looks) {
		rounds++
		ctx := looks.Context(context.Background())
		for range 3 {
			if err := ctx.Err(); err != nil {
				if cause := context.Cause(ctx); !errors.Is(cause, looks.Cause()) || looks.Count() < rounds {
					t.Errorf("round %d: %v, %v", rounds, cause, looks)
				}
				return
			}
		}
		if rounds != 4 || looks.Reached() {
			t.Errorf("not cancelled in round %d: %v", rounds, looks)
		}
	})
	if rounds != 4 {
		t.Errorf("%d rounds, want 4", rounds)
	}
}

// Operations end with a value or with the cause, wherever the ctx is cancelled.
func TestEachCancelOperations(t *testing.T) {
	work := func(ctx context.Context) (int, error) {
		child := aio.Go(ctx, "child", func(ctx context.Context) (int, error) {
			select {
			case <-ctx.Done():
				return 0, context.Cause(ctx)
			case <-time.After(time.Second):
				return 42, nil
			}
		})
		return child.Await(aio.Detach(ctx)) // it ends by itself
	}
	aiotest.EachCancel(t, func(t *testing.T, looks *aiotest.Looks) {
		aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
			v, err := aio.Go(looks.Context(ctx), "work", work).Await(ctx)
			switch {
			case err == nil && v != 42:
				t.Errorf("value %d", v)
			case err == nil:
			case !looks.Reached() || !errors.Is(err, looks.Cause()):
				t.Errorf("%v at %v", err, looks)
			}
			return nil
		})
	})
}

func TestEachCancelInChild(t *testing.T) {
	wantChild(t, "cancel unused", false, "never looked at")
	wantChild(t, "cancel fails", false, "look 2 of 2: Done in aiotest_test.init", "--- PASS: TestChild/look_1", "--- FAIL: TestChild/look_2")
	wantChild(t, "cancel parallel", false, "must not be parallel")
	wantChild(t, "cancel without end", false, "gave up after 20 rounds", `"look 20"`)
}

func init() {
	children["cancel unused"] = func(t *testing.T) {
		aiotest.EachCancel(t, func(*testing.T, *aiotest.Looks) {})
	}
	children["cancel fails"] = func(t *testing.T) {
		aiotest.EachCancel(t, func(t *testing.T, looks *aiotest.Looks) {
			ctx := looks.Context(context.Background())
			if ctx.Err() != nil {
				return
			}
			select {
			case <-ctx.Done():
				t.Error("cancelled")
			default:
			}
		})
	}
	children["cancel parallel"] = func(t *testing.T) {
		aiotest.EachCancel(t, func(t *testing.T, looks *aiotest.Looks) { t.Parallel() })
	}
	children["cancel without end"] = func(t *testing.T) {
		*aiotest.MaxRounds = 20
		aiotest.EachCancel(t, func(t *testing.T, looks *aiotest.Looks) {
			ctx := looks.Context(context.Background())
			for !looks.Reached() {
				ctx.Done()
			}
		})
	}
}
