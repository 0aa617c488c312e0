package aio_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"goaio.example/aio"
)

// Cancelling an operation reads its children in pieces. An operation that ends
// meanwhile hands up those that were not read yet: they are cancelled too.
func TestCancelMeetsHandUp(t *testing.T) {
	const n = 20 * aio.Piece
	for range 3 {
		within(t, func(ctx context.Context) {
			parent := begin(t, ctx)
			// closed before the children are read
			cancelled := parent.Context().Done()
			kids := make([]*aio.Op, n)
			for i := range kids {
				kids[i] = begin(t, parent.Context())
			}
			handed := make(chan struct{})
			go func() {
				defer close(handed)
				<-cancelled
				parent.End(nil)
			}()
			parent.Cancel(errTest)
			<-handed
			missed := 0
			for _, k := range kids {
				if context.Cause(k.Context()) != errTest {
					missed++
				}
				k.End(nil)
			}
			if missed > 0 {
				t.Fatalf("%d of %d children were not cancelled", missed, n)
			}
		})
	}
}

// BenchmarkCancelWide cancels an operation with a million children, while
// others start and end one more below it. late-max is how long one of these
// took at most.
func BenchmarkCancelWide(b *testing.B) {
	const n = 1_000_000
	var late []time.Duration
	for b.Loop() {
		b.StopTimer()
		within(b, func(ctx context.Context) {
			parent := begin(b, ctx)
			kids := make([]*aio.Op, n)
			for i := range kids {
				kids[i] = begin(b, parent.Context())
			}
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for {
					select {
					case <-stop:
						return
					default:
					}
					began := time.Now()
					begin(b, parent.Context()).End(nil)
					late = append(late, time.Since(began))
				}
			}()
			b.StartTimer()
			parent.Cancel(errTest)
			b.StopTimer()
			close(stop)
			<-stopped
			for _, k := range kids {
				k.End(nil)
			}
			parent.End(nil)
		})
		b.StartTimer()
	}
	slices.Sort(late)
	b.ReportMetric(float64(late[len(late)-1].Nanoseconds())/1e3, "late-max-us")
	b.ReportMetric(float64(late[len(late)*999/1000].Nanoseconds())/1e3, "late-p99.9-us")
}
