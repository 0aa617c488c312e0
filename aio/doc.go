// Package aio runs operations under a supervising loop: goroutines, timers, connections and whatever else drivers add.
// The loop knows every operation in flight, tells of every error that nobody asked for, and ends them all gracefully.
// When [Run] returns, nothing is left.
//
// # Usage
//
//   - [Run] starts a loop and hands main a ctx that belongs to it. Every operation takes that ctx, or one derived from
//     it, first. With a ctx that has no loop an operation fails with [ErrNoLoop]; nothing runs, nothing panics. A nil
//     ctx has no loop, and stands for context.Background() where none is needed.
//   - [Go] gives a [Future]: Await it, select over its C or Done, or combine it ([All], [Any], [Race], [Settle], [Then],
//     [Map], [Catch], [Timeout], [AsCompleted], [Wait]). [Spawn] has no result. [Daemon] is a Spawn that does not hold
//     the loop open. [Scope] returns when all that was started in it has ended. [NewPromise] is resolved by hand.
//   - Go, Spawn, Daemon and NewPromise never block, and may be called from any goroutine, as may all methods here.
//   - An operation started with the ctx of another is its child. When an operation succeeds, the children it leaves go to
//     its nearest unfinished ancestor: a callback may start what outlives it. Those of an operation that fails, or is
//     cancelled, are cancelled.
//   - [Detach] makes what follows a child of the loop itself; [Loop.Attach] lends the loop to a ctx from elsewhere.
//   - [Loop.Stats], [Loop.Ops], [Loop.Dump] and [Publish] show what is in flight: who, since when, started by whom.
//   - Loops nest, and any number run side by side. Nothing is global but the names of kinds.
//
// Drivers, packages that add operations of their own, use [Begin], [Op], [Driver], [Promise] and [NewKind].
//
// # Ordering
//
//   - A future resolves exactly once, when its function has returned, whoever listens.
//   - By the time a result can be seen its operation is out of the figures of Stats, and what the function wrote is
//     visible to whoever has seen it.
//   - Children are cancelled after their parents; an operation's ctx is dead before its driver or OnCancel is told.
//   - Calls of event handlers of one loop never overlap, and are in the order of the events. Events of different
//     operations have no order but that of their happening.
//   - AtExit functions run one after the other, the last one registered first, when all operations have ended; OnFatal
//     after them and after the last event; then Run returns.
//   - Operations run concurrently, in no order. Those that wait for a slot of MaxInFlight get it in the order of
//     their start.
//
// # Cancellation
//
//   - Cancelling asks. An operation's ctx ends, with a cause that context.Cause tells; the operation ends when its
//     function returns, with what that returns. A promise is rejected with the cause.
//   - An operation is cancelled by [Future.Cancel], with its parent, when its parent fails, when a ctx that it was started
//     with ends (one of context.WithTimeout, say), and by the loop. Its ctx's Err and cause are what package context
//     would make of that. That its parent has returned successfully, is no reason.
//   - Ready wins: a result that is there is returned even if the ctx is dead, and Go and Spawn run their function even on
//     a dead ctx, since it may own what has to be released.
//   - The wait is not the work: when the ctx given to Await ends, Await returns an [*AwaitError] and the future is
//     untouched. An operation that was cancelled returns its own error.
//   - An operation's ctx with its Done asked for ends, at the latest, when the operation and the children it left have
//     ended, so that nothing waits on it forever. What is started with it then still starts, alive, under the nearest
//     unfinished ancestor; unless the operation was cancelled or failed: then it is cancelled at once.
//   - Contexts derived from an operation's cost no goroutine.
//
// # Backpressure
//
//   - Loop.MaxInFlight bounds the operations of Go and Spawn that run at once; more of them queue, which OpInfo tells. What
//     they start themselves is not counted, so awaiting one's own children cannot deadlock. A queued operation that is
//     cancelled ends without having run.
//   - Nothing else here is bounded: 1,000,000 promises are as many times some 200 bytes.
//   - A Future's C has room for its value; Done and C need not be read. Dropping a future leaks nothing.
//   - Events queue without bound while a handler runs: handlers should be short.
//
// # Shutdown
//
// A loop runs, drains, cancels, is done. It is done without draining when it is empty: main has returned, no operation but
// daemons is left and all events are delivered.
//
//   - [Loop.Exit], the end of Run's own ctx, main's error or a first signal of Loop.Signals begin the draining: listeners
//     stop accepting, idle connections end, daemons and pending timers that no work in progress has started end with
//     [ErrExit]. Work in progress goes on, and may start what it needs. [Draining] tells it; its ctx is alive.
//   - After Loop.Grace, at [Loop.Cancel] or with a second signal, everything left is cancelled.
//   - After Loop.Abandon more, Run gives up and returns a [*StuckError] that names all that is left, with age, parents and
//     stack. That bounds the end always, also against main, AtExit, OnEvent and OnFatal: Grace, Abandon and 100 ms.
//   - Run returns nil when the loop became empty, after Exit(nil), and when its ctx was cancelled; context.Cause when its
//     ctx's deadline passed; else the first fatal error. A loop runs once.
//   - In a loop inside an operation of another, the outer's drain is an Exit, and cancelling the operation a Cancel.
//   - After the end, operations fail with [ErrLoopDone], and events are logged.
//
// # Errors and panics
//
//   - The error of a Spawn or a callback goes to the Scope around it, which it cancels; else to the handler of the nearest
//     [OnEvent], else to Loop.OnEvent, else to [DefaultOnEvent], which logs it and exits the loop with it unless it is about
//     a connection. Each is told once. An error that only says that its operation was cancelled is no event.
//   - The error of a future at which nobody ever looked is told too, as lost: when the future is garbage-collected, at the end
//     of its Scope or of the loop. Looked at means: a returned Await or Result, a received value of C, an input of a
//     combination; not Done, Cancel or an expired Await.
//   - With Loop.CatchPanics a panic becomes a [*PanicError], with its value and stack: the operation's error, and an event.
//     Without it, it is logged at once, the loop is cancelled, and Run panics with it. A panic in an event handler is fatal.
//   - runtime.Goexit in an operation makes its error [ErrGoexit]; in main, Run calls it too.
//   - What happens to connections is a [*ConnError]: match ErrConn, ErrEOF, ErrTimeout, ErrRefused, ErrDNS, ErrClosed,
//     ErrReset with errors.Is.
//
// # Limitations
//
//   - A goroutine cannot be killed: a function that ignores its ctx is given up, named, and left behind.
//   - A plain go statement is not known to the loop. Go's panics in one end the program.
//   - A ctx of context.WithoutCancel detaches, but one of WithCancel over that does not: what is started with it is still
//     cancelled with its operation. Use Detach.
//   - A foreign ctx of a type that package context does not know costs a goroutine for each operation whose Done is asked
//     for, until that ends.
//   - Ages are from the start of an operation; time in the queue of MaxInFlight is not told apart.
//   - A lost error whose value may still be received from C is told at the end of the loop only.
//   - Signals reach all running loops that list them. In a synctest bubble there are none.
package aio
