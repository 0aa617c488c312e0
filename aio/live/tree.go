package live

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"goaio.example/aio"
)

// Tree is the tree of operations, folded: operations of one kind below one parent
// are one row, unless they are few or the row is open.
type Tree struct {
	Rows    []Row
	More    bool // there are more rows than are shown
	Matches int  // with a search: how many operations match; then Rows is flat
}

// Row is a row of a Tree: an operation, or several of one kind.
type Row struct {
	Key    string // what names the row in the parameter "open" of the URL
	Depth  int    // 0 for main and what a search has found
	Kind   string
	Count  int           // how many operations
	Oldest time.Duration // the age of the oldest
	Open   bool          `json:",omitempty"` // its operations follow
	Hidden int           `json:",omitempty"` // of an open row: operations that are not shown
	Op     *Op           `json:",omitempty"` // the operation of a row that is one
}

// The bounds of a tree.
const (
	maxRows    = 500
	maxDepth   = 64
	maxMembers = 100 // operations shown of an open row
	fewOps     = 5   // so many of one kind are not folded
)

// node is a row of the tree while it is made.
type node struct {
	row  Row
	refs []aio.Ref // its operations
	kids []*node
}

// folder makes a tree.
type folder struct {
	query query
	rows  int
	more  bool
	now   time.Duration // the loop's age
}

// fold returns the tree of a loop. Rows nearer to main come first when there are
// too many.
func fold(loop *aio.Loop, q query) Tree {
	main := loop.Main()
	if main == (aio.Ref{}) {
		return Tree{}
	}
	f := &folder{query: q, now: main.Began() + main.Age()}
	if q.Search != "" {
		return f.search(loop)
	}
	root := f.single(main, 0)
	for level := []*node{root}; len(level) > 0; {
		var next []*node
		for _, n := range level {
			if !n.row.Open {
				n.kids = f.below(n)
			}
			n.refs = nil
			next = append(next, n.kids...)
		}
		level = next
	}
	t := Tree{More: f.more}
	root.appendTo(&t.Rows)
	return t
}

// appendTo appends the rows of n and all below it.
func (n *node) appendTo(rows *[]Row) {
	*rows = append(*rows, n.row)
	for _, k := range n.kids {
		k.appendTo(rows)
	}
}

// single makes the node of one operation.
func (f *folder) single(r aio.Ref, depth int) *node {
	f.rows++
	op := opOf(r.Info())
	return &node{
		row: Row{
			Key: "#" + strconv.FormatUint(op.ID, 10), Depth: depth,
			Kind: op.Kind, Count: 1, Oldest: op.Age, Op: &op,
		},
		refs: []aio.Ref{r},
	}
}

// below makes the nodes below one: of each kind an operation each, if they are few,
// or one for all.
func (f *folder) below(n *node) []*node {
	depth := n.row.Depth + 1
	if f.rows >= maxRows || depth > maxDepth {
		f.more = f.more || hasKids(n.refs)
		return nil
	}
	var out []*node
	for _, g := range groups(n.refs) {
		switch {
		case f.rows >= maxRows:
			f.more = true
			return out
		case len(g) <= fewOps && f.rows+len(g) <= maxRows:
			sortRefs(g, f.query.Sort)
			for _, r := range g {
				out = append(out, f.single(r, depth))
			}
		default:
			out = append(out, f.folded(n.row.Key, g, depth))
		}
	}
	return out
}

// folded makes the node of several operations, and those of its operations if it
// is open. What is below them all is below the folded node; of an open one, what is
// below each that is shown.
func (f *folder) folded(parent string, g []aio.Ref, depth int) *node {
	f.rows++
	oldest := slices.MinFunc(g, before(ByAge))
	n := &node{refs: g, row: Row{
		Key: parent + "/" + oldest.Kind().String(), Depth: depth, Kind: oldest.Kind().String(),
		Count: len(g), Oldest: f.now - oldest.Began(),
	}}
	if !f.query.opens(n.row.Key) {
		return n
	}
	n.row.Open = true
	room := min(maxMembers, maxRows-f.rows)
	first := firstRefs(g, f.query.Sort, room)
	n.row.Hidden = len(g) - len(first)
	for _, r := range first {
		n.kids = append(n.kids, f.single(r, depth+1))
	}
	return n
}

// groups returns the children of operations by kind. Those of one that has ended
// take its place.
func groups(refs []aio.Ref) [][]aio.Ref {
	byKind := map[aio.Kind][]aio.Ref{}
	var kids []aio.Ref
	for len(refs) > 0 {
		var ended []aio.Ref
		for _, r := range refs {
			kids = r.AppendChildren(kids[:0])
			for _, k := range kids {
				if k.Ended() {
					ended = append(ended, k)
				} else {
					byKind[k.Kind()] = append(byKind[k.Kind()], k)
				}
			}
		}
		refs = ended
	}
	out := make([][]aio.Ref, 0, len(byKind))
	for _, g := range byKind {
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b []aio.Ref) int { return strings.Compare(a[0].Kind().String(), b[0].Kind().String()) })
	return out
}

// hasKids reports whether one of the operations has children.
func hasKids(refs []aio.Ref) bool {
	return slices.ContainsFunc(refs, func(r aio.Ref) bool { return len(r.AppendChildren(nil)) > 0 })
}

// search makes the flat tree of the operations that match.
func (f *folder) search(loop *aio.Loop) Tree {
	m := newMatcher(f.query.Search)
	top := newTop(f.query.Sort, maxRows)
	t := Tree{}
	add := func(r aio.Ref) {
		if m.matches(r) {
			t.Matches++
			top.add(r)
		}
	}
	if main := loop.Main(); !main.Ended() {
		add(main)
	}
	for r := range loop.Refs() {
		add(r)
	}
	for _, r := range top.sorted() {
		t.Rows = append(t.Rows, f.single(r, 0).row)
	}
	t.More = t.Matches > len(t.Rows)
	return t
}

// matcher finds operations by a part of their name or kind, or by their ID.
type matcher struct {
	text string
	id   uint64
}

func newMatcher(q string) matcher {
	m := matcher{text: strings.ToLower(q)}
	if id, err := strconv.ParseUint(strings.TrimPrefix(q, "#"), 10, 64); err == nil {
		m.id = id
	}
	return m
}

func (m matcher) matches(r aio.Ref) bool {
	return m.id != 0 && r.ID() == m.id ||
		strings.Contains(strings.ToLower(r.Name()), m.text) ||
		strings.Contains(strings.ToLower(r.Kind().String()), m.text)
}
