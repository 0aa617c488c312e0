package tcp

import (
	"sync/atomic"
	"time"
)

// blocking is what is known of the callbacks of a server's connections: what
// share of them blocks, as a running mean. From expectShare on each callback is
// expected to block, until the share falls below suspectShare.
//
// A callback is slow if it takes slowCall. It blocks if it waits or computes.
// It may also have waited for a processor that other programs use, or for the
// garbage collector; to tell, it must be examined, which costs half a
// microsecond. So callbacks are examined only from suspectShare on: some, and
// those after a slow one. The others do not count then. Below, a slow callback
// that was not examined raises the share up to expectShare only.
//
// The methods may be called from any goroutine. Of two calls at the same time
// one may have no effect. On systems without pollers it is not used.
type blocking struct {
	share  atomic.Int32 // of wholeShare
	expect atomic.Bool
}

const (
	slowCall    = 100 * time.Microsecond
	longCompute = 4 * slowCall // below it, a callback that has computed counts an eighth: it may be the kernel's work
	suspectOne  = 8            // one callback in so many is examined from suspectShare on
	expectOne   = 4            // from expectShare on

	wholeShare   = 1 << 20
	shareWeight  = 384 // callbacks that the mean is about
	suspectShare = wholeShare / 512
	expectShare  = wholeShare / 160
	mostShare    = wholeShare / 24
)

// verdict is what is known of why a callback took its time.
type verdict uint8

const (
	unknown  verdict = iota // it was not examined
	waited                  // for something
	computed                // or the kernel did, on its thread
	delayed                 // it waited for a processor, or for the collector
)

// sampler chooses the callbacks that one goroutine examines.
type sampler struct {
	turn uint8 // callbacks, modulo 256
	slow bool  // the last one was slow
}

// next reports whether the next callback counts, and whether it is examined.
func (s *sampler) next(b *blocking) (counts, examine bool) {
	s.turn++
	if b.share.Load() < suspectShare {
		return true, false
	}
	one := uint8(suspectOne)
	if b.expect.Load() {
		one = expectOne
	}
	examine = s.slow || s.turn%one == 0
	return examine, examine
}

// likely reports whether callbacks are expected to block.
func (b *blocking) likely() bool { return b.expect.Load() }

// note notes how long a callback took.
func (b *blocking) note(d time.Duration, v verdict) {
	old := b.share.Load()
	if old == 0 && d < slowCall {
		return
	}
	share := old - (old+shareWeight-1)/shareWeight
	switch {
	case d < slowCall || v == delayed:
	case v == computed && d < longCompute:
		share += wholeShare / shareWeight / 8
	default:
		share += wholeShare / shareWeight
		if v == unknown {
			share = max(min(share, expectShare-1), old)
		}
	}
	share = min(share, mostShare)
	b.share.Store(share)
	switch expect := b.expect.Load(); {
	case !expect && share >= expectShare:
		b.expect.Store(true)
	case expect && share < suspectShare:
		b.expect.Store(false)
	}
}

// stuck notes that a callback does not return.
func (b *blocking) stuck() { b.note(slowCall, waited) }

// processStart is when the process began, more or less.
var processStart = time.Now()

// uptime returns the process's age.
func uptime() time.Duration { return time.Since(processStart) }
