package dnsx

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// consecutive failures after which a server is down
	strikes    = 3
	firstPause = time.Second // how long it is down; doubled with each failure
	lastPause  = time.Minute // the longest time that it is down
	minLate    = 100 * time.Millisecond
	usualLate  = 250 * time.Millisecond
	maxLate    = time.Second
)

// health is what is known about a server's answers. The zero health is that of
// a server that was never asked.
type health struct {
	noEDNS atomic.Bool // the server does not implement EDNS(0)

	mu     sync.Mutex
	rtt    time.Duration // smoothed round-trip time; 0: not known
	fails  int           // in a row
	failed time.Time     // the last of them
}

// answered records an answer after the time rtt.
func (h *health) answered(rtt time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fails = 0
	if h.rtt == 0 {
		h.rtt = max(rtt, 1)
		return
	}
	h.rtt += (rtt - h.rtt) / 8
}

// wasLate records that another server has answered first.
func (h *health) wasLate() { h.fail(0) }

// hasFailed records that the server has not answered. It is down from now on.
func (h *health) hasFailed() { h.fail(strikes) }

// fail counts a failure, and makes the count at least atLeast.
func (h *health) fail(atLeast int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fails = max(h.fails+1, atLeast)
	h.failed = time.Now()
}

// down reports whether the server should be asked after all others. After a
// pause it is asked in its turn again.
func (h *health) down(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fails < strikes {
		return false
	}
	pause := firstPause << min(h.fails-strikes, 10)
	since := now.Sub(h.failed)
	return since >= 0 && since < min(pause, lastPause)
}

// late returns after what time without an answer the next server is asked too.
func (h *health) late() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rtt == 0 {
		return usualLate
	}
	return min(max(4*h.rtt, minLate), maxLate)
}
