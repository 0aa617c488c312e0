package dnsx

import (
	"context"
	"testing"

	"goaio.example/aio"
)

// benchmark runs fn in a loop, with a resolver that asks a server in memory.
func benchmark(b *testing.B, fn func(ctx context.Context, r *Resolver)) {
	rig := newRig(b)
	aio.Run(context.Background(), func(ctx context.Context) error {
		fn(ctx, rig.Resolver)
		return nil
	})
}

func BenchmarkCached(b *testing.B) {
	for _, host := range []string{"www.example", "v4.example", "192.0.2.1"} {
		b.Run(host, func(b *testing.B) {
			benchmark(b, func(ctx context.Context, r *Resolver) {
				r.Lookup(ctx, host).Await(ctx)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := r.Lookup(ctx, host).Result(); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

func BenchmarkCachedParallel(b *testing.B) {
	benchmark(b, func(ctx context.Context, r *Resolver) {
		r.Lookup(ctx, "www.example").Await(ctx)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				r.Lookup(ctx, "www.example")
			}
		})
	})
}

func BenchmarkCachedQuery(b *testing.B) {
	benchmark(b, func(ctx context.Context, r *Resolver) {
		QueryWith[MX](ctx, r, "example").Await(ctx)
		b.ReportAllocs()
		for b.Loop() {
			QueryWith[MX](ctx, r, "example")
		}
	})
}

// A name of which the answer is not kept ready: found in the cache of the exchange, and put in order.
func BenchmarkUnready(b *testing.B) {
	benchmark(b, func(ctx context.Context, r *Resolver) {
		r.Lookup(ctx, "www.example").Await(ctx)
		q := &quest{r: r, s: r.now.Load(), host: "www.example"}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := q.find(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
}
