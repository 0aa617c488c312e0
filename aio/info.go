package aio

import (
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"
)

// OpInfo describes an operation in flight.
type OpInfo struct {
	Name      string
	Kind      Kind
	Started   time.Time
	Age       time.Duration // when this description was made
	By        string        // the name of the operation that started it
	Parents   []string      // names of its unfinished ancestors, the nearest first; beyond 32 "..."; the last is the loop's main
	Queued    bool          // it waits for a slot of Loop.MaxInFlight
	Cancelled bool          // it was asked to end
	Daemon    bool          // it does not hold the loop open
	Stack     string        // of its goroutine, where it has one; only in a StuckError and from Loop.Dump
}

// String describes the operation in a line.
func (i OpInfo) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %q", i.Kind, i.Name)
	if i.Age > 0 {
		fmt.Fprintf(&b, " for %v", i.Age.Round(time.Millisecond))
	}
	for _, w := range []struct {
		word string
		is   bool
	}{{"queued", i.Queued}, {"cancelled", i.Cancelled}, {"daemon", i.Daemon}} {
		if w.is {
			b.WriteString(", " + w.word)
		}
	}
	if len(i.Parents) > 0 {
		b.WriteString(", in " + strings.Join(i.Parents, " < "))
	}
	if i.By != "" && (len(i.Parents) == 0 || i.By != i.Parents[0]) {
		fmt.Fprintf(&b, ", started by %q", i.By)
	}
	return b.String()
}

// maxParents bounds OpInfo.Parents, so that very deep trees can be listed.
const maxParents = 32

// info describes the operation at the time now.
func (o *Op) info(now int64) OpInfo {
	s := o.at()
	p, by := o.parent.Load(), (*string)(nil)
	if x := o.x.Load(); x != nil {
		by = x.by.Load()
	}
	if by == nil && p != nil { // it has not moved, so p started it
		n := p.label()
		by = &n
	}
	i := OpInfo{
		Name:      o.label(),
		Kind:      o.kind,
		Started:   o.run.epoch.Add(time.Duration(o.began)),
		Age:       time.Duration(now - o.began),
		Queued:    s.has(opQueued),
		Cancelled: s.has(opCancelled),
		Daemon:    o.is(isDaemon),
	}
	if by != nil {
		i.By = *by
	}
	for ; p != nil; p = p.parent.Load() {
		if len(i.Parents) == maxParents {
			i.Parents = append(i.Parents, "...", o.run.root.label())
			break
		}
		if p.at().open() {
			i.Parents = append(i.Parents, p.label())
		}
	}
	return i
}

// Info describes the operation, for drivers.
func (o *Op) Info() OpInfo { return o.info(o.run.now()) }

// Ops yields a description of each operation in flight but main, parents before their children, in no other order. The
// loop goes on meanwhile: an operation that begins, ends or changes its parent while Ops runs may be missed or come
// twice. There are none before and after Run.
func (l *Loop) Ops() iter.Seq[OpInfo] {
	return func(yield func(OpInfo) bool) {
		if r := l.run.Load(); r != nil {
			now := r.now()
			r.root.walk(func(o *Op) bool { return yield(o.info(now)) })
		}
	}
}

// Dump writes a list of the operations in flight for people to read, the oldest first: with age, parents and the stacks
// of their goroutines. It stops the world for as long as it takes to copy the stacks.
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

// describe describes all operations in flight, the oldest first, with the stacks of their goroutines.
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
