package ferretdb_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"goaio.example/aio"
)

// await returns a future's value, or fails the test.
func await[T any](ctx context.Context, t *testing.T, f *aio.Future[T]) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	v, err := f.Await(ctx)
	if err != nil {
		t.Fatalf("f.Await: %v", err)
	}
	return v
}

// wantErr compares a future's error.
func wantErr[T any](ctx context.Context, t *testing.T, what string, f *aio.Future[T], want error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if v, err := f.Await(ctx); !errors.Is(err, want) {
		t.Errorf("%s: got %v, %v; want the error %v", what, v, err, want)
	}
}
