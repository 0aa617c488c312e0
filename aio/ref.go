package aio

import (
	"iter"
	"time"
	"unsafe"
)

// A Ref refers to an operation, in flight or ended. It is for programs that
// look at very many operations: Loop.Ops describes each of them in full, while
// a method of a Ref costs a few nanoseconds, except for Info and Stack. Refs
// can be compared and can be keys of a map. A Ref keeps the operation's record
// in memory, so it should not be kept for long. Methods may be called from any
// goroutine. Methods of the zero Ref, which refers to nothing, panic.
type Ref struct{ op *Op }

// Main returns a Ref to the loop's main, whose children are the operations
// without another parent. Before Run it is the zero Ref.
func (l *Loop) Main() Ref {
	if r := l.run.Load(); r != nil {
		return Ref{&r.root}
	}
	return Ref{}
}

// Refs yields a Ref to each operation in flight except main, as Ops does.
func (l *Loop) Refs() iter.Seq[Ref] {
	return func(yield func(Ref) bool) {
		if r := l.run.Load(); r != nil {
			r.root.walk(func(o *Op) bool { return yield(Ref{o}) })
		}
	}
}

// Find returns a Ref to the operation in flight that has the ID, which must
// have been asked for before. It looks at all operations, which takes some 50
// ms for a million.
func (l *Loop) Find(id uint64) (Ref, bool) {
	if m := l.Main(); m != (Ref{}) && m.ID() == id {
		return m, !m.Ended()
	}
	for r := range l.Refs() {
		if r.op.id.Load() == id && id != 0 {
			return r, true
		}
	}
	return Ref{}, false
}

// ID is OpInfo.ID.
func (r Ref) ID() uint64 { return r.op.ID() }

// Name is OpInfo.Name.
func (r Ref) Name() string { return r.op.label() }

// Kind is OpInfo.Kind.
func (r Ref) Kind() Kind { return r.op.kind }

// Age is OpInfo.Age.
func (r Ref) Age() time.Duration { return r.op.Age() }

// Began returns how long after the loop the operation began. The oldest
// operation has the smallest value.
func (r Ref) Began() time.Duration { return time.Duration(r.op.began) }

// Daemon is OpInfo.Daemon: the operation does not hold the loop open.
func (r Ref) Daemon() bool { return r.op.is(isDaemon) }

// Ended reports whether the operation has ended or is ending.
func (r Ref) Ended() bool {
	if r.op.isRoot() {
		return r.op.run.mainDone.Load()
	}
	return r.op.Ended()
}

// Bytes returns OpInfo.BytesIn and BytesOut.
func (r Ref) Bytes() (in, out int64) {
	if m, ok := r.op.driver.(Meter); ok {
		return m.OpBytes()
	}
	return 0, 0
}

// Info describes the operation.
func (r Ref) Info() OpInfo { return r.op.Info() }

// AppendChildren appends the operation's children to to, in no particular
// order. Children that have ended but have children themselves are included:
// see Ended. A lock is held for a few microseconds at a time, however many
// there are.
func (r Ref) AppendChildren(to []Ref) []Ref {
	ops := *(*[]*Op)(unsafe.Pointer(&to)) // a Ref is a pointer
	ops = r.op.appendKids(ops)
	return *(*[]Ref)(unsafe.Pointer(&ops))
}

// Cancel cancels the operation and all below it, as Op.Cancel does. Cancelling
// main does not end the loop; see Loop.Cancel.
func (r Ref) Cancel(cause error) { r.op.Cancel(cause) }

// Stack returns the stack of the goroutine that runs the operation's function,
// "" if there is none. It stops the world for as long as it takes to copy the
// stacks of all goroutines.
func (r Ref) Stack() string { return newStacks().of(r.op) }
