// Package aio runs operations under a supervising loop. An operation is a
// goroutine, a timer, a connection, or anything else that a driver adds. The
// loop knows every operation in flight, reports every error that was not
// returned to a caller, and ends all operations gracefully. When [Run]
// returns, nothing is left.
//
// # Usage
//
//   - [Run] starts a loop and calls main with a ctx that belongs to it. Every
//     operation takes that ctx, or one derived from it, as its first argument.
//     An operation that is started with a ctx without a loop fails with
//     [ErrNoLoop]; it neither runs nor panics. A nil ctx has no loop. It stands
//     for context.Background() where no loop is needed.
//   - [Go] returns a [Future]: Await it, select over its C or Done, or
//     combine it ([All], [Any], [Race], [Settle], [Then], [Map],
//     [Catch], [Timeout], [AsCompleted], [Wait]). [Spawn] starts a
//     function and returns no future. [Daemon] is a Spawn that does not
//     hold the loop open. [Scope] returns when everything that was
//     started in it has ended. [NewPromise] returns a [Promise], which
//     is resolved by hand. [Resolved] and [Failed] return futures that
//     have their result already.
//   - [Limit] bounds how many functions run at once.
//   - Go, Spawn, Daemon and NewPromise never block. They may be called from any
//     goroutine, as may all methods here.
//   - An operation that is started with the ctx of another is its child. When
//     an operation succeeds, its unfinished children go to its nearest
//     unfinished ancestor, so a callback may start operations that outlive it.
//     The children of an operation that fails, or is cancelled, are cancelled.
//   - [Detach] makes operations children of the loop itself. [WithLoop] lends a
//     loop to a ctx from elsewhere. [LoopOf] returns the loop of a ctx.
//   - [Loop.Stats], [Loop.Ops], [Loop.Dump] and [Publish] show what is in
//     flight. See the section Observability.
//   - Loops nest, and any number of loops run side by side. Only the names of
//     kinds are global.
//
// The section Drivers lists the names that programs do not need.
//
// # Observability
//
//   - [Loop.Ops] describes each operation in flight ([OpInfo]): its ID, name,
//     [Kind] and age, what started it, its parents, what it awaits and for how
//     long ([Awaited]), and the bytes of a connection. It may be called at any
//     time. It costs nothing unless it is called.
//   - [Loop.Dump] writes the same for people, with the stacks of the
//     goroutines. A [StuckError] has the stacks too.
//   - [Loop.Sites] sets OpInfo.Site to the file and line that started each
//     operation.
//   - [Loop.Observe] is an [Observer], which is called when an operation begins
//     or ends and for each event. It is for metrics by kind or name and for
//     tracing systems. Observer.Span puts values, such as a trace's span, into
//     the context of an operation. Module interop/otel has spans and metrics of
//     OpenTelemetry.
//   - [LogHandler] adds the operation to the records of a slog.Logger.
//   - While the program is traced with runtime/trace, each operation is a task,
//     and each function a region. [Loop.ProfileLabels] labels goroutines with
//     their operation in profiles.
//   - [Loop.Stats] returns the figures of the loop ([Stats]), [Loop.KindStats]
//     those of each kind ([KindStats]). [Publish] exports a loop's Stats with
//     package expvar.
//   - [Loop.Refs] yields a [Ref] to each operation, for programs that look at
//     very many of them. [Loop.Tap] reports events for a while. Package live
//     uses both to show a loop in a browser.
//
// # Ordering
//
//   - A future resolves exactly once, when its function has returned.
//   - By the time a result can be seen, Stats no longer counts its operation as
//     in flight. What the function wrote is visible to a goroutine that has
//     seen the result.
//   - Children are cancelled after their parents. An operation's ctx ends
//     before its driver or OnCancel is called.
//   - Calls of event handlers of one loop never overlap, and come in the order
//     of the events. The events of different operations are ordered by the time
//     at which they happen and by nothing else.
//   - When all operations have ended, the AtExit functions run one after the
//     other, the last one registered first. OnFatal is called after them and
//     after the last event. Then Run returns.
//   - Operations run concurrently, in no particular order. Those that wait for
//     a slot of MaxInFlight or of a Limit get it in the order of their start.
//
// # Cancellation
//
//   - Cancellation is a request. An operation's ctx ends, with a cause that
//     context.Cause returns. The operation ends when its function returns, with
//     what the function returns. A promise is rejected with the cause.
//   - An operation is cancelled by [Future.Cancel], with its parent, when its
//     parent fails, when a ctx that it was started with ends (one of
//     context.WithTimeout, for example), and by the loop. Its ctx's Err and
//     cause are those that package context would give. A parent's success does
//     not cancel it.
//   - A result that is ready is returned even if the ctx has ended. Go and
//     Spawn run their function even with a ctx that has ended, because the
//     function may own something to release.
//   - Cancelling a wait does not cancel the work: when the ctx given to Await
//     ends, Await returns an [*AwaitError], and the future is unaffected. An
//     operation that was cancelled returns its own error.
//   - An operation's ctx whose Done method was called ends, at the latest, when
//     the operation and the children it left have ended. An operation that is
//     started with it afterwards begins under the nearest unfinished ancestor.
//     It is cancelled at once if the ctx's operation was cancelled or failed.
//   - Contexts derived from an operation's cost no goroutine.
//
// # Backpressure
//
//   - [Limit] bounds how many functions of Go and Spawn below a ctx, nested
//     ones included, run at once. A function that waits for others lends its
//     slot.
//   - Loop.MaxInFlight bounds the functions of Go and Spawn that main,
//     connections and requests start. What such a function starts itself is not
//     counted, so more than MaxInFlight functions may run at once. Use Limit to
//     bound all of them.
//   - When the loop drains, an operation that is still queued ends with ErrExit
//     and does not run, unless work in progress started it.
//   - Both queue operations, not callers. Awaiting one's own children cannot
//     deadlock. OpInfo.Queued marks queued operations. A queued operation that
//     is cancelled ends without having run.
//   - Nothing else in this package is bounded: 1,000,000 promises take
//     1,000,000 times some 200 bytes.
//   - The channel of a Future's C has room for its value, so C and Done need
//     not be received from. Dropping a future leaks nothing.
//   - Events queue without bound while a handler runs, so handlers should be
//     short.
//
// # Shutdown
//
// A loop's phases are running, leaving, draining, cancelling, and done. A loop
// is done without draining when it is empty: main has returned, only daemons
// are left, and all events are delivered.
//
//   - With Loop.DrainDelay, a loop that is asked to end without an error is
//     leaving first: everything goes on, but the channel of [Leaving] is
//     closed, and readiness fails.
//   - [Loop.Exit], the end of the ctx given to Run, an error of main's, and a
//     first signal of Loop.Signals begin the draining. Listeners stop
//     accepting, and idle connections end. Daemons and pending timers that no
//     work in progress started end with [ErrExit]. Work in progress goes on,
//     and may start what it needs.
//   - Main is work in progress too, and its ctx stays alive. A main that waits
//     for the end waits on [Draining] or [UntilDrain]; one that waits on
//     ctx.Done() uses up all of Grace. When Grace has passed, the loop logs a
//     warning that names what was left, which [Loop.Overdue] returns too.
//   - After Loop.Grace, by [Loop.Cancel], or with a second signal, everything
//     left is cancelled.
//   - After Loop.Abandon more, Run gives up and returns a [*StuckError] that
//     names everything that is left, with age, parents and stack. So Run
//     returns within DrainDelay, Grace, Abandon and 100 ms, whatever
//     operations, main, AtExit, OnEvent and OnFatal do.
//   - Run returns nil when the loop became empty, after Exit(nil), and when its
//     ctx was cancelled. It returns the ctx's context.Cause when the ctx's
//     deadline passed. Otherwise it returns the first fatal error.
//     [Loop.Signal] returns the signal that asked for the end. A loop runs
//     once.
//   - A loop inside an operation of another loop leaves and drains with the
//     outer loop, whose DrainDelay then applies. Cancelling the operation is a
//     Cancel of the inner loop.
//   - After the end, operations fail with [ErrLoopDone], and events are logged.
//
// A deadline of Run's ctx drains the loop as well: with a deadline in 200 ms
// and a Grace of 2 s, work that does not end by itself is cancelled after 2.2
// s. To cancel at the deadline, write:
//
//	stop := context.AfterFunc(ctx, func() { loop.Cancel(context.Cause(ctx)) })
//	defer stop()
//	err := loop.Run(ctx, main)
//
// # Errors and panics
//
//   - The error of a Spawn or a callback goes to the Scope around it, which it
//     cancels; else, as an [Event], to the handler of the nearest [OnEvent],
//     else to Loop.OnEvent, else to [DefaultOnEvent]. Each error is reported
//     once. An error that only says that its operation was cancelled is not an
//     event.
//   - DefaultOnEvent logs every event. It exits the loop with the error, except
//     for information ([IsInfo]), for events of an accepted connection or a
//     request and of everything started below one (Event.Served), for errors
//     about connections, and for lost errors. [LogEvents] logs as well, and
//     never exits the loop.
//   - The error of a future that nothing ever looked at is reported too, as
//     lost: when the future is garbage-collected, or at the end of its Scope or
//     of the loop. A future counts as looked at once Await or [Future.Result]
//     returned its [Result], its value was received from C, or it is an input
//     of a combination. Done, Cancel and an expired Await do not count.
//   - With Loop.CatchPanics a panic becomes a [*PanicError] with its value and
//     stack, which is the operation's error and an event. Without it the panic
//     is logged at once, the loop is cancelled, and Run panics with the
//     PanicError. Servers set CatchPanics, so that a panic ends one connection
//     or request only. A panic in an event handler is fatal to the loop.
//   - The error of an operation that calls runtime.Goexit is [ErrGoexit]. If
//     main calls it, so does Run.
//   - The error of what was stopped on purpose, such as an input that Race does
//     not need, is [ErrStopped]. Result returns [ErrPending] for a future that
//     has not resolved.
//   - The conditions of connections are [*ConnError] values, which match
//     [ErrConn], [ErrEOF], [ErrTimeout], [ErrRefused], [ErrDNS], [ErrClosed]
//     and [ErrReset] by errors.Is.
//
// # Drivers
//
// Drivers are packages that add operations, as timer and tcp do. Programs do
// not need the following names, except to read an OpInfo's Kind:
//
//   - [Begin] starts an operation, an [Op]. Op.Start does so for an Op that is
//     a field of the driver's record, Promise.Start for a Promise.
//   - A [Driver] is told what happens to its operation. It may also be a
//     [Drainer], an [Idler], a [Meter], a [Namer] and a [Watcher].
//   - [NewKind] makes a Kind, which classes operations in figures and listings.
//   - [FuncName] names an operation after its function.
//   - [NewConnError] makes a ConnError. [ErrBacklog] is an error of
//     connections.
//   - Future.AfterFunc calls a function when a future resolves, without
//     starting an operation. An [Awaitable] is a future of any type.
//
// # Limitations
//
//   - A goroutine cannot be killed. Run gives up on a function that ignores its
//     ctx, names it in the StuckError, and leaves it behind.
//   - The loop does not know of goroutines that a go statement starts. A panic
//     in one ends the program.
//   - A ctx of context.WithoutCancel detaches, but one of context.WithCancel
//     derived from that does not: what is started with it is still cancelled
//     with the operation. Use Detach.
//   - A foreign ctx of a type that package context does not know costs a
//     goroutine for each operation whose Done method was called, until that
//     operation ends.
//   - The age of an operation includes the time that it was queued.
//   - A lost error whose value may still be received from a channel of C is
//     reported only at the end of the loop.
//   - A signal reaches every running loop that lists it. A loop in a synctest
//     bubble receives no signals.
package aio
