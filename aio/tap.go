package aio

import (
	"slices"
	"sync/atomic"
)

// Tap has fn told of each event from now on, as Observer.Event is, until stop
// is called; a call may be under way when stop returns. It may be called before
// and while the loop runs. Without a tap an event costs one look at a pointer.
func (l *Loop) Tap(fn func(Event)) (stop func()) {
	t := &tap{fn}
	l.taps.change(func(all []*tap) []*tap { return append(slices.Clone(all), t) })
	return func() {
		l.taps.change(func(all []*tap) []*tap {
			return slices.DeleteFunc(slices.Clone(all), func(o *tap) bool { return o == t })
		})
	}
}

// tap is a function that is told of events. Its address tells it from others.
type tap struct{ fn func(Event) }

// taps is the list of a loop's taps. A list is never changed, but replaced.
type taps struct{ list atomic.Pointer[[]*tap] }

// change replaces the list by what edit makes of it.
func (t *taps) change(edit func([]*tap) []*tap) {
	for {
		old := t.list.Load()
		var all []*tap
		if old != nil {
			all = *old
		}
		if all = edit(all); t.list.CompareAndSwap(old, &all) {
			return
		}
	}
}

// tell calls the functions.
func (t *taps) tell(e Event) {
	if all := t.list.Load(); all != nil {
		for _, tap := range *all {
			tap.fn(e)
		}
	}
}
