package aio

// A Driver is told what happens to an operation that it began with Op.Start. It
// may also be a Drainer, an Idler, a Meter, a Namer and a Watcher. The methods
// of these are called without any lock held, from the goroutine that caused the
// call: they must not block, and calls for one operation may overlap.
type Driver interface {
	// OpCancel asks the operation to end, once, with the cause. The driver
	// answers with Op.End, then or later. A driver whose operation cannot be
	// interrupted may ignore it.
	OpCancel(cause error)
}

// A Drainer is a Driver that takes part in draining. The operation of a driver
// that is none goes on while the loop drains.
type Drainer interface {
	// OpDrain says that the loop has begun to drain. An operation that is idle
	// should end with ErrExit. It is called again when an ancestor's end, while
	// the loop drains, may have made the operation TopLevel. It is not called
	// for daemons, which the loop cancels.
	OpDrain()
}

// An Idler is a Driver that waits for the children of its operation.
type Idler interface {
	// OpIdle says that the operation's last child has ended, except daemons.
	// It may be called more than once.
	OpIdle()
}

// A Namer is a Driver that names its operation.
type Namer interface {
	// OpName names an operation that was started with an empty name. It is
	// called only when somebody looks. An empty name stands for the kind.
	OpName() string
}

// A Meter is a Driver that counts the bytes of its operation.
type Meter interface {
	// OpBytes returns how many bytes the operation has read and written. It may
	// be called at any time.
	OpBytes() (in, out int64)
}

// A Watcher is a Driver that learns of what cancels its operation only if
// somebody wants to know. Call Op.AsWatched before Start.
type Watcher interface {
	// OpWatched says that the operation's context was asked for Done or Err, or
	// an operation was started with it. It is called once.
	OpWatched()
}

// AsDaemon makes the operation a daemon, which does not hold the loop open and
// is cancelled when the loop drains. Call it before Start.
func (o *Op) AsDaemon() { o.traits |= isDaemon }

// AsBackground makes the operation one that does not hold the loop open, as a
// daemon, but is not cancelled when the loop drains: its driver is told, and
// decides. It is cancelled once the loop is empty. So is a pooled connection,
// which work in progress may still need. Call it before Start.
func (o *Op) AsBackground() { o.traits |= isDaemon | isBackground }

// AsLasting has the operation outlast the ctx that it is started with, as a
// net.Conn outlasts the ctx of its dial: it is cancelled when an ancestor is,
// but not by that ctx. Call it before Start.
func (o *Op) AsLasting() { o.traits |= isLasting }

// AsServed says that the operation serves a peer, as an accepted connection or
// a request does. Errors of the operation, and of all that is started below it,
// concern that peer: DefaultOnEvent does not exit the loop for them. Call it
// before Start.
func (o *Op) AsServed() { o.traits |= isServed }

// AsWatched says that the operation's driver is a Watcher. Call it before
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
