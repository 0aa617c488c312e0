// Package flow has the ways in which several functions work together: a bounded
// number of them over a sequence, one that is kept running, one for many who
// ask, and values for many who listen. It is for those who would otherwise
// write them with golang.org/x/sync/errgroup and singleflight, or
// sourcegraph/conc.
//
// # Usage
//
// Each takes the ctx of an operation (see package aio) and is a child of that
// operation:
//
//   - [Each] calls a function for each value of a sequence, a bounded number at
//     once. [EachChan] does so for the values of a channel, [Frontier] for a
//     set of values that grows meanwhile.
//   - [Map] and [MapChan] yield the results of such calls in the order of the
//     sequence.
//   - [Keep] runs a function, and again when it fails, with a [Restart] policy.
//   - [Shared] makes calls that are the same only once for all who ask at the
//     time.
//   - [Topic] hands values to many receivers, each with a channel.
//
// A sequence is read by a goroutine, one for each Each and Map. A Keep that
// waits, a Topic, its receivers, and who waits for a Shared call have none.
//
// # Cancellation
//
// Cancelling asks, as everywhere in aio: an Each or a Keep has ended when the
// functions that it runs have returned. An Each ends what it runs when one
// function fails, a Map when its range ends, with what is left having ended by
// then. A Keep ends at once while it waits. The ctx of a Shared call ends when
// the last asker has left. A Receiver is closed when its ctx ends.
//
// With a ctx that is dead from the beginning no function runs.
//
// # Backpressure
//
// Each and Map read a value when there is room for another function, and not
// before. A Map's results that wait for their turn take that room, so that
// nothing runs more than Options.Limit ahead of the loop's body. A Frontier is
// bounded by its Max. Topic.Publish waits for receivers that are WaitForRoom;
// for the others it never does, and each has a bounded channel.
//
// The functions of Each and Map need slots of an aio.Limit and of
// Loop.MaxInFlight as those of aio.Go do. Those who await an Each, a Shared
// call's future or range over a Map lend theirs meanwhile. What reads the
// sequence, the functions of Keep, and Shared's calls need none.
//
// # Shutdown
//
// Each, Map and Shared calls are work in progress: while the loop drains they
// go on. Over an endless sequence that is for all of Grace; where that should
// not be, let the sequence end at aio.Draining, or start the Each with
// aio.UntilDrain(ctx). A Keep is not restarted then. Receivers of main's are
// closed then, those of work in progress when that ends; a topic is closed once
// the loop is empty or cancelled. Topics and receivers do not hold the loop
// open.
//
// # Errors and panics
//
// The error of an Each is its future's, that of a Map is yielded, and that of a
// Keep goes to the Scope around it, else to the event handler, unless
// Keeper.Future was called. The errors for which a Keep restarts are logged, or
// given to Restart.OnRestart.
//
// Panics and runtime.Goexit in functions, in sequences and in the body of a
// Map's loop are contained as everywhere in aio: with Loop.CatchPanics a panic
// is an event, and a *aio.PanicError to who awaits; without, it ends the loop.
// Goexit is aio.ErrGoexit. A panic in the body of a Map's loop goes on once the
// Map has ended.
//
// # Limitations
//
// A sequence that blocks cannot be interrupted. Let it end with a ctx, or use
// EachChan and MapChan.
//
// With Options.KeepGoing the errors of all functions are kept to be joined.
//
// A Shared call is a child of the loop itself: functions that it starts by
// aio.Go count for Loop.MaxInFlight, even if its askers hold slots. With fewer
// slots than askers and such functions, they wait for each other.
//
// A Keep's function that starts operations with aio.Detach is restarted while
// these may still run.
package flow
