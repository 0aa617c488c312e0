package nats_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
)

// run runs main in a loop, beside a server in the process.
func run(t *testing.T, main func(ctx context.Context) error) {
	t.Helper()
	aiotest.Runner{Parallel: true}.Run(t, main)
}

// await returns a future's value, or fails the test.
func await[T any](ctx context.Context, t *testing.T, f *aio.Future[T]) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	v, err := f.Await(ctx)
	if err != nil {
		t.Fatalf("f.Await: %v", err)
	}
	return v
}

// receive receives from a channel that is not closed, or fails the test.
func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v, ok := <-c:
		if !ok {
			t.Fatal("the channel is closed")
		}
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came within 20 s")
	}
	panic("not reached")
}

// wantErr compares a future's error.
func wantErr[T any](ctx context.Context, t *testing.T, what string, f *aio.Future[T], want error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if v, err := f.Await(ctx); !errors.Is(err, want) {
		t.Errorf("%s: got %v, %v; want the error %v", what, v, err, want)
	}
}
