package soak

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"goaio.example/aio"
)

// look is what there is while no round runs.
type look struct {
	at         time.Duration
	operations int
	goroutines int
	files      int
	heap       uint64
}

// How much more than at the first look there may be: pools and caches fill.
const (
	moreOperations = 100
	moreGoroutines = 50
	moreFiles      = 50
	moreHeap       = 8 << 20
)

// watch looks each minute, and at the end, until the time is over, and reports
// what has grown since the first look. That comes after a tenth of the time, a
// minute at most, when pools and caches are full.
func (s *soak) watch(ctx context.Context, last time.Duration) error {
	begin := time.Now()
	var first look
	for next := min(last/10, time.Minute); ; next = min(next+time.Minute, last) {
		select {
		case <-time.After(time.Until(begin.Add(next))):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		l := s.look(ctx, begin)
		fmt.Fprintf(s.out, "%7s  %d operations, %d goroutines, %d files, %.1f MB of heap; rounds: %s\n", l.at.Round(time.Second),
			l.operations, l.goroutines, l.files, float64(l.heap)/1e6, s.rounds())
		if first.at == 0 {
			first = l
		}
		if next >= last {
			return l.grown(first)
		}
	}
}

// look waits until no round runs, and what rounds have left behind has ended,
// and counts.
func (s *soak) look(ctx context.Context, begin time.Time) look {
	s.still.Lock()
	defer s.still.Unlock()
	loop := aio.LoopOf(ctx)
	var l look
	for calm := 0; calm < 5; { // what was cut off ends within moments
		n := int(loop.Stats().InFlight)
		if n == l.operations {
			calm++
		} else {
			calm = 0
		}
		l.operations = n
		time.Sleep(200 * time.Millisecond)
	}
	runtime.GC()
	runtime.GC() // what cleanups have let go of
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	files, _ := os.ReadDir("/proc/self/fd") // 0 of them on systems without
	l.at, l.goroutines, l.files, l.heap = time.Since(begin), runtime.NumGoroutine(), len(files), m.HeapAlloc
	return l
}

// grown reports what there is more of than at the first look.
func (l look) grown(first look) error {
	var errs []error
	for _, c := range []struct {
		what             string
		first, now, more int
	}{
		{"operations", first.operations, l.operations, moreOperations},
		{"goroutines", first.goroutines, l.goroutines, moreGoroutines},
		{"files", first.files, l.files, moreFiles},
		{"bytes of heap", int(first.heap), int(l.heap), moreHeap},
	} {
		if c.now > c.first+c.more {
			errs = append(errs, fmt.Errorf("%d %s after %v, %d after %v", c.now, c.what, l.at, c.first, first.at))
		}
	}
	return errors.Join(errs...)
}

// rounds tells how many rounds of each kind there were.
func (s *soak) rounds() string {
	var parts []string
	for _, k := range s.kinds {
		parts = append(parts, fmt.Sprint(k.name, " ", k.rounds.Load()))
	}
	return strings.Join(parts, ", ")
}
