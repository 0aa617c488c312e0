package aio

import (
	"context"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
)

// While the program is traced (runtime/trace), each operation that begins is a
// task, below that of the operation that has started it or the program's, and
// its function is a region. Their type is the operation's kind; a message of
// the category "op" has the name and the ID.

// taskKey is the key under which runtime/trace looks for the task of a Context.
// With a runtime/trace that does not look for one, the tasks of operations have
// no parents.
var taskKey = func() any {
	var p keyProbe
	trace.Log(&p, "", "")
	return p.key
}()

// newTask begins a task for the operation, which is started with ctx. The
// operation keeps the task and not the task's context, because a chain of
// operations, each started by the one before, would make a chain of contexts.
func (o *Op) newTask(ctx context.Context) *trace.Task {
	ctx, task := trace.NewTask(ctx, o.kind.String())
	trace.Log(ctx, "op", o.label()+" #"+strconv.FormatUint(o.ID(), 10))
	return task
}

// labelKey is the key under which runtime/pprof looks for the labels of a
// Context. With a runtime/pprof that does not look for them, goroutines of
// operations have no labels.
var labelKey = func() any {
	var p keyProbe
	pprof.WithLabels(&p, pprof.Labels())
	return p.key
}()

// labels returns the labels of the operation, which is started with ctx, as
// runtime/pprof keeps them.
func (o *Op) labels(ctx context.Context) any {
	return pprof.WithLabels(ctx, pprof.Labels(
		"loop", o.run.loop.Name, "kind", o.kind.String(), "op", o.label())).Value(labelKey)
}

// annotated reports whether goroutines that run the operation's function are
// marked.
func (o *Op) annotated() bool { return o.run.loop.ProfileLabels || trace.IsEnabled() }

// annotate marks the current goroutine as one that runs the operation's
// function, for profiles and traces. The goroutine must call end when the
// function has returned, and then end.
func (o *Op) annotate() (end func()) {
	if o.run.loop.ProfileLabels {
		pprof.SetGoroutineLabels(o.Context())
	}
	return o.region()
}

// region begins a region of the operation's function. end ends it, in the same
// goroutine.
func (o *Op) region() (end func()) {
	return trace.StartRegion(o.Context(), o.kind.String()).End
}
