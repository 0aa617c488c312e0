package timer

import (
	"math/rand/v2"
	"time"
)

// Missed says what a Ticker does with ticks that its reader is too slow for.
// The three behaviours and their names are those of MissedTickBehavior in the
// Rust library tokio.
type Missed int

const (
	// MissedSkip drops missed ticks. At most one tick waits for the reader, the
	// first one that it did not receive. The next tick has the number of
	// dropped ones in Tick.Missed and comes when it would have come without
	// them: the phase is kept.
	MissedSkip Missed = iota
	// MissedBurst delivers every tick. A reader that was slow receives the
	// missed ones in immediate succession until it has caught up.
	MissedBurst
	// MissedDelay waits for the reader: each tick comes one period after the
	// one before was received.
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

// Interval says how a Ticker ticks. The zero Interval skips missed ticks, has
// no jitter, and begins after one period.
type Interval struct {
	// Missed says what happens to ticks that the reader is too slow for.
	// Unknown values are MissedSkip.
	Missed Missed
	// Jitter makes each tick late by a random share of the period, evenly
	// distributed from 0 to Jitter, so that many tickers do not tick in step.
	// 0.1 means up to a tenth of the period. The delays do not add up. 0,
	// negative or NaN means none. More than 1 means 1.
	Jitter float64
	// Immediate makes the first tick come at once, instead of after one period,
	// without jitter.
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
	// when the tick was due: time.Since(At) is how late its reader is
	At time.Time
	// with MissedSkip: how many ticks right before this one were dropped
	Missed int
}
