package dnsx

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"goaio.example/aio"
)

// benchServer answers every question for A with one record, as cheaply as can
// be, in the benchmark's process: what it costs is the same for all who are
// compared. It returns its address.
func benchServer(b *testing.B) string {
	b.Helper()
	pc, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatalf("net.ListenUDP: %v", err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		var buf [512]byte
		for {
			n, from, err := pc.ReadFromUDPAddrPort(buf[:])
			if err != nil {
				return
			}
			pc.WriteToUDPAddrPort(benchAnswer(buf[:n]), from)
		}
	})
	b.Cleanup(func() { pc.Close(); wg.Wait() })
	return pc.LocalAddr().String()
}

// headerLen is the length of a message's header.
const headerLen = 12

// benchAnswer makes a query for A its answer, in place.
func benchAnswer(query []byte) []byte {
	end := headerLen
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5
	m := query[:end]
	m[2], m[3] = 0x81, 0x80
	m[6], m[7], m[8], m[9], m[10], m[11] = 0, 1, 0, 0, 0, 0
	return append(m, 0xC0, headerLen, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1)
}

// inLoop runs fn in a loop.
func inLoop(b *testing.B, fn func(ctx context.Context)) {
	b.Helper()
	if err := aio.Run(context.Background(), func(ctx context.Context) error { fn(ctx); return nil }); err != nil {
		b.Fatalf("aio.Run: %v", err)
	}
}

// atOnce calls fn b.N times, from the given number of goroutines, and reports
// the CPU time of the process a call.
func atOnce(b *testing.B, goroutines int, fn func(i int64) error) {
	b.Helper()
	b.ReportAllocs()
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	before := cpuTime()
	for range goroutines {
		wg.Go(func() {
			for {
				i := next.Add(1)
				if i > int64(b.N) {
					return
				}
				if err := fn(i); err != nil {
					b.Errorf("fn: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	if used := cpuTime() - before; used > 0 {
		b.ReportMetric(float64(used)/float64(b.N), "cpu-ns/op")
	}
}

// BenchmarkUncached asks a server each time, 64 at once, a fresh port per
// query: this package's exchange, and package net's resolver, which is given
// the server by its Dial.
func BenchmarkUncached(b *testing.B) {
	addr := benchServer(b)
	b.Run("exchange", func(b *testing.B) {
		x := new(exchange)
		x.configure(exchangeConfig{servers: []string{addr}, cacheSize: -1, edns0: true})
		inLoop(b, func(ctx context.Context) {
			atOnce(b, 64, func(i int64) error {
				_, err := x.ask(ctx, question{fmt.Sprintf("n%d.example.", i), dnsmessage.TypeA})
				return err
			})
		})
	})
	b.Run("net.Resolver", func(b *testing.B) {
		r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, addr)
		}}
		ctx := context.Background()
		atOnce(b, 64, func(i int64) error {
			_, err := r.LookupNetIP(ctx, "ip4", fmt.Sprintf("n%d.example.", i))
			return err
		})
	})
}

// BenchmarkExchangeCached has the answer already.
func BenchmarkExchangeCached(b *testing.B) {
	x := new(exchange)
	x.configure(exchangeConfig{})
	for i := range 1000 {
		x.cache.put(nth(i).name, remembered(nth(i)))
	}
	q := nth(7)
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if x.cached(q) == nil {
				b.Fatal("not there")
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				x.cached(q)
			}
		})
	})
	b.Run("missing", func(b *testing.B) {
		q := qa("missing.example.")
		for b.Loop() {
			x.cached(q)
		}
	})
}

// BenchmarkCacheMemory reports what a name with one address takes in the cache.
func BenchmarkCacheMemory(b *testing.B) {
	const names = 10_000
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		var c cache
		c.setLimit(names)
		for i := range names {
			q := nth(i)
			h := header(q.name, q.typ, 60)
			r := &reply{records: []dnsmessage.Resource{{Header: h, Body: new(dnsmessage.AResource)}}}
			c.put(q.name, newEntry(q, r, time.Now(), time.Hour, 0, 50))
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/names, "B/name")
		runtime.KeepAlive(&c)
	}
}
