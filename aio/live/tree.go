package live

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"goaio.example/aio"
)

// Tree is the tree of operations, folded: operations of one kind below one
// parent are one row, unless they are few or the row is open.
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
	// of an open row: operations that are not shown
	Hidden int `json:",omitempty"`
	// the operation of a row that is one
	Op *Op `json:",omitempty"`
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

// folder makes a tree, and shows the tables each operation on the way.
type folder struct {
	query  query
	tables *tables
	rows   int
	more   bool
	now    time.Duration // the loop's age
	kids   []aio.Ref     // is used again
}

// fold returns the tree of a loop, and what holds the loop open. Rows nearer to
// main come first when there are too many. Each operation is looked at once.
func fold(loop *aio.Loop, q query, tb *tables) (Tree, []Held) {
	main := loop.Main()
	f := &folder{query: q, tables: tb, now: main.Began() + main.Age()}
	root := f.single(main, 0)
	root.row.Op.Returned = main.Ended()
	first := f.groups(root.refs)
	h := held(main, first)
	if q.Search != "" {
		return f.search(loop), h
	}
	root.kids = f.below(root, first)
	for level := root.kids; len(level) > 0; {
		var next []*node
		for _, n := range level {
			if !n.row.Open {
				n.kids = f.below(n, f.groups(n.refs))
			}
			n.refs = nil
			next = append(next, n.kids...)
		}
		level = next
	}
	t := Tree{More: f.more}
	root.appendTo(&t.Rows)
	if len(t.Rows) == 1 && main.Ended() {
		t.Rows = nil
	}
	return t, h
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

// below makes the nodes below one, whose children are in groups: of each kind
// an operation each, if they are few, or one for all.
func (f *folder) below(n *node, groups [][]aio.Ref) []*node {
	depth := n.row.Depth + 1
	var out []*node
	for _, g := range groups {
		switch {
		case f.rows >= maxRows || depth > maxDepth:
			f.more = true
			f.pass(g)
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

// pass looks at what is below operations that have no rows, for the tables.
func (f *folder) pass(refs []aio.Ref) {
	for f.tables.wanted() && len(refs) > 0 {
		var next []aio.Ref
		for _, g := range f.groups(refs) {
			next = append(next, g...)
		}
		refs = next
	}
}

// folded makes the node of several operations, and those of its operations if
// it is open. What is below them all is below the folded node; of an open one,
// what is below each that is shown.
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
	shown := map[aio.Ref]bool{}
	for _, r := range first {
		n.kids = append(n.kids, f.single(r, depth+1))
		shown[r] = true
	}
	f.pass(slices.DeleteFunc(g, func(r aio.Ref) bool { return shown[r] }))
	return n
}

// groups returns the children of operations by kind. Those of one that has
// ended take its place.
func (f *folder) groups(refs []aio.Ref) [][]aio.Ref {
	var byKind [maxKinds][]aio.Ref
	for len(refs) > 0 {
		var ended []aio.Ref
		for _, r := range refs {
			f.kids = r.AppendChildren(f.kids[:0])
			for _, k := range f.kids {
				if k.Ended() {
					ended = append(ended, k)
					continue
				}
				byKind[k.Kind()] = append(byKind[k.Kind()], k)
				f.tables.see(k)
			}
		}
		refs = ended
	}
	out := slices.DeleteFunc(byKind[:], func(g []aio.Ref) bool { return len(g) == 0 })
	slices.SortFunc(out, func(a, b []aio.Ref) int { return strings.Compare(a[0].Kind().String(), b[0].Kind().String()) })
	return out
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
	f.tables.clear() // fold has shown some
	for r := range loop.Refs() {
		f.tables.see(r)
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
