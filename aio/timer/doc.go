// Package timer has the operations that wait for a time: calls in the future,
// futures of a time, ticks, retries.
//
// # Usage
//
// Delay runs a function later, as cl-async's delay does; After is a future of a
// time, for selecting and awaiting; Every ticks on a channel. Each takes the
// ctx of an operation (see package aio) and is a child of that operation, so
// that it is counted, listed, and ended together with the rest:
//
//	timer.Delay(ctx, 10*time.Second, func(ctx context.Context) error { return answer(ctx) })
//	for tick := range timer.Every(ctx, time.Second, timer.Interval{}).Ticks(ctx) { ... }
//
// Retry calls a function until it succeeds, by a Backoff, whose Delays serve
// loops of one's own as well. A Limiter, such as a rate.Limiter of
// golang.org/x/time, bounds the rate of many Retries together. Debounce and
// Throttle make a function run less often than it is asked for.
//
// A pending timer is one record and one place in the loop's heap: no goroutine,
// and no timer of the runtime. There may be millions. A callback gets a
// goroutine of its own when its time has come. Timers never fire early;
// callbacks that are due at the same time run at the same time, in no
// particular order.
//
// # Cancellation
//
// A timer that is pending ends at once when its ctx ends, with the ctx's cause;
// its function does not run. It is the same with a ctx that is dead from the
// beginning. When the function runs already, the function's ctx ends, and the
// timer ends when the function has returned, with the function's result.
//
// Stop, a cancelled ctx, the loop's drain and the time that comes may meet:
// exactly one of them wins. When Stop reports true the function will not run.
//
// # Backpressure
//
// Delays do not queue: all callbacks that are due run at once. A Ticker never
// waits for its reader, and never gathers more than one tick; what becomes of
// those missed is up to Interval.Missed. Debounce and Throttle bound how often
// a function runs, and run it once at a time.
//
// # Shutdown
//
// Pending Delays and Afters hold the loop open. When it drains, those that
// nobody's work in progress has started (nothing but main and daemons is above
// them) end with aio.ErrExit; the others go on, and may be followed by more,
// until the work that needs them is done or the loop's Grace has passed. A
// callback that starts its own successor ends there too: once it has returned,
// the successor is nobody's work. Tickers are daemons: they do not hold the
// loop open, and end when it drains. A Retry is work in progress, and so is a
// callback that runs. The pending run of a Debounce or Throttle is a Delay.
//
// # Errors and panics
//
// The error of a callback goes to the Scope around the timer, else to the event
// handler, at once; unless Timer.Future was called before: it is then that
// future's, and becomes an event only if nobody ever looks. Panics and
// runtime.Goexit in a callback are contained as in every operation: a
// *aio.PanicError, or aio.ErrGoexit. A ctx without a running loop, or a
// ticker's period that is not positive, is an error of the future or the
// Ticker, never a panic.
//
// # Limitations
//
// A ctx with a cancellation of its own, as from context.WithTimeout, must be
// watched for each timer that is started with it, which costs several times the
// memory of the timer. Where a ctx serves very many timers, make it that of an
// operation, by aio.Go or aio.Scope, and cancel the operation.
//
// Time is the monotonic clock of package time, which on some systems stands
// still while the computer sleeps. A Ticker with MissedBurst or MissedDelay has
// a goroutine for as long as its reader is late, and only then: Go's channels
// do not tell otherwise when a value is taken.
package timer
