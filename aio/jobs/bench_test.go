package jobs_test

import (
	"context"
	"sync/atomic"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/jobs"
)

// The cost of a job in addition to its broker's: put, reserved, run, deleted.
func BenchmarkWorker(b *testing.B) {
	b.ReportAllocs()
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		var m jobs.Memory
		var left atomic.Int64
		left.Store(int64(b.N))
		done := make(chan struct{})
		w := &jobs.Worker{Source: m.Source("q"), Slots: 8, Handle: func(context.Context, *jobs.Job) error {
			if left.Add(-1) == 0 {
				close(done)
			}
			return nil
		}}
		for range b.N {
			m.Put(ctx, "q", jobs.Job{ID: "job", Body: []byte("body")})
		}
		b.ResetTimer()
		if err := w.Start(ctx); err != nil {
			return err
		}
		<-done
		b.StopTimer()
		return w.Shutdown(ctx)
	})
	if err != nil {
		b.Fatalf("aio.Run: %v", err)
	}
}
