package live

import (
	"context"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/timer"
)

// BenchmarkSnapshot makes a snapshot of a million timers, and of 100,000.
func BenchmarkSnapshot(b *testing.B) {
	for _, c := range []struct {
		name string
		n    int
	}{{"100k", 100_000}, {"1M", 1_000_000}} {
		b.Run(c.name, func(b *testing.B) {
			loop := new(aio.Loop)
			err := loop.Run(b.Context(), func(ctx context.Context) error {
				for range c.n {
					timer.After(ctx, time.Hour)
				}
				kind := aio.NewKind("tcp.conn.in") // has the tables made
				o, err := aio.Begin(ctx, kind, "conn")
				if err != nil {
					return err
				}
				p := &Page{Loop: loop}
				p.init()
				for _, q := range []struct {
					name string
					query
				}{{"tree", query{}}, {"open", query{Open: []string{"#1/timer.after"}}}, {"search", query{Search: "after"}}} {
					b.Run(q.name, func(b *testing.B) {
						for b.Loop() {
							p.look(p.take(), q.query)
						}
					})
				}
				o.End(nil)
				loop.Cancel(nil)
				return nil
			})
			if err != nil {
				b.Errorf("Run: %v", err)
			}
		})
	}
}
