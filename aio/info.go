package aio

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"
)

// OpInfo describes an operation in flight.
type OpInfo struct {
	// ID is unique in the loop, and the same in every description of the
	// operation. Main's is 1. IDs are assigned when they are first asked for,
	// so their order is not that in which operations began.
	ID      uint64
	Name    string
	Kind    Kind
	Started time.Time
	Age     time.Duration // when this description was made
	By      string        // the name of the operation that started it
	// the ID of the operation that started it; 0 for main
	StartedBy uint64
	// file and line of the call that started it, see Loop.Sites
	Site string
	// the ID of its nearest unfinished ancestor; 0 for main
	Parent uint64
	// names of its unfinished ancestors, the nearest first; beyond 32 "...";
	// the last is the loop's main
	Parents []string
	// the name of the innermost Scope around it; "" if there is none
	Scope  string
	Awaits Awaited // what its function waits for
	// read by it; only of operations that count them, such as connections
	BytesIn  int64
	BytesOut int64 // written by it
	// it waits for a slot of Loop.MaxInFlight or of a Limit
	Queued    bool
	Cancelled bool // it was asked to end
	Daemon    bool // it does not hold the loop open
	// of its goroutine, where it has one; only in a StuckError and from
	// Loop.Dump
	Stack string
}

// Awaited describes what the function of an operation waits for, in Await or
// Wait with its own ctx. Other waits, and those of a second goroutine with the
// same ctx, are not known. Awaited is zero for a function that does not wait.
type Awaited struct {
	// of the operation whose result it waits for; 0 for one of another loop
	ID   uint64
	Name string        // of that operation
	More int           // how many others it waits for at the same time
	For  time.Duration // how long it has been waiting
}

// String describes the wait in a few words, such as `fetch #12 for 3s`. It is
// empty for the zero Awaited.
func (a Awaited) String() string {
	if a == (Awaited{}) {
		return ""
	}
	s := a.Name
	if a.ID != 0 {
		s += " #" + strconv.FormatUint(a.ID, 10)
	}
	if a.More > 0 {
		s += fmt.Sprintf(" and %d more", a.More)
	}
	return s + " for " + a.For.Round(time.Millisecond).String()
}

// String describes the operation in a line.
func (i OpInfo) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %q", i.Kind, i.Name)
	if i.ID != 0 {
		fmt.Fprintf(&b, " #%d", i.ID)
	}
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
	if i.Site != "" {
		b.WriteString(", at " + i.Site)
	}
	if w := i.Awaits.String(); w != "" {
		b.WriteString(", awaits " + w)
	}
	return b.String()
}

// maxParents bounds OpInfo.Parents, so that very deep trees can be listed.
const maxParents = 32

// ID returns the operation's ID, which is unique in its loop.
func (o *Op) ID() uint64 {
	if o.run == nil { // it never began
		return 0
	}
	if id := o.id.Load(); id != 0 {
		return id
	}
	o.id.CompareAndSwap(0, o.run.ids.Add(1))
	return o.id.Load()
}

// info describes the operation at the time now.
func (o *Op) info(now int64) OpInfo {
	s := o.at()
	i := OpInfo{
		ID:        o.ID(),
		Name:      o.label(),
		Kind:      o.kind,
		Started:   o.run.epoch.Add(time.Duration(o.began)),
		Age:       time.Duration(now - o.began),
		Awaits:    o.awaits(),
		Queued:    s.has(opQueued),
		Cancelled: s.has(opCancelled),
		Daemon:    o.is(isDaemon),
	}
	if from := o.origin(); from != nil {
		i.Site = site(from.calls)
	}
	if by := o.starter(); by != nil {
		i.By, i.StartedBy = by.name, by.id
		if i.Site == "" {
			i.Site = site(by.calls)
		}
	}
	if sc := o.scope(); sc != nil {
		i.Scope = sc.op.label()
	}
	if m, ok := o.driver.(Meter); ok {
		i.BytesIn, i.BytesOut = m.OpBytes()
	}
	o.listParents(&i)
	return i
}

// listParents fills in the operation's unfinished ancestors.
func (o *Op) listParents(i *OpInfo) {
	for p := o.parent.Load(); p != nil; p = p.parent.Load() {
		if len(i.Parents) == maxParents {
			i.Parents = append(i.Parents, "...", o.run.root.label())
			return
		}
		if !p.at().open() {
			continue
		}
		if i.Parent == 0 {
			i.Parent = p.ID()
		}
		i.Parents = append(i.Parents, p.label())
	}
}

// Info describes the operation.
func (o *Op) Info() OpInfo { return o.info(o.run.now()) }

// Ops yields a description of each operation in flight except main. Parents
// come before their children; there is no other order. The loop goes on
// meanwhile: an operation that begins, ends or changes its parent while Ops
// runs may be missed or come twice. Before and after Run there are none.
func (l *Loop) Ops() iter.Seq[OpInfo] {
	return func(yield func(OpInfo) bool) {
		if r := l.run.Load(); r != nil {
			now := r.now()
			r.root.walk(func(o *Op) bool { return yield(o.info(now)) })
		}
	}
}
