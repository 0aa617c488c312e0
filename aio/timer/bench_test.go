package timer_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/timer"
)

// million is how many timers are pending in the benchmarks of many.
const million = 1_000_000

// The benchmarks of many take one step for all that a run of the loop shows;
// b.N only repeats that:
//
//	go test -run '^$' -bench Million -benchtime 3x

// BenchmarkMillion starts 1,000,000 delays and looks at what they cost, beside
// the same with time.AfterFunc.
func BenchmarkMillion(b *testing.B) {
	var own, std many
	for range b.N {
		std.add(measureAfterFunc())
		own.add(measureDelays(b))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(own.rss/own.n, "rssB/timer")
	b.ReportMetric(own.heap/own.n, "heapB/timer")
	b.ReportMetric(own.rss/std.rss, "rss/AfterFunc")
	b.ReportMetric(own.create/own.n, "create-ns/timer")
	b.ReportMetric(own.create/std.create, "create/AfterFunc")
	b.ReportMetric(own.stop/own.n, "cancel-all-ns/timer")
	b.ReportMetric(own.stop/std.stop, "cancel-all/AfterFunc-stop")
	b.ReportMetric(own.ops/own.n/1e6, "Ops-ms")
	b.ReportMetric(own.stats/own.n, "Stats-ns")
}

// many has sums of what a number of timers cost, per timer unless it says
// otherwise.
type many struct {
	n                  float64
	rss, heap          float64 // bytes
	create, stop       float64 // ns
	ops, stats         float64 // ns in all
	rssBefore, heapOld int64
}

func (m *many) add(o many) {
	m.n++
	m.rss, m.heap, m.create, m.stop = m.rss+o.rss, m.heap+o.heap, m.create+o.create, m.stop+o.stop
	m.ops, m.stats = m.ops+o.ops, m.stats+o.stats
}

// begin notes the memory before the timers are there, and created what has come
// to it since.
func (m *many) begin() {
	debug.FreeOSMemory()
	m.rssBefore, m.heapOld = residentBytes(), heap()
}

func (m *many) created(start time.Time) {
	m.create = float64(time.Since(start)) / million
	m.rss = float64(residentBytes()-m.rssBefore) / million
	m.heap = float64(heap()-m.heapOld) / million
}

func measureAfterFunc() (m many) {
	timers := make([]*time.Timer, million)
	m.begin()
	start := time.Now()
	for i := range timers {
		timers[i] = time.AfterFunc(time.Hour+time.Duration(i), func() {})
	}
	m.created(start)
	start = time.Now()
	for _, t := range timers {
		t.Stop()
	}
	m.stop = float64(time.Since(start)) / million
	return m
}

func measureDelays(b *testing.B) (m many) {
	l := new(aio.Loop)
	err := l.Run(context.Background(), func(ctx context.Context) error {
		p := aio.NewPromise[int](ctx, 0, "parent")
		ctx = p.Context()
		m.begin()
		start := time.Now()
		for i := range million {
			timer.Delay(ctx, time.Hour+time.Duration(i), noop)
		}
		m.created(start)
		m.look(b, l)
		start = time.Now()
		p.Future().Cancel(errTest)
		m.stop = float64(time.Since(start)) / million
		if n := l.Stats().Timers; n != 0 {
			b.Errorf("%d timers left after all were cancelled", n)
		}
		return nil
	})
	if err != nil {
		b.Fatalf("Run: %v", err)
	}
	return m
}

// look measures looking at the loop.
func (m *many) look(b *testing.B, l *aio.Loop) {
	start := time.Now()
	n := 0
	for range l.Ops() {
		n++
	}
	m.ops = float64(time.Since(start))
	start = time.Now()
	s := l.Stats()
	m.stats = float64(time.Since(start))
	if n != million+1 || s.Timers != million {
		b.Errorf("%d operations, %d timers", n, s.Timers)
	}
}

// residentBytes returns the process's resident memory, 0 where that is not to
// be had.
func residentBytes() int64 {
	runtime.GC()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	line, _, _ := strings.Cut(rest, " kB")
	kib, _ := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	return kib << 10
}

// inLoop runs a benchmark's body in a loop.
func inLoop(b *testing.B, body func(ctx context.Context)) {
	b.Helper()
	if err := aio.Run(context.Background(), func(ctx context.Context) error { body(ctx); return nil }); err != nil {
		b.Fatalf("aio.Run: %v", err)
	}
}

// BenchmarkCreateStop creates and stops a timer, by itself.
func BenchmarkCreateStop(b *testing.B) {
	b.Run("Delay", func(b *testing.B) {
		b.ReportAllocs()
		inLoop(b, func(ctx context.Context) {
			for b.Loop() {
				timer.Delay(ctx, time.Hour, noop).Stop()
			}
		})
	})
	b.Run("AfterFunc", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			time.AfterFunc(time.Hour, func() {}).Stop()
		}
	})
}

// BenchmarkChain runs delays without a time, each started by the one before.
func BenchmarkChain(b *testing.B) {
	b.Run("Delay", func(b *testing.B) {
		b.ReportAllocs()
		inLoop(b, func(ctx context.Context) {
			n := 0
			var next func(context.Context) error
			next = func(ctx context.Context) error {
				if n++; n < b.N {
					timer.Delay(ctx, 0, next)
				}
				return nil
			}
			timer.Delay(ctx, 0, next)
		})
	})
	b.Run("AfterFunc", func(b *testing.B) {
		b.ReportAllocs()
		done := make(chan bool)
		n := 0
		var next func()
		next = func() {
			if n++; n < b.N {
				time.AfterFunc(0, next)
			} else {
				close(done)
			}
		}
		time.AfterFunc(0, next)
		<-done
	})
}

// BenchmarkForeign is BenchmarkCreateStop with a ctx that has a cancellation of
// its own.
func BenchmarkForeign(b *testing.B) {
	b.ReportAllocs()
	inLoop(b, func(ctx context.Context) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(errors.New("over"))
		for b.Loop() {
			timer.Delay(ctx, time.Hour, noop).Stop()
		}
	})
}
