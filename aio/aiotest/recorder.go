package aiotest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/bell"
)

// A Recorder keeps the events of a loop for a test that expects some. The zero
// value is ready to use:
//
//	var rec aiotest.Recorder
//	aiotest.RunLoop(t, &aio.Loop{OnEvent: rec.OnEvent}, main)
//
// or, for a part of the loop, ctx = aio.OnEvent(ctx, rec.OnEvent). Its methods
// are safe for concurrent use.
type Recorder struct {
	mu     sync.Mutex
	events []aio.Event
	more   bell.Bell // rung with each event
}

// OnEvent records an event.
func (r *Recorder) OnEvent(e aio.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	r.more.Ring()
}

// Events returns the events recorded so far, in order.
func (r *Recorder) Events() []aio.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// Wait waits until at least n events have been recorded and returns all of
// them. It fails the test, with t.Fatalf, after 10 s.
func (r *Recorder) Wait(t testing.TB, n int) []aio.Event {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		events, more := r.next()
		if len(events) >= n {
			return events
		}
		select {
		case <-more:
		case <-timer.C:
			t.Fatalf("aiotest: want %d events, got %d in %v%s", n, len(events), patience, list(events))
		}
	}
}

// next returns the events and a channel that is closed with the next one.
func (r *Recorder) next() ([]aio.Event, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events), r.more.C()
}

func list(events []aio.Event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "\n\t%v: %v", e.Op, e.Err)
	}
	return b.String()
}
