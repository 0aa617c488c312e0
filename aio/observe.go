package aio

import (
	"context"
	"runtime/trace"
	"time"
)

// Observer holds functions that are called for what happens in a loop: see
// Loop.Observe. A nil function is not called. The functions are called without
// a lock held, in the goroutine of the operation concerned, which waits for
// them: they must be fast and must not block. Calls may overlap. The functions
// may use the loop and its operations. Operations that they start are observed
// too. They must not call runtime.Goexit. A panic in one of them is fatal to
// the loop.
//
// A function that is nil costs nothing. A spawn and its await, which take about
// 1 us, take 1.1 times as long with a Took or a Span that does nothing, and 2.9
// times as long with a Began or an Ended, for which each operation is
// described. bench/README.md has the figures.
//
// If an operation is started while the loop ends, Began and Ended, with
// ErrLoopDone, may be called after Run has returned.
type Observer struct {
	// Began is called for each operation, main included, before its function
	// runs and before it can be seen in Ops. op is in the tree below the
	// operation whose ctx it was started with.
	Began func(op OpInfo)
	// Ended is called once for each operation that Began was called for, after
	// Began: when the operation has its result, err, and before that is
	// visible, counted, or an event. Operations that it started may go on. took
	// is the operation's age. An operation that the loop gave up on after
	// Abandon may end after Run has returned, or never.
	Ended func(op OpInfo, err error, took time.Duration)
	// Took is called once for each operation that ends, main included, with its
	// kind and its age, before the result is visible. It is for durations by
	// kind.
	Took func(kind Kind, took time.Duration)
	// Span is called for each operation, main included, before Began. It
	// returns values for the operation's context and a function for its end: a
	// tracer returns a context that holds the operation's span, and ends the
	// span. ctx is the context that the operation is started with. parent is
	// the context of the operation's nearest unfinished ancestor, nil for main.
	// The two belong to different operations if the starter has ended, or if
	// the operation is started through Detach or WithLoop. op is not in the
	// tree and in Ops yet, and must not be kept.
	//
	// The operation's context looks a key up in values first. Operations that
	// are started with it do so too, unless Span returns values for them, which
	// replace these. The cancellation and the deadline of values have no
	// effect. Derive values from context.Background, since the operation's
	// context keeps all that values is derived from. values may be nil.
	//
	// end is called once with the operation's result, just before Ended would
	// be. It may be nil. An operation for which Span returns nil twice costs
	// the call and no allocation.
	Span func(ctx, parent context.Context, op Ref) (values context.Context, end func(err error))
	// Event is called with each event before the event's handler, in the same
	// goroutine. Calls are serialised, and have returned when Run returns.
	Event func(Event)
}

// origin holds what is known of the beginning of an operation that is observed,
// or began while the program was traced.
type origin struct {
	// the calls that started the operation; only with Loop.Sites
	calls  []uintptr
	task   *trace.Task // nil if the program was not traced
	labels any         // for profiles; only with Loop.ProfileLabels
	end    func(error) // of Observer.Span; may be nil
}

// observes reports whether something is kept of the beginning of each
// operation.
func (l *Loop) observes() bool {
	return l.Observe.Began != nil || l.Observe.Ended != nil || l.Sites || l.ProfileLabels
}

// introduce records the origin of the operation, which is about to begin below
// parent, and calls Observer.Began. ctx is what the operation is started with.
func (o *Op) introduce(ctx context.Context, parent *Op) {
	r := o.run
	o.parent.Store(parent)
	end := o.beginSpan(ctx, parent)
	if end == nil && !r.keeps && !trace.IsEnabled() {
		return
	}
	from := &origin{end: end}
	if r.loop.Sites {
		from.calls = callers()
	}
	if trace.IsEnabled() {
		from.task = o.newTask(ctx)
	}
	if r.loop.ProfileLabels {
		from.labels = o.labels(ctx)
	}
	o.mu.Lock()
	o.extra().origin = from
	o.mu.Unlock()
	if began := r.loop.Observe.Began; began != nil {
		r.contain("observer", func() { began(o.info(r.now())) })
	}
}

// origin returns the operation's origin, nil if it has none.
func (o *Op) origin() *origin {
	if x := o.x.Load(); x != nil {
		return x.origin
	}
	return nil
}

// farewell ends the operation's task, and calls Observer.Ended.
func (o *Op) farewell(err error) {
	from := o.origin()
	if from == nil {
		return
	}
	if from.task != nil {
		from.task.End()
	}
	r := o.run
	if from.end != nil {
		r.contain("observer", func() { from.end(err) })
	}
	if ended := r.loop.Observe.Ended; ended != nil {
		now := r.now()
		r.contain("observer", func() { ended(o.info(now), err, time.Duration(now-o.began)) })
	}
}

// tookTime calls Observer.Took.
func (o *Op) tookTime() {
	if took := o.run.loop.Observe.Took; took != nil {
		o.run.contain("observer", func() { took(o.kind, o.Age()) })
	}
}

// contain calls a function of the program's that belongs to the loop rather
// than to an operation. A panic in it is fatal to the loop.
func (r *running) contain(what string, fn func()) {
	ok := false
	defer func() {
		if !ok {
			if v := recover(); v != nil {
				r.panicked(what, v)
			}
		}
	}()
	fn()
	ok = true
}

// panicked ends the loop because of a panic with the value v. It must be called
// in the deferred function that recovered.
func (r *running) panicked(what string, v any) {
	p := newPanicError(v)
	if r.loop.CatchPanics {
		r.log.Error("panic in an "+what, "panic", p.Value, "stack", string(p.Stack))
		r.loop.Exit(p)
	} else {
		r.crash(what, p)
	}
}
