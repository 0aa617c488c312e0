package cookbook_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"goaio.example/aio"
)

// ordered calls fn for each value of in, for up to n of them at a time. It
// calls out with the results, in the order of in.
func ordered[T, U any](ctx context.Context, in iter.Seq[T], n int,
	fn func(context.Context, T) (U, error), out func(U) error,
) error {
	return aio.Scope(ctx, "ordered", func(ctx context.Context) error {
		var window []*aio.Future[U]
		next := func() error {
			v, err := window[0].Await(ctx)
			window = window[1:]
			if err != nil {
				return err
			}
			return out(v)
		}
		for v := range in {
			if len(window) == n {
				if err := next(); err != nil {
					return err
				}
			}
			window = append(window, aio.Go(ctx, fmt.Sprint("item ", v), func(ctx context.Context) (U, error) {
				return fn(ctx, v)
			}))
		}
		for len(window) > 0 {
			if err := next(); err != nil {
				return err
			}
		}
		return nil
	})
}

func Example_orderedPipeline() {
	third := make(chan struct{})
	work := func(ctx context.Context, i int) (string, error) {
		switch i {
		case 1:
			<-third // so that item 1 ends after item 3
		case 3:
			close(third)
		case 6:
			<-ctx.Done() // so that item 6 does not end in time
			return "", context.Cause(ctx)
		}
		return fmt.Sprint("result ", i), nil
	}
	show := func(s string) error {
		fmt.Println(s)
		return nil
	}
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		// for all of it
		ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		defer cancel()
		return ordered(ctx, slices.Values([]int{1, 2, 3, 4, 5, 6, 7}), 3, work, show)
	})
	fmt.Println("in time:", !errors.Is(err, context.DeadlineExceeded))
	// Output:
	// result 1
	// result 2
	// result 3
	// result 4
	// result 5
	// in time: false
}
