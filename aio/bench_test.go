package aio_test

import (
	"context"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"goaio.example/aio"
)

// The peers run side by side, in short rounds that take turns, so that what
// else the machine does falls on all of them. Told are processor time and
// allocations of the first, processor time of the others, and the medians of
// the rounds' ratios of the first to each.

// A peer does its work n times.
type peer struct {
	name string
	do   func(n int)
}

// sideBySide measures peers[0] against the others, n times in a round.
func sideBySide(b *testing.B, n int, peers ...peer) {
	b.Helper()
	took := make([][]float64, len(peers))
	for b.Loop() {
		for i, p := range peers {
			runtime.Gosched()
			start := cpuTime()
			p.do(n)
			took[i] = append(took[i], float64(cpuTime()-start)/float64(n))
		}
	}
	b.ReportMetric(0, "ns/op") // of a round, which says nothing
	b.ReportMetric(testing.AllocsPerRun(10, func() { peers[0].do(n) })/float64(n), "allocs")
	b.ReportMetric(median(took[0]), "cpu-ns")
	for i, p := range peers[1:] {
		ratios := make([]float64, len(took[0]))
		for r := range ratios {
			ratios[r] = took[0][r] / max(took[i+1][r], 1)
		}
		b.ReportMetric(median(took[i+1]), p.name+"-cpu-ns")
		b.ReportMetric(median(ratios), p.name+"-ratio")
	}
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// inLoop runs a benchmark in a loop.
func inLoop(b *testing.B, bench func(ctx context.Context)) {
	b.Helper()
	if err := run(nil, func(ctx context.Context) error { bench(ctx); return nil }); err != nil {
		b.Fatalf("run: %v", err)
	}
}

// rawSpawn is what one writes without a library: a goroutine, a channel, and a
// select on ctx.
func rawSpawn(ctx context.Context, n int) {
	for range n {
		c := make(chan aio.Result[int], 1)
		go func() { c <- aio.Result[int]{Value: 1} }()
		select {
		case <-c:
		case <-ctx.Done():
		}
	}
}

func BenchmarkSpawnAwait(b *testing.B) {
	one := func(context.Context) (int, error) { return 1, nil }
	inLoop(b, func(ctx context.Context) {
		sideBySide(b, 2000,
			peer{"aio", func(n int) {
				for range n {
					if v, err := aio.Go(ctx, "op", one).Await(ctx); v != 1 || err != nil {
						b.Fatal(v, err)
					}
				}
			}},
			peer{"raw", func(n int) { rawSpawn(ctx, n) }},
		)
	})
}

// A pool that gives results in order, in the manner of the usual ones: a
// WaitGroup, a lock, a slice.
type resultPool struct {
	wg   sync.WaitGroup
	mu   sync.Mutex
	all  []aio.Result[int]
	next int
}

func (p *resultPool) run(fn func() (int, error)) {
	i := p.next
	p.next++
	p.mu.Lock()
	p.all = append(p.all, aio.Result[int]{})
	p.mu.Unlock()
	p.wg.Go(func() {
		v, err := fn()
		p.mu.Lock()
		p.all[i] = aio.Result[int]{Value: v, Err: err}
		p.mu.Unlock()
	})
}

func BenchmarkJoin(b *testing.B) {
	for _, width := range []int{10, 1000} {
		b.Run(strconv.Itoa(width), func(b *testing.B) {
			nothing := func(context.Context) error { return nil }
			each := func(n int, join func(n int)) {
				for ; n > 0; n -= width {
					join(min(n, width))
				}
			}
			inLoop(b, func(ctx context.Context) {
				sideBySide(b, max(2000, width),
					peer{"aio", func(n int) {
						each(n, func(n int) {
							_ = aio.Scope(ctx, "join", func(ctx context.Context) error {
								for range n {
									aio.Spawn(ctx, "task", nothing)
								}
								return nil
							})
						})
					}},
					peer{"errgroup", func(n int) {
						each(n, func(n int) {
							g, ctx := errgroup.WithContext(ctx)
							for range n {
								g.Go(func() error { return nothing(ctx) })
							}
							_ = g.Wait()
						})
					}},
					peer{"waitgroup", func(n int) {
						each(n, func(n int) {
							var wg sync.WaitGroup
							for range n {
								wg.Go(func() { _ = nothing(ctx) })
							}
							wg.Wait()
						})
					}},
					peer{"pool", func(n int) {
						each(n, func(n int) {
							var p resultPool
							for range n {
								p.run(func() (int, error) { return 1, nil })
							}
							p.wg.Wait()
						})
					}},
				)
			})
		})
	}
}

// Joining with results: futures and Wait against a pool that gives results.
func BenchmarkJoinResults(b *testing.B) {
	const width = 100
	one := func(context.Context) (int, error) { return 1, nil }
	inLoop(b, func(ctx context.Context) {
		sideBySide(b, 2000,
			peer{"aio", func(n int) {
				fs := make([]*aio.Future[int], 0, width)
				for ; n > 0; n -= width {
					fs = fs[:0]
					for range width {
						fs = append(fs, aio.Go(ctx, "task", one))
					}
					for _, f := range fs {
						_, _ = f.Await(ctx)
					}
				}
			}},
			peer{"pool", func(n int) {
				for ; n > 0; n -= width {
					var p resultPool
					for range width {
						p.run(func() (int, error) { return one(ctx) })
					}
					p.wg.Wait()
				}
			}},
		)
	})
}

func BenchmarkPromise(b *testing.B) {
	inLoop(b, func(ctx context.Context) {
		b.ReportAllocs()
		for b.Loop() {
			p := aio.NewPromise[int](ctx, 0, "p")
			p.Resolve(1)
			if v, err := p.Future().Await(ctx); v != 1 || err != nil {
				b.Fatal(v, err)
			}
		}
	})
}

// BenchmarkDone asks for the ctx's Done in every operation, as most code that
// waits for anything does.
func BenchmarkDone(b *testing.B) {
	wait := func(ctx context.Context) (int, error) {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		default:
			return 1, nil
		}
	}
	inLoop(b, func(ctx context.Context) {
		sideBySide(b, 2000,
			peer{"aio", func(n int) {
				for range n {
					_, _ = aio.Go(ctx, "op", wait).Await(ctx)
				}
			}},
			peer{"raw", func(n int) {
				for range n {
					sub, cancel := context.WithCancelCause(ctx)
					c := make(chan aio.Result[int], 1)
					go func() {
						v, err := wait(sub)
						c <- aio.Result[int]{Value: v, Err: err}
					}()
					<-c
					cancel(nil)
				}
			}},
		)
	})
}

func BenchmarkStats(b *testing.B) {
	inLoop(b, func(ctx context.Context) {
		l := aio.LoopOf(ctx)
		for b.Loop() {
			l.Stats()
		}
	})
}

// BenchmarkOps lists 1,000,000 operations, and cancels them.
func BenchmarkOps(b *testing.B) {
	const n = 1_000_000
	for b.Loop() {
		inLoop(b, func(ctx context.Context) {
			before := heap()
			ps := make([]*aio.Promise[int], n)
			for i := range ps {
				ps[i] = aio.NewPromise[int](ctx, 0, "")
			}
			b.ReportMetric(float64(heap()-before)/n, "B/promise")
			start, count := time.Now(), 0
			for range aio.LoopOf(ctx).Ops() {
				count++
			}
			b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms/listing")
			if count != n {
				b.Error(count)
			}
			start = time.Now()
			aio.LoopOf(ctx).Cancel(nil)
			<-ps[0].Future().Done()
			for aio.LoopOf(ctx).Stats().InFlight > 1 {
				runtime.Gosched()
			}
			b.ReportMetric(float64(time.Since(start).Nanoseconds())/n, "ns/cancel")
			runtime.KeepAlive(ps)
		})
	}
}
