package aio

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Dump writes a list of the operations in flight for people to read, the oldest
// first, with age, parents and the stacks of their goroutines. It stops the
// world for as long as it takes to copy the stacks. It returns the first error
// of w.
func (l *Loop) Dump(w io.Writer) error {
	r := l.run.Load()
	if r == nil {
		_, err := fmt.Fprintln(w, "loop not running")
		return err
	}
	s := l.Stats()
	if _, err := fmt.Fprintf(w, "loop %q: %s, %d in flight, %d started, %d failed\n", l.Name, s.Phase, s.InFlight, s.Started, s.Failed); err != nil {
		return err
	}
	for _, i := range r.describe() {
		if _, err := fmt.Fprintln(w, i); err != nil {
			return err
		}
		if i.Stack != "" {
			if _, err := fmt.Fprintf(w, "\t%s\n", strings.ReplaceAll(strings.TrimSpace(i.Stack), "\n", "\n\t")); err != nil {
				return err
			}
		}
	}
	return nil
}

// describe describes all operations in flight, the oldest first, with the
// stacks of their goroutines.
func (r *running) describe() []OpInfo {
	stacks := newStacks()
	now := r.now()
	var out []OpInfo
	if !r.mainDone.Load() {
		i := r.root.info(now)
		i.Stack = stacks.of(&r.root)
		out = append(out, i)
	}
	r.root.walk(func(o *Op) bool {
		i := o.info(now)
		i.Stack = stacks.of(o)
		out = append(out, i)
		return true
	})
	slices.SortStableFunc(out, func(a, b OpInfo) int { return a.Started.Compare(b.Started) })
	return out
}
