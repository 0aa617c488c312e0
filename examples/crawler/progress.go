package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"goaio.example/aio/timer"
)

// show prints a line of progress, again and again in the same place.
func (c *crawler) show(ctx context.Context, w io.Writer) error {
	for range timer.Every(ctx, 100*time.Millisecond, timer.Interval{}).Ticks(ctx) {
		fmt.Fprintf(w, "\r%d fetched, %d waiting ", c.fetched.Load(), c.pages.Len())
	}
	return context.Cause(ctx)
}

// perHost has a limiter for each host.
type perHost struct {
	gap   time.Duration // between two requests
	hosts sync.Map      // *pace by host
}

func (p *perHost) of(r *http.Request) timer.Limiter {
	l, _ := p.hosts.LoadOrStore(r.URL.Host, &pace{gap: p.gap})
	return l.(*pace)
}

// pace is a Limiter that lets one through each gap. A *rate.Limiter of
// golang.org/x/time allows bursts as well.
type pace struct {
	gap  time.Duration
	mu   sync.Mutex
	next time.Time
}

// Wait waits for the caller's turn.
func (p *pace) Wait(ctx context.Context) error {
	p.mu.Lock()
	if now := time.Now(); p.next.Before(now) {
		p.next = now
	}
	turn := p.next
	p.next = turn.Add(p.gap)
	p.mu.Unlock()
	return timer.Sleep(ctx, time.Until(turn))
}
