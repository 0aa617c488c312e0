package tcp

import (
	"sync/atomic"
	"time"
)

// blocking estimates which share of the callbacks of a server's connections
// block, as a running mean. From expectShare on each callback is expected to
// block, until the share falls below suspectShare.
//
// A callback is slow if it takes slowCall. A slow callback blocks if it waits
// or computes. But it may also have waited for a processor that other programs
// use, or for the garbage collector. An examination tells these apart, and
// costs half a microsecond. So callbacks are examined only from suspectShare
// on: some of them, and those after a slow one. The others do not count then.
// Below suspectShare, a slow callback that was not examined raises the share,
// but not beyond expectShare.
//
// The methods may be called from any goroutine. If two calls coincide, one may
// have no effect. blocking is not used on systems without pollers.
type blocking struct {
	share  atomic.Int32 // in units of 1/wholeShare
	expect atomic.Bool
}

const (
	slowCall = 100 * time.Microsecond
	// a callback that has computed for less counts an eighth: it may be the
	// kernel's work
	longCompute = 4 * slowCall
	suspectOne  = 8 // one callback in so many is examined from suspectShare on
	expectOne   = 4 // from expectShare on

	wholeShare   = 1 << 20
	shareWeight  = 384 // number of callbacks in the mean
	suspectShare = wholeShare / 512
	expectShare  = wholeShare / 160
	mostShare    = wholeShare / 24
)

// verdict says why a callback took its time.
type verdict uint8

const (
	unknown  verdict = iota // it was not examined
	waited                  // it waited for something
	computed                // it computed, or the kernel did on its thread
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

// note records how long a callback took.
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

// stuck records that a callback does not return.
func (b *blocking) stuck() { b.note(slowCall, waited) }

// processStart is about when the process began.
var processStart = time.Now()

// uptime returns the process's age.
func uptime() time.Duration { return time.Since(processStart) }
