package dnsx

import (
	"context"
	"fmt"
	"net"
	"os"
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
				atOnce(b, 1, func(int64) error {
					_, err := r.Lookup(ctx, host).Result()
					return err
				})
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

// A name of which the answer is not kept ready: found in the cache of the
// exchange, and put in order.
func BenchmarkUnready(b *testing.B) {
	benchmark(b, func(ctx context.Context, r *Resolver) {
		r.Lookup(ctx, "www.example").Await(ctx)
		b.ReportAllocs()
		for b.Loop() {
			q := quest{r: r, s: r.now.Load(), host: "www.example", now: clock()}
			if _, err := q.begin(); err != nil {
				b.Fatalf("q.begin: %v", err)
			}
		}
	})
}

// Lookups of new names, 64 at a time, for IPv4 addresses only, compared with
// package net. The work of the server is included in both.
func BenchmarkLookupUncached(b *testing.B) {
	addr := benchServer(b)
	look := func(b *testing.B, lookup func(ctx context.Context, host string) error) {
		inLoop(b, func(ctx context.Context) {
			atOnce(b, 64, func(i int64) error { return lookup(ctx, fmt.Sprintf("h%d.example.", i)) })
		})
	}
	b.Run("dnsx", func(b *testing.B) {
		r := &Resolver{Servers: []string{addr}, HostsFile: os.DevNull}
		look(b, func(ctx context.Context, host string) error {
			_, err := r.LookupFamily(ctx, host, V4).Await(ctx)
			return err
		})
	})
	b.Run("net", func(b *testing.B) {
		r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, addr)
		}}
		look(b, func(ctx context.Context, host string) error {
			_, err := r.LookupNetIP(ctx, "ip4", host)
			return err
		})
	})
}
