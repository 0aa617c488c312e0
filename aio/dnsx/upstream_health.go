package dnsx

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	strikes    = 3           // answers in a row that were too late, before a server counts as down
	firstPause = time.Second // how long it does; doubled with each failure
	lastPause  = time.Minute // the longest it does
	minLate    = 100 * time.Millisecond
	usualLate  = 250 * time.Millisecond
	maxLate    = time.Second
)

// health is what is known of how a server does. The zero health is that of one
// that was never asked.
type health struct {
	noEDNS atomic.Bool // it does not know EDNS(0)

	mu     sync.Mutex
	rtt    time.Duration // smoothed round-trip time; 0: not known
	fails  int           // in a row
	failed time.Time     // the last of them
}

// answered says that the server answered within rtt.
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

// wasLate says that another server answered before this one did.
func (h *health) wasLate() { h.fail(0) }

// hasFailed says that the server did not answer at all.
func (h *health) hasFailed() { h.fail(strikes) }

// fail counts a failure, as at least the given number of them.
func (h *health) fail(atLeast int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fails = max(h.fails+1, atLeast)
	h.failed = time.Now()
}

// down reports whether the server should be asked only if no other answers. A
// server that is down gets another chance after a pause.
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

// late returns how long an answer may take before another server is asked as
// well.
func (h *health) late() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rtt == 0 {
		return usualLate
	}
	return min(max(4*h.rtt, minLate), maxLate)
}
