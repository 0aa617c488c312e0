package aio

import (
	"slices"
	"sync/atomic"
)

// Tap arranges to call fn with each event from now on, as Observer.Event is
// called, until stop is called. A call of fn may be in progress when stop
// returns. Tap may be called before and while the loop runs. stop may be called
// more than once.
func (l *Loop) Tap(fn func(Event)) (stop func()) {
	t := &tap{fn}
	l.taps.change(func(all []*tap) []*tap { return append(slices.Clone(all), t) })
	return func() {
		l.taps.change(func(all []*tap) []*tap {
			return slices.DeleteFunc(slices.Clone(all), func(o *tap) bool { return o == t })
		})
	}
}

// tap is the function of a Tap. Its address identifies it.
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
