package aio

// A Driver handles what happens to an operation that was started with Op.Start
// or Promise.Start. It may also be a Drainer, an Idler, a Meter, a Namer and a
// Watcher. The methods of these are called without a lock held, in the
// goroutine that causes the call. They must not block. Calls for one operation
// may overlap.
type Driver interface {
	// OpCancel asks the operation to end, with the cause. It is called at most
	// once. The driver calls Op.End in it or later. A driver whose operation
	// cannot be interrupted may ignore it.
	OpCancel(cause error)
}

// A Drainer is a Driver that takes part in draining. The operation of another
// driver goes on while the loop drains.
type Drainer interface {
	// OpDrain is called when the loop begins to drain. An operation that is
	// idle should end with ErrExit. OpDrain is called again when, while the
	// loop drains, the end of an ancestor may have made the operation TopLevel.
	// It is not called for daemons, which the loop cancels, except those of
	// AsBackground.
	OpDrain()
}

// An Idler is a Driver that needs to know when its operation has no children.
type Idler interface {
	// OpIdle is called when the operation's last child, daemons excepted, has
	// ended. It may be called more than once.
	OpIdle()
}

// A Namer is a Driver that names its operation.
type Namer interface {
	// OpName returns the name of an operation that was started with an empty
	// name. It is called only when the name is asked for. An empty name stands
	// for the kind.
	OpName() string
}

// A Meter is a Driver that counts the bytes of its operation.
type Meter interface {
	// OpBytes returns the numbers of bytes that the operation has read and
	// written. It may be called at any time.
	OpBytes() (in, out int64)
}

// A Watcher is a Driver that watches for what cancels its operation only if
// another goroutine waits for that. Call Op.AsWatched before Start.
type Watcher interface {
	// OpWatched is called when Done or Err of the operation's context is
	// called, or an operation is started with it. It is called at most once.
	OpWatched()
}

// AsDaemon makes the operation a daemon, which does not hold the loop open and
// is cancelled when the loop drains, unless work in progress started it. Call
// it before Start.
func (o *Op) AsDaemon() { o.traits |= isDaemon }

// AsBackground makes the operation a daemon that is not cancelled when the loop
// drains: its driver, if it is a Drainer, is called and decides. The operation
// is cancelled once the loop is empty. It is for pooled connections, for
// example, which work in progress may still need. Call it before Start.
func (o *Op) AsBackground() { o.traits |= isDaemon | isBackground }

// AsLasting makes the operation outlast the ctx that it is started with, as a
// net.Conn outlasts the ctx of its dial. The operation is cancelled with its
// ancestors, but not by the end of that ctx. Call it before Start.
func (o *Op) AsLasting() { o.traits |= isLasting }

// AsServed marks the operation as one that serves a peer, such as an accepted
// connection or a request. Errors of the operation, and of everything that is
// started below it, concern that peer only: DefaultOnEvent does not exit the
// loop for them. Call it before Start.
func (o *Op) AsServed() { o.traits |= isServed }

// AsWatched declares that the operation's driver is a Watcher. Call it before
// Start.
func (o *Op) AsWatched() { o.set(opUnwatched) }

// tellWatched calls OpWatched, once.
func (o *Op) tellWatched() {
	if !o.clear(opUnwatched).has(opUnwatched) {
		return
	}
	if w, ok := o.driver.(Watcher); ok {
		w.OpWatched()
	}
}
