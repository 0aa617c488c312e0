package aiotest

import (
	"fmt"
	"testing"
)

// EachCancel runs fn as a subtest repeatedly: with a ctx that is cancelled at
// the first look at it, at the second, and so on until the program no longer
// looks at the ctx that often. fn gets the ctx by passing one to looks.Context.
// Afterwards looks.Reached reports whether there was a cancellation, and
// looks.Cause returns its cause:
//
//	aiotest.EachCancel(t, func(t *testing.T, looks *aiotest.Looks) {
//		aiotest.Run(t, func(ctx context.Context) error {
//			_, err := aio.Go(looks.Context(ctx), "fetch", fetch).Await(ctx)
//			if err != nil && !errors.Is(err, looks.Cause()) {
//				t.Error(err)
//			}
//			return nil
//		})
//	})
//
// The last round is one without a cancellation. Subtests must not be parallel.
// One that fails ends the enumeration and logs where the ctx was cancelled. The
// test fails if the ctx was never looked at, and after 10,000 rounds.
func EachCancel(t *testing.T, fn func(t *testing.T, looks *Looks)) {
	t.Helper()
	each := enumerator{t: t, what: "the ctx was never looked at: is the one of looks.Context used?"}
	each.series(func(k int) round {
		looks := newLooks(k, fmt.Errorf("aiotest: cancelled at look %d", k))
		return round{
			name: fmt.Sprintf("look %d", k),
			run: func(t *testing.T) {
				defer func() {
					if t.Failed() {
						t.Logf("aiotest: %v", looks)
					}
				}()
				fn(t, looks)
			},
			fired: looks.Reached,
		}
	})
	each.conclude()
}
