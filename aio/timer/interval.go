package timer

import (
	"math/rand/v2"
	"time"
)

// Missed says what a Ticker does about ticks that its reader was too slow for.
// The three behaviours and their names are those of MissedTickBehavior in the
// Rust library tokio.
type Missed int

const (
	// MissedSkip drops what was missed: at most one tick waits for its reader,
	// the first one that was not taken. The next has the number of dropped ones
	// in Tick.Missed, and comes when it would have without them: the phase is
	// kept.
	MissedSkip Missed = iota
	// MissedBurst delivers every tick. A reader that was slow gets those it
	// missed one right after the other, until it has caught up.
	MissedBurst
	// MissedDelay waits for the reader: each tick comes a whole period after
	// the one before was taken.
	MissedDelay
)

// String returns the constant's name.
func (m Missed) String() string {
	switch m {
	case MissedSkip:
		return "MissedSkip"
	case MissedBurst:
		return "MissedBurst"
	case MissedDelay:
		return "MissedDelay"
	}
	return "Missed(?)"
}

// Interval says how a Ticker ticks. The zero Interval skips missed ticks, is
// exact, and begins after one period.
type Interval struct {
	// Missed says what becomes of ticks that the reader was too slow for.
	// Unknown values are MissedSkip.
	Missed Missed
	// Jitter has each tick come late by a random share of the period, evenly
	// spread from 0 up to Jitter, so that many tickers do not tick in step: 0.1
	// is up to a tenth. The delays do not add up. 0 and less mean none; more
	// than 1 means 1.
	Jitter float64
	// Immediate has the first tick come at once, instead of after one period.
	// It has no jitter.
	Immediate bool
}

// late returns how much later than its phase a tick comes.
func (i Interval) late(period time.Duration) time.Duration {
	if !(i.Jitter > 0) { // NaN is none
		return 0
	}
	return time.Duration(rand.Float64() * min(i.Jitter, 1) * float64(period))
}

// Tick is one tick of a Ticker.
type Tick struct {
	At     time.Time // when the tick was due: time.Since(At) is how late its reader is
	Missed int       // with MissedSkip: how many ticks right before this one were dropped
}
