package timer

import (
	"iter"
	"math"
	"math/rand/v2"
	"time"
)

// Backoff says how often something is tried, and how long to wait between
// tries. The zero Backoff tries 5 times within 2 minutes and waits up to 100
// ms, 200 ms, 400 ms and so on, at most 30 s.
//
// The waits have full jitter: each is evenly distributed between 0 and its
// bound, so that many clients that failed together do not retry together (Marc
// Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
type Backoff struct {
	// Initial is the bound of the first wait. 0 means 100 ms. Negative means no
	// waits at all.
	Initial time.Duration
	// Factor is what each bound is multiplied by to get the next one. 0 means
	// 2. Less than 1, or NaN, means 1: all bounds are equal.
	Factor float64
	// Max is the greatest bound. 0 means 30 s, or Initial if that is more.
	// Negative means no limit.
	Max time.Duration
	// Jitter is the random share of each wait. 0 means 1, full jitter: a wait
	// is between 0 and its bound. With 0.5 it is between half of the bound and
	// the bound. Negative, or NaN, means no jitter: each wait is its bound.
	// More than 1 means 1.
	Jitter float64
	// Attempts is the greatest number of tries. 0 means 5. Negative means no
	// limit.
	Attempts int
	// Elapsed limits the time since the first try began: a wait that would end
	// later does not begin. 0 means 2 minutes. Negative means no limit.
	Elapsed time.Duration
	// Limiter is what Retry waits for before each try, the first one included.
	// nil means none. Delays and Wait ignore it.
	Limiter Limiter
}

// Delays yields, for each try, its number, from 1, and how long to wait before
// it, 0 for the first. The sequence ends when Attempts or Elapsed is used up.
// Elapsed counts from the beginning of the iteration.
func (b Backoff) Delays() iter.Seq2[int, time.Duration] {
	attempts := b.Attempts
	if attempts == 0 {
		attempts = 5
	}
	elapsed := or(b.Elapsed, 2*time.Minute)
	return func(yield func(int, time.Duration) bool) {
		begin := time.Now()
		bound := or(b.Initial, 100*time.Millisecond)
		if !yield(1, 0) {
			return
		}
		for n := 2; attempts < 0 || n <= attempts; n++ {
			bound = b.capped(bound)
			wait := b.jittered(bound)
			if elapsed >= 0 && time.Since(begin) > elapsed-wait {
				return
			}
			if !yield(n, wait) {
				return
			}
			bound = b.grown(bound)
		}
	}
}

// Wait returns how long to wait before try n, 0 before the first try, whose n
// is 1, and for a smaller n. It ignores Attempts and Elapsed.
func (b Backoff) Wait(n int) time.Duration {
	if n <= 1 {
		return 0
	}
	bound := b.capped(or(b.Initial, 100*time.Millisecond))
	for ; n > 2; n-- {
		next := b.capped(b.grown(bound))
		if next == bound {
			break // and so are all that follow
		}
		bound = next
	}
	return b.jittered(bound)
}

// capped returns a bound that is neither negative nor over Max.
func (b Backoff) capped(bound time.Duration) time.Duration {
	if most := or(b.Max, max(30*time.Second, b.Initial)); most >= 0 {
		bound = min(bound, most)
	}
	return max(bound, 0)
}

// grown returns the bound after the given one.
func (b Backoff) grown(bound time.Duration) time.Duration {
	factor := b.Factor
	switch {
	case factor == 0:
		factor = 2
	case !(factor > 1), bound == 0: // 0 times infinity is not a number
		return bound
	}
	if next := float64(bound) * factor; next < math.MaxInt64 {
		return time.Duration(next)
	}
	return math.MaxInt64
}

// jittered returns a wait within the bound.
func (b Backoff) jittered(bound time.Duration) time.Duration {
	share := b.Jitter
	switch {
	case share == 0 || share > 1:
		share = 1
	case !(share > 0):
		return bound
	}
	return bound - time.Duration(rand.Float64()*share*float64(bound))
}

// or returns d, or def if d is zero.
func or(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return d
}
