// Package timer provides operations that wait for a time: delayed calls,
// futures of a time, tickers, and retries.
//
// # Usage
//
// Delay runs a function later, as cl-async's delay does. After returns a future
// of a time, to select on or to await. Every ticks on a channel. Each takes the
// ctx of an operation (see package aio) and is a child of that operation, so it
// is counted, listed, and ended with the others:
//
//	timer.Delay(ctx, 10*time.Second, func(ctx context.Context) error { return answer(ctx) })
//	for tick := range timer.Every(ctx, time.Second, timer.Interval{}).Ticks(ctx) { ... }
//
// Retry calls a function until it succeeds, with the waits of a Backoff.
// Backoff.Delays yields the waits for other loops. A Limiter, such as a
// rate.Limiter of golang.org/x/time, bounds the rate of many Retries together.
// Debounce and Throttle run a function less often than it is asked for.
//
// A pending timer is one record and one entry in the loop's heap of alarms. It
// needs neither a goroutine nor a timer of the runtime, so there may be
// millions. A callback runs in a new goroutine when its time has come. Timers
// never fire early. Callbacks that are due at the same time run concurrently,
// in no particular order.
//
// # Cancellation
//
// A pending timer ends at once, with the ctx's cause, when its ctx ends, or if
// it has ended before. Its function does not run. If the function runs already,
// the function's ctx ends, and the timer ends when the function has returned,
// with the function's result.
//
// If Stop, the end of the ctx, the loop's drain and the timer's time coincide,
// exactly one of them takes effect. When Stop reports true, the function does
// not run.
//
// # Backpressure
//
// Delays do not queue: all callbacks that are due run at once. A Ticker never
// queues more than one tick for its reader. Interval.Missed says what happens
// to ticks that the reader is too slow for. Debounce and Throttle bound how
// often a function runs, and its runs do not overlap.
//
// # Shutdown
//
// Pending Delays and Afters hold the loop open. When the loop drains, those
// that no work in progress started (all their unfinished ancestors are main or
// daemons) end with aio.ErrExit. The others go on, and work in progress may
// start more, until it is done or the loop's Grace has passed. A chain of
// callbacks that each start the next one ends too: once a callback has
// returned, no work in progress started the next one. Tickers are daemons: they
// do not hold the loop open, and end when it drains, unless work in progress
// started them. A Retry is work in progress, and so is a callback that runs.
// The pending run of a Debounce or Throttle is a Delay.
//
// # Errors and panics
//
// The error of a callback goes to the Scope around the timer, else to the event
// handler, at once. If Timer.Future was called before, the error is that
// future's instead, and becomes an event only if nothing looks at it. Panics
// and runtime.Goexit in a callback are contained as in every operation: the
// error is a *aio.PanicError or aio.ErrGoexit. A ctx without a running loop, or
// a ticker's period that is not positive, is an error of the future or the
// Ticker, never a panic.
//
// # Limitations
//
// A ctx that is derived from an operation's with its own cancellation, as by
// context.WithTimeout, is watched for each timer that is started with it, which
// costs several times the memory of the timer. For very many timers use the ctx
// of an operation (aio.Go or aio.Scope), and cancel the operation.
//
// Timers use the monotonic clock of package time, which on some systems stops
// while the computer sleeps. A Ticker with MissedBurst or MissedDelay has a
// goroutine while its reader is late, because a channel does not report
// otherwise when a value is received.
package timer
