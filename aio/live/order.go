package live

import (
	"cmp"
	"container/heap"
	"slices"

	"goaio.example/aio"
)

// The orders of a Query.
const (
	ByAge   = "age" // the oldest first; the default
	ByNew   = "new" // the youngest first
	ByBytes = "bytes"
	ByName  = "name"
)

// before returns a function that compares two operations by an order.
func before(order string) func(a, b aio.Ref) int {
	switch order {
	case ByNew:
		return func(a, b aio.Ref) int { return cmp.Compare(b.Began(), a.Began()) }
	case ByBytes:
		return func(a, b aio.Ref) int { return cmp.Compare(bytesOf(b), bytesOf(a)) }
	case ByName:
		return func(a, b aio.Ref) int { return cmp.Compare(a.Name(), b.Name()) }
	}
	return func(a, b aio.Ref) int { return cmp.Compare(a.Began(), b.Began()) }
}

// bytesOf is what an operation has read and written.
func bytesOf(r aio.Ref) int64 {
	in, out := r.Bytes()
	return in + out
}

func sortRefs(refs []aio.Ref, order string) { slices.SortFunc(refs, before(order)) }

// firstRefs returns the first n of refs, sorted.
func firstRefs(refs []aio.Ref, order string, n int) []aio.Ref {
	t := newTop(order, n)
	for _, r := range refs {
		t.add(r)
	}
	return t.sorted()
}

// top keeps the first few of many operations: a heap with the last of them on
// top.
type top struct {
	max     int
	compare func(a, b aio.Ref) int
	refs    []aio.Ref
}

func newTop(order string, n int) *top { return &top{max: n, compare: before(order)} }

var _ heap.Interface = (*top)(nil)

func (t *top) Len() int           { return len(t.refs) }
func (t *top) Less(i, j int) bool { return t.compare(t.refs[i], t.refs[j]) > 0 }
func (t *top) Swap(i, j int)      { t.refs[i], t.refs[j] = t.refs[j], t.refs[i] }
func (t *top) Push(x any)         { t.refs = append(t.refs, x.(aio.Ref)) }

func (t *top) Pop() any {
	last := t.refs[len(t.refs)-1]
	t.refs = t.refs[:len(t.refs)-1]
	return last
}

// add keeps r if it is one of the first.
func (t *top) add(r aio.Ref) {
	switch {
	case len(t.refs) < t.max:
		heap.Push(t, r)
	case t.max > 0 && t.compare(r, t.refs[0]) < 0:
		t.refs[0] = r
		heap.Fix(t, 0)
	}
}

// sorted returns what was kept, in order.
func (t *top) sorted() []aio.Ref {
	slices.SortFunc(t.refs, t.compare)
	return t.refs
}
