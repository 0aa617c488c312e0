// Package flow provides patterns of several functions that work together:
// bounded parallel calls over a sequence, a function that is kept running,
// calls that several callers share, and a topic with many receivers. It does
// what golang.org/x/sync/errgroup and singleflight, and sourcegraph/conc, do
// without a loop.
//
// # Usage
//
// Each of them takes the ctx of an operation (see package aio) and is a child
// of that operation:
//
//   - [Each] calls a function for each value of a sequence, with a bounded
//     number of calls at once. [EachChan] does so for the values of a channel,
//     [Frontier] for a set of values that grows meanwhile.
//   - [Map] and [MapChan] yield the results of such calls in the order of the
//     sequence.
//   - [Keep] runs a function, and restarts it when it fails, with a [Restart]
//     policy.
//   - [Shared] makes one call for all callers that ask for the same key at the
//     time.
//   - [Topic] sends values to many receivers, each with a channel.
//
// Each and Map have one goroutine each, which reads the sequence. A Keep that
// waits, a Topic, its receivers, and a wait for a Shared call have none.
//
// # Cancellation
//
// Cancellation is a request, as everywhere in aio: an Each or a Keep has ended
// when the functions that it runs have returned. An Each cancels its functions
// when one of them fails. A Map cancels its functions when its range ends, and
// waits for them. A Keep that waits ends at once. The ctx of a Shared call ends
// when no caller waits for it. A Receiver is closed when its ctx ends.
//
// With a ctx that has ended before no function runs.
//
// # Backpressure
//
// Each and Map read a value only when there is room for another function. A
// Map's results that wait for their turn count, so nothing runs more than
// Options.Limit ahead of the loop's body. A Frontier is bounded by its Max.
// Each receiver has a bounded channel. Topic.Publish waits for receivers that
// are WaitForRoom and for no others.
//
// The functions of Each and Map need slots of an aio.Limit and of
// Loop.MaxInFlight, as those of aio.Go do. A function that awaits an Each or a
// Shared call's future, or ranges over a Map, lends its slot meanwhile. The
// goroutine that reads the sequence, the functions of Keep, and Shared's calls
// need no slot.
//
// # Shutdown
//
// Each, Map and Shared calls are work in progress: they go on while the loop
// drains. Over an endless sequence they go on for all of Grace, unless the
// sequence ends at aio.Draining, or the Each is started with
// aio.UntilDrain(ctx). While the loop drains, a Keep does not restart its
// function. Receivers of main's are closed at the drain, those of work in
// progress when that ends. A topic is closed once the loop is empty or
// cancelled. Topics and receivers do not hold the loop open.
//
// # Errors and panics
//
// The error of an Each is that of its future, and that of a Map is yielded.
// That of a Keep goes to the Scope around it, else to the event handler, unless
// Keeper.Future was called. Errors after which a Keep restarts its function are
// logged, or passed to Restart.OnRestart.
//
// Panics and runtime.Goexit in functions and in sequences are contained as
// everywhere in aio. With Loop.CatchPanics a panic is an event, and a
// *aio.PanicError for those that await the result; without, it ends the loop.
// Goexit becomes aio.ErrGoexit. A panic in the body of a Map's loop goes on
// once the Map has ended.
//
// # Limitations
//
// A sequence that blocks cannot be interrupted. It should end with a ctx.
// EachChan and MapChan do not block on their channels.
//
// With Options.KeepGoing the errors of all functions are kept in memory, to be
// joined.
//
// A Shared call is a child of the loop itself. Functions that it starts by
// aio.Go count for Loop.MaxInFlight, even if its callers hold slots. With fewer
// slots than callers and such functions, they deadlock.
//
// Operations that a Keep's function starts with aio.Detach may still run when
// the function is restarted.
package flow
