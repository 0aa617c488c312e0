package aio

// An operation has traits, which are fixed when it starts, a stage, and flags.

// traits say what an operation is. They are set before it starts and do not
// change after that.
type traits uint8

const (
	isDaemon traits = 1 << iota // does not hold the loop open
	// a daemon whose driver is called when the loop drains, instead of being
	// cancelled
	isBackground
	// its error belongs to the holder of its future
	isFuture
	// base has a Done channel besides the tree's cancellation
	isForeign
	isCounted // counts in Stats.Futures by itself
	// the end of the ctx it was started with does not cancel it
	isLasting
	// concerns a single peer: an accepted connection, a request, or what one
	// started
	isServed
)

// inherited are the traits that an operation inherits from its parent.
const inherited = isDaemon | isForeign | isServed

// opState is the part of an operation that changes: a stage in the low bits,
// and flags. It is read and changed atomically. The stage changes only with the
// operation's lock held, and only like this:
//
//	open ──┬─► ending ──────────────► over      no children
//	       ├─► parting ─────────────► over      hands its children up
//	       └─► lingering ──► ghost ─► over      keeps them until the last has ended
//
// Op.claim leads out of open, Op.resolve out of the three after it, and
// Op.ghostLeft out of ghost.
type opState uint32

const (
	// stageOpen: there is no result. The operation takes children.
	stageOpen opState = iota
	// stageEnding: the result is being published. There are no children.
	stageEnding
	// stageParting: the result is being published, and the children handed up.
	stageParting
	// stageLingering: the result is being published. The children stay.
	stageLingering
	// stageGhost: the result is visible. The operation stays in the tree for
	// its children, so that a cancellation from above reaches its ctx.
	stageGhost
	// stageOver: the result is visible.
	stageOver

	stages opState = 1<<3 - 1
)

// The flags of an operation. A flag stays set unless its comment says
// otherwise.
const (
	// was cancelled; extra.cause is the cause
	opCancelled opState = (stages + 1) << iota
	// its children are known to the cancellation
	opReached

	opLooked // its result was looked at, or is the input of a combination
	opTold   // its error was reported to an event callback
	// its error is that of a callback; cleared when its future is asked for
	opCallback

	opRunning // a promise whose function runs: cancelling does not reject it
	// its function waits for a slot; cleared when it has one, or will not run
	opQueued
	opSlot // holds a slot of Loop.MaxInFlight
	// was started by an operation within Loop.MaxInFlight, and so is within it
	opWithin
	opTurn    // has a turn at the slots of a Limit
	opLimited // waits for operations that have turns

	opUnwatched // its driver is a Watcher; cleared when that is called
	// a ghost that does not hold the loop open: only daemons are left below it
	opWeak
)

// stage returns the state's stage.
func (s opState) stage() opState { return s & stages }

// open reports whether the operation takes children and may still be claimed.
func (s opState) open() bool { return s&stages == stageOpen }

// resolved reports whether the result is there.
func (s opState) resolved() bool { return s&stages >= stageGhost }

// lingers reports whether the operation is a ghost, or is about to be one.
func (s opState) lingers() bool { return s&stages == stageLingering || s&stages == stageGhost }

// has reports whether one of the flags is set.
func (s opState) has(flags opState) bool { return s&flags != 0 }

// at returns the operation's state.
func (o *Op) at() opState { return opState(o.state.Load()) }

// set sets a flag, and returns the state before.
func (o *Op) set(flag opState) (old opState) { return opState(o.state.Or(uint32(flag))) }

// clear clears a flag, and returns the state before.
func (o *Op) clear(flag opState) (old opState) { return opState(o.state.And(uint32(^flag))) }

// enter leads to a later stage. The operation's lock is held.
func (o *Op) enter(stage opState) {
	o.state.Add(uint32(stage - o.at().stage()))
}

// is reports whether the operation has one of the traits.
func (o *Op) is(t traits) bool { return o.traits&t != 0 }

// isRoot reports whether the operation is its loop's main.
func (o *Op) isRoot() bool { return o.run != nil && o == &o.run.root }

// holds reports whether the operation holds what is around it open.
func (o *Op) holds() bool { return !o.is(isDaemon) && !o.at().has(opWeak) }

// resolved reports whether the result is there.
func (o *Op) resolved() bool { return o.at().resolved() }

// failed reports whether the operation has failed, or is failing.
func (o *Op) failed() bool { return !o.at().open() && o.err != nil }
