// Package aio runs operations under a supervising loop: goroutines, timers,
// connections, and whatever else drivers add. The loop knows every operation in
// flight, reports every error that was not returned to a caller, and ends all
// operations gracefully. When [Run] returns, nothing is left.
//
// # Usage
//
//   - [Run] starts a loop and hands main a ctx that belongs to it. Every
//     operation takes that ctx, or one derived from it, first. With a ctx that
//     has no loop an operation fails with [ErrNoLoop]; nothing runs, nothing
//     panics. A nil ctx has no loop, and stands for context.Background() where
//     none is needed.
//   - [Go] returns a [Future]: Await it, select over its C or Done, or combine
//     it ([All], [Any], [Race], [Settle], [Then], [Map], [Catch], [Timeout],
//     [AsCompleted], [Wait]). [Spawn] has no result. [Daemon] is a Spawn that
//     does not hold the loop open. [Scope] returns when all that was started in
//     it has ended. [NewPromise] is resolved by hand.
//   - [Limit] bounds how many functions run at once.
//   - Go, Spawn, Daemon and NewPromise never block. They may be called from any
//     goroutine, as may all methods here.
//   - An operation started with the ctx of another is its child. When an
//     operation succeeds, the children it leaves go to its nearest unfinished
//     ancestor: a callback may start what outlives it. The children of an
//     operation that fails, or is cancelled, are cancelled.
//   - [Detach] makes what follows a child of the loop itself. [WithLoop] lends
//     a loop to a ctx from elsewhere.
//   - [Loop.Stats], [Loop.Ops], [Loop.Dump] and [Publish] show what is in
//     flight. See the section Observability.
//   - Loops nest, and any number run side by side. Only the names of kinds are
//     global.
//
// Drivers, packages that add operations, use [Begin], [Op], [Driver], [Promise]
// and [NewKind].
//
// # Observability
//
//   - [Loop.Ops] describes each operation in flight ([OpInfo]): its ID, name,
//     kind and age, what has started it, its parents, what it awaits and for
//     how long, and the bytes of a connection. It may be called at any time,
//     and costs nothing before.
//   - [Loop.Dump] adds the stacks, for people. A [StuckError] has them too.
//   - [Loop.Sites] has OpInfo.Site tell the file and line that started each
//     operation.
//   - [Loop.Observe] is told when each operation begins and ends, and of each
//     event: for metrics by kind or name. Observer.Span puts values, such as a
//     trace's span, into the context of an operation. Module interop/otel has
//     spans and metrics of OpenTelemetry.
//   - [LogHandler] adds the operation to the records of a slog.Logger.
//   - While the program is traced with runtime/trace, each operation is a task,
//     and each function a region. [Loop.ProfileLabels] has profiles tell
//     operations apart.
//   - [Loop.Stats] has the figures of the loop, [Loop.KindStats] those of each
//     kind; [Publish] exports them with package expvar.
//   - [Loop.Refs] is for programs that look at very many operations, [Loop.Tap]
//     for those that are told of events for a while. Package live, which shows
//     all of this in a browser, is made of them.
//
// # Ordering
//
//   - A future resolves exactly once, when its function has returned, whoever
//     listens.
//   - By the time a result can be seen its operation is out of the figures of
//     Stats, and what the function wrote is visible to whoever has seen it.
//   - Children are cancelled after their parents. An operation's ctx is dead
//     before its driver or OnCancel is told.
//   - Calls of event handlers of one loop never overlap, and are in the order
//     of the events. Events of different operations have only the order in
//     which they happen.
//   - AtExit functions run one after the other, the last one registered first,
//     when all operations have ended; OnFatal after them and after the last
//     event; then Run returns.
//   - Operations run concurrently, in no order. Those that wait for a slot of
//     MaxInFlight or of a Limit get it in the order of their start.
//
// # Cancellation
//
//   - Cancelling asks. An operation's ctx ends, with a cause that context.Cause
//     tells; the operation ends when its function returns, with what that
//     returns. A promise is rejected with the cause.
//   - An operation is cancelled by [Future.Cancel], with its parent, when its
//     parent fails, when a ctx that it was started with ends (one of
//     context.WithTimeout, say), and by the loop. Its ctx's Err and cause are
//     those that package context would give. A parent's success does not cancel
//     it.
//   - Ready wins: a result that is there is returned even if the ctx is dead,
//     and Go and Spawn run their function even on a dead ctx, since it may own
//     what has to be released.
//   - The wait is not the work: when the ctx given to Await ends, Await returns
//     an [*AwaitError] and the future is untouched. An operation that was
//     cancelled returns its own error.
//   - An operation's ctx whose Done was asked for ends, at the latest, when the
//     operation and the children it left have ended. What is started with it
//     then still starts, alive, under the nearest unfinished ancestor; but if
//     the operation was cancelled or failed, it is cancelled at once.
//   - Contexts derived from an operation's cost no goroutine.
//
// # Backpressure
//
//   - [Limit] bounds the functions of Go and Spawn below a ctx, nested ones
//     included, that run at once. A function that waits for others lends its
//     slot.
//   - Loop.MaxInFlight bounds the functions of Go and Spawn that main,
//     connections and requests start. What such a function starts itself is not
//     counted, so that more than MaxInFlight may run at once: use Limit to
//     bound all of them.
//   - When the loop drains, an operation that still queues ends with ErrExit
//     and does not run, unless work in progress has started it.
//   - Both queue operations and not callers, and awaiting one's own children
//     cannot deadlock. OpInfo.Queued tells of them. A queued operation that is
//     cancelled ends without having run.
//   - Nothing else here is bounded: 1,000,000 promises take 1,000,000 times
//     some 200 bytes.
//   - A Future's C has room for its value; Done and C need not be read.
//     Dropping a future leaks nothing.
//   - Events queue without bound while a handler runs: handlers should be
//     short.
//
// # Shutdown
//
// A loop runs, leaves, drains, cancels, is done. It is done without draining
// when it is empty: main has returned, only daemons are left and all events are
// delivered.
//
//   - With Loop.DrainDelay, a loop that is asked to end without an error is
//     leaving first: everything goes on, but [Leaving] tells, and readiness
//     fails.
//   - [Loop.Exit], the end of Run's own ctx, main's error or a first signal of
//     Loop.Signals begin the draining: listeners stop accepting, idle
//     connections end, daemons and pending timers that no work in progress has
//     started end with [ErrExit]. Work in progress goes on, and may start what
//     it needs.
//   - Main is work in progress, too, and its ctx stays alive: a main that waits
//     for the end waits on [Draining] or [UntilDrain], not on ctx.Done(), which
//     would cost all of Grace. The loop logs a warning when Grace has passed,
//     with what was left, and [Loop.Overdue] tells it.
//   - After Loop.Grace, at [Loop.Cancel] or with a second signal, everything
//     left is cancelled.
//   - After Loop.Abandon more, Run gives up and returns a [*StuckError] that
//     names all that is left, with age, parents and stack. That bounds the end
//     always, also against main, AtExit, OnEvent and OnFatal: DrainDelay,
//     Grace, Abandon and 100 ms.
//   - Run returns nil when the loop became empty, after Exit(nil), and when its
//     ctx was cancelled; context.Cause when its ctx's deadline passed; else the
//     first fatal error. [Loop.Signal] tells whether a signal has asked for the
//     end. A loop runs once.
//   - A loop inside an operation of another leaves and drains with the outer,
//     whose DrainDelay is the one that counts then. Cancelling the operation is
//     a Cancel.
//   - After the end, operations fail with [ErrLoopDone], and events are logged.
//
// A deadline of Run's ctx drains as well: with a deadline in 200 ms and a Grace
// of 2 s, work that does not end by itself is cancelled after 2.2 s. To have it
// cancelled at the deadline, say so:
//
//	stop := context.AfterFunc(ctx, func() { loop.Cancel(context.Cause(ctx)) })
//	defer stop()
//	err := loop.Run(ctx, main)
//
// # Errors and panics
//
//   - The error of a Spawn or a callback goes to the Scope around it, which it
//     cancels; else to the handler of the nearest [OnEvent], else to
//     Loop.OnEvent, else to [DefaultOnEvent]. Each is reported once. An error
//     that only says that its operation was cancelled is no event.
//   - DefaultOnEvent logs every event. It exits the loop with the error, except
//     for information, for events of an accepted connection or a request and
//     all that is started below one (Event.Served), for errors about
//     connections, and for lost errors. [LogEvents] logs as well, and never
//     exits the loop.
//   - The error of a future that nothing ever looked at is reported too, as
//     lost: when the future is garbage-collected, at the end of its Scope or of
//     the loop. To look at it means: an Await or Result that returned it, a
//     value received from C, an input of a combination; not Done, Cancel or an
//     expired Await.
//   - With Loop.CatchPanics a panic becomes a [*PanicError], with its value and
//     stack: the operation's error, and an event. Without it, the panic is
//     logged at once, the loop is cancelled, and Run panics with it. Servers
//     set CatchPanics, so that a panic ends one connection or request. A panic
//     in an event handler is fatal.
//   - runtime.Goexit in an operation makes its error [ErrGoexit]; in main, Run
//     calls it too.
//   - What happens to connections is a [*ConnError]: match ErrConn, ErrEOF,
//     ErrTimeout, ErrRefused, ErrDNS, ErrClosed, ErrReset with errors.Is.
//
// # Limitations
//
//   - A goroutine cannot be killed: a function that ignores its ctx is given
//     up, named, and left behind.
//   - The loop does not know a plain go statement. Go's panics in one end the
//     program.
//   - A ctx of context.WithoutCancel detaches, but one of WithCancel over that
//     does not: what is started with it is still cancelled with its operation.
//     Use Detach.
//   - A foreign ctx of a type that package context does not know costs a
//     goroutine for each operation whose Done is asked for, until that ends.
//   - Ages are from the start of an operation, and include the time in a queue.
//   - A lost error whose value may still be received from C is reported at the
//     end of the loop only.
//   - Signals reach all running loops that list them. In a synctest bubble
//     there are none.
package aio
