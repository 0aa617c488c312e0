package tcp

import (
	"sync"
	"sync/atomic"
	"time"
)

// processStart is when the process began, more or less.
var processStart = time.Now()

// blocking is what is known of how long the callbacks of a server's connections take. When they block the goroutine that
// serves many connections again and again, they get a goroutine each for a while: for minAside, and each time twice as
// long as before if they block again soon after. A few stalls mean nothing: the garbage collector has its share in them.
type blocking struct {
	mu     sync.Mutex
	stalls int           // in a row
	stall  time.Duration // when the last one was, as the process's age
	until  atomic.Int64  // when goroutines of their own end, as the process's age in nanoseconds
	last   time.Duration // how long they had that
}

const (
	minAside = 100 * time.Millisecond
	maxAside = 10 * time.Second

	stallRow = 4                      // so many stalls
	stallGap = 100 * time.Millisecond // with no more than this between two are taken for blocking
)

// note notes that a callback has blocked.
func (b *blocking) note() {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, until := time.Since(processStart), time.Duration(b.until.Load())
	if now-b.stall > stallGap {
		b.stalls = 0
	}
	b.stall = now
	if b.stalls++; b.stalls < stallRow {
		return
	}
	switch {
	case now < until: // a callback that was begun before
		return
	case until == 0 || now-until > 2*b.last:
		b.last = minAside
	default:
		b.last = min(2*b.last, maxAside)
	}
	b.until.Store(int64(now + b.last))
}

// likely reports whether callbacks have blocked lately.
func (b *blocking) likely() bool {
	until := b.until.Load()
	return until != 0 && int64(time.Since(processStart)) < until
}
