package main

import (
	"math/bits"
	"sync"
	"time"
)

// histogram counts durations, in steps of 1/16 of a power of two.
type histogram struct {
	counts [64 * 16]int64
	n      int64
}

func (h *histogram) add(d time.Duration) {
	h.counts[step(max(d, 1))]++
	h.n++
}

// step returns the index of a duration, and bound the duration that is in the
// middle of it.
func step(d time.Duration) int {
	power := bits.Len64(uint64(d)) - 1
	if power < 4 {
		return int(d)
	}
	return power<<4 | int(d>>(power-4))&15
}

func bound(i int) time.Duration {
	power := i >> 4
	if power < 4 {
		return time.Duration(i)
	}
	return time.Duration(16+i&15)<<(power-4) + time.Duration(1)<<(power-4)/2
}

func (h *histogram) merge(o *histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.n += o.n
}

// quantile returns the duration below which the share q of all lies, 0 if there
// are none.
func (h *histogram) quantile(q float64) time.Duration {
	rank := int64(q * float64(h.n))
	for i, n := range h.counts {
		if rank -= n; n > 0 && rank < 0 {
			return bound(i)
		}
	}
	return 0
}

// latencies is a histogram of what is added between begin and end.
type latencies struct {
	mu sync.Mutex
	h  *histogram // nil before begin and after end
}

func (l *latencies) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.h = new(histogram)
}

func (l *latencies) end() *histogram {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.h
	l.h = nil
	return h
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.h != nil {
		l.h.add(d)
	}
}
