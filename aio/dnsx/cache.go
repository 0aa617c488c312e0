package dnsx

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// cache remembers answers by name, up to a bound. The zero cache is ready.
//
// Reading takes no lock: a name is a node in a chain of a hash table, whose
// links are atomic. Writing goes under a lock. When the cache is full, names
// that nobody asked for since they came or were last looked at go first
// (SIEVE), so that a flood of names that are asked for once does not drive out
// those that are needed.
type cache struct {
	table atomic.Pointer[table]
	gen   atomic.Uint32 // odd while nodes move to a larger table

	mu     sync.Mutex
	count  int // names
	weight int // of all nodes
	limit  int // of weight; 0: not set
	newest *node
	oldest *node
	hand   *node // where the search for the next to go continues; nil: at the oldest
	gone   int64 // evicted so far
}

// table is a hash table of nodes.
type table struct {
	buckets []atomic.Pointer[node]
	mask    uint64
}

// node is what is known about one name.
type node struct {
	name    string
	hash    uint64
	chain   atomic.Pointer[node]    // the next in the bucket
	items   atomic.Pointer[[]*item] // never nil
	visited atomic.Bool             // asked for, since it came or the hand came by
	newer   *node
	older   *node
	weight  int
}

var (
	cacheSeed = maphash.MakeSeed()
	noItems   []*item
)

const (
	minBuckets = 64
	maxItems   = 32 // types a name
)

// find returns what is known about a question, be it fresh or not; nil if
// nothing is.
func (c *cache) find(q question) *item {
	n := c.node(q.name)
	if n == nil {
		return nil
	}
	if !n.visited.Load() {
		n.visited.Store(true)
	}
	return n.item(q)
}

// item returns what is known about a question for the node's name.
func (n *node) item(q question) *item {
	for _, it := range *n.items.Load() {
		if it.typ == q.typ || it.typ == anyType {
			return it
		}
	}
	return nil
}

// node returns the node of a name, nil without one.
func (c *cache) node(name string) *node {
	gen := c.gen.Load()
	t := c.table.Load()
	if t == nil {
		return nil
	}
	h := maphash.String(cacheSeed, name)
	n := t.find(h, name)
	if n == nil && (gen&1 != 0 || c.gen.Load() != gen) { // it may have been passed by while it moved
		c.mu.Lock()
		n = c.table.Load().find(h, name)
		c.mu.Unlock()
	}
	return n
}

// find returns the node of a name.
func (t *table) find(h uint64, name string) *node {
	for n := t.buckets[h&t.mask].Load(); n != nil; n = n.chain.Load() {
		if n.hash == h && n.name == name {
			return n
		}
	}
	return nil
}

// put remembers an item about a question, in place of what there was.
func (c *cache) put(name string, it *item) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.table.Load() == nil {
		c.table.Store(newTable(minBuckets))
	}
	h := maphash.String(cacheSeed, name)
	n := c.table.Load().find(h, name)
	if n == nil {
		n = &node{name: name, hash: h}
		n.items.Store(&noItems)
		c.link(n)
	}
	c.weight -= n.weight
	n.replace(it)
	c.weight += n.weight
	c.shrink(n)
}

// replace puts an item into the place of those that it makes void.
func (n *node) replace(it *item) {
	items := []*item{it}
	n.weight = it.weight
	for _, old := range *n.items.Load() {
		if old.typ != it.typ && old.typ != anyType && it.typ != anyType && len(items) < maxItems {
			items = append(items, old)
			n.weight = max(n.weight, old.weight)
		}
	}
	n.items.Store(&items)
}

// setLimit bounds the cache.
func (c *cache) setLimit(names int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit = names
	c.shrink(nil)
}

// flush forgets a name, "" for all.
func (c *cache) flush(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if name != "" {
		if t := c.table.Load(); t != nil {
			if n := t.find(maphash.String(cacheSeed, name), name); n != nil {
				c.unlink(n)
			}
		}
		return
	}
	c.table.Store(nil)
	c.newest, c.oldest, c.hand = nil, nil, nil
	c.count, c.weight = 0, 0
}

// size returns the number of names, and of those that had to go so far.
func (c *cache) size() (names int, evicted int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count, c.gone
}
