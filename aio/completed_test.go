package aio_test

import (
	"context"
	"testing"
	"time"

	"goaio.example/aio"
)

func TestAsCompleted(t *testing.T) {
	var rec recorder
	must(t, rec.loop(), func(ctx context.Context) {
		f := in(ctx, 2*time.Second, 2, nil)
		fs := []*aio.Future[int]{in(ctx, 3*time.Second, 3, errTest), f, in(ctx, time.Second, 1, nil), f, aio.Resolved(0)}
		var got []string
		for i, r := range aio.AsCompleted(ctx, fs...) {
			got = append(got, fmtResult(i, r))
		}
		eq(t, "got", got, []string{"4 0 <nil>", "2 1 <nil>", "1 2 <nil>", "3 2 <nil>", "0 3 test error"})
		for range aio.AsCompleted[int](ctx) {
			t.Error("something of nothing")
		}
		// again, and not to the end
		for i := range aio.AsCompleted(ctx, fs...) {
			if i == 2 {
				break
			}
		}
	})
	rec.want(t)
}

// When ctx ends, what is there still comes, then the AwaitError.
func TestAsCompletedExpires(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		sub, cancel := context.WithTimeout(ctx, 2500*ms)
		defer cancel()
		var got []string
		for i, r := range aio.AsCompleted(sub, in(ctx, time.Second, 1, nil), in(ctx, 2900*ms, 3, nil), in(ctx, 2*time.Second, 2, nil)) {
			got = append(got, fmtResult(i, r))
			time.Sleep(time.Second)
		}
		eq(t, "got", got, []string{"0 1 <nil>", "2 2 <nil>", "1 3 <nil>"})
		for i, r := range aio.AsCompleted(sub, in(ctx, time.Second, 1, nil)) {
			eq(t, "got", fmtResult(i, r), "-1 0 aio: gave up waiting: context deadline exceeded")
		}
	})
}

func TestWaitMixed(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		p := aio.NewPromise[struct{}](ctx, 0, "")
		time.AfterFunc(time.Second, func() { p.Resolve(struct{}{}) })
		wantErr(t, "Wait", aio.Wait(ctx, in(ctx, 2*time.Second, 1, nil), aio.Resolved("s"), p.Future()), nil)
	})
}
