package memnet

import (
	"sync"
	"time"

	"goaio.example/aio/internal/bell"
)

// A deadline is a point in time that rings a bell when it comes. The zero
// deadline never comes. It is guarded by the mutex of its bell.
type deadline struct {
	at    time.Time
	timer *time.Timer
	gen   uint64 // number of calls of set, to detect a late timer
	fired bool
}

// set moves the deadline to t; the zero time means never. It rings the bell at
// once if t is not in the future.
func (d *deadline) set(t time.Time, mu *sync.Mutex, b *bell.Bell) {
	d.stop()
	d.at = t
	if t.IsZero() {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		d.fired = true
		b.Ring()
		return
	}
	gen := d.gen
	d.timer = time.AfterFunc(left, func() {
		mu.Lock()
		defer mu.Unlock()
		if d.gen == gen {
			d.fired = true
			b.Ring()
		}
	})
}

// stop clears the deadline and stops its timer.
func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
	*d = deadline{gen: d.gen + 1}
}

// passed reports whether the deadline has come. It looks at the clock too:
// the timer of this very moment may not have run yet.
func (d *deadline) passed() bool {
	return d.fired || !d.at.IsZero() && !time.Now().Before(d.at)
}
