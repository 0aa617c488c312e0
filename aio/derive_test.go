package aio_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

func TestDerive(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		double := func(ctx context.Context, v int) (string, error) {
			return strconv.Itoa(2 * v), sleep(ctx, time.Second)
		}
		fail := func(int) (string, error) { return "", errStop }
		mend := func(_ context.Context, err error) (int, error) { return 9, nil }
		worse := func(_ context.Context, err error) (int, error) { return 0, fmt.Errorf("worse: %w", err) }
		show := func(v any, err error) string { return fmt.Sprint(v, " ", err) }
		s := func(f *aio.Future[string]) string { return show(f.Await(ctx)) }
		i := func(f *aio.Future[int]) string { return show(f.Await(ctx)) }
		good, bad := aio.Resolved(4), func() *aio.Future[int] { return in(ctx, time.Second, 0, errTest) }
		for _, c := range []struct{ name, got, want string }{
			{"Then", s(aio.Then(ctx, in(ctx, time.Second, 3, nil), double)), "6 <nil>"},
			{"Then of what is there", s(aio.Then(ctx, good, double)), "8 <nil>"},
			{"Then, failed", s(aio.Then(ctx, bad(), double)), " test error"},
			{"Map", s(aio.Map(ctx, good, fail)), " test cause"},
			{"Catch", i(aio.Catch(ctx, bad(), mend)), "9 <nil>"},
			{"Catch, nothing to do", i(aio.Catch(ctx, good, mend)), "4 <nil>"},
			{"Catch, worse", i(aio.Catch(ctx, bad(), worse)), "0 worse: test error"},
		} {
			eq(t, c.name, c.got, c.want)
		}
		// a second Then does not replace the first
		f := in(ctx, time.Second, 1, nil)
		a, b := aio.Then(ctx, f, double), aio.Then(ctx, f, double)
		eq(t, "both", s(a)+s(b), "2 <nil>2 <nil>")
		eq(t, "futures", aio.LoopOf(ctx).Stats().Futures, 0)
		eq(t, "callbacks", aio.LoopOf(ctx).Stats().Callbacks, 0)
	})
}

// Once the function of a Then runs, cancelling asks.
func TestThenCancelledWhileRunning(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		f := aio.Then(ctx, aio.Resolved(1), func(ctx context.Context, v int) (int, error) {
			err := untilDead(ctx)
			time.Sleep(time.Second)
			return 5, errors.Join(err, errTest)
		})
		synctest.Wait()
		eq(t, "callbacks", aio.LoopOf(ctx).Stats().Callbacks, 1)
		f.Cancel(errStop)
		if _, err := f.Result(); err != aio.ErrPending {
			t.Errorf("f.Result: %v", err)
		}
		_, err := f.Await(ctx)
		wantErr(t, "error", err, errTest)
		wantErr(t, "error", err, errStop)
	})
}

func TestTimeout(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		f := in(ctx, 3*time.Second, 1, nil)
		_, err := aio.Timeout(ctx, f, time.Second).Await(ctx)
		var a *aio.AwaitError
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, aio.ErrTimeout) || !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &a) {
			t.Errorf("%v", err)
		}
		// f was left alone
		if v, err := aio.Timeout(ctx, f, time.Hour).Await(ctx); v != 1 || err != nil {
			t.Error(v, err)
		}
		// ready wins
		if v, err := aio.Timeout(ctx, f, -1).Await(ctx); v != 1 || err != nil {
			t.Error(v, err)
		}
		_, err = aio.Timeout(ctx, in(ctx, time.Second, 1, nil), 0).Await(ctx)
		wantErr(t, "no time at all", err, context.DeadlineExceeded)
		_, err = aio.Timeout(ctx, in(ctx, time.Second, 1, errTest), time.Hour).Await(ctx)
		wantErr(t, "the future's error", err, errTest)
	})
}
