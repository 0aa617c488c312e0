package beanstalk_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/beanstalk"
)

// withFake runs main in a loop in a bubble, with a fake and a client of it. The
// fake is there until the loop has ended.
func withFake(t *testing.T, main func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		defer f.stop()
		synctest.Wait()
		aiotest.RunLoop(t, new(aio.Loop), func(ctx context.Context) error { return main(ctx, t, f, f.client()) })
		synctest.Wait()
		if n := f.open(); n != 0 {
			t.Errorf("%d connections are open after the loop's end", n)
		}
	})
}

// want fails the test unless an error is what it should be, by errors.Is.
func want(t *testing.T, what string, err error, targets ...error) {
	t.Helper()
	if len(targets) == 0 && err != nil {
		t.Errorf("%s: %v, want no error", what, err)
	}
	for _, target := range targets {
		if !errors.Is(err, target) {
			t.Errorf("%s: %v, want an error that is %q", what, err, target)
		}
	}
}

// wantNot fails the test if an error is what it should not be.
func wantNot(t *testing.T, what string, err error, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if errors.Is(err, target) {
			t.Errorf("%s: %v, which should not be %q", what, err, target)
		}
	}
}

// must returns a future's value, and ends the test if there is none.
func must[T any](ctx context.Context, t *testing.T, f *aio.Future[T]) T {
	t.Helper()
	v, err := f.Await(ctx)
	if err != nil {
		t.Fatalf("f.Await: %v", err)
	}
	return v
}

// errOf returns a future's error.
func errOf[T any](ctx context.Context, f *aio.Future[T]) error {
	_, err := f.Await(ctx)
	return err
}

// pending fails the test if a future is resolved, once nothing happens any
// more.
func pending[T any](t *testing.T, what string, f *aio.Future[T]) {
	t.Helper()
	synctest.Wait()
	if v, err := f.Result(); !errors.Is(err, aio.ErrPending) {
		t.Errorf("%s: got %v, %v; should still wait", what, v, err)
	}
}
