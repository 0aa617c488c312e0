package dnsx

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// cache keeps replies by name, up to a bound. The zero cache is ready to use.
//
// Reading takes no lock: a name is a node in a chain of a hash table, whose
// links are atomic. Writing takes the lock. A full cache evicts by SIEVE: a
// hand moves from older to newer names, spares those that were asked for since
// it last passed, and evicts the first other. So a flood of names that are
// asked for once does not evict the names in use.
type cache struct {
	table atomic.Pointer[table]
	// counts growth, twice; odd while nodes move to a larger table
	gen atomic.Uint32

	mu     sync.Mutex
	count  int // names
	weight int // of all nodes
	limit  int // of weight; 0: not set
	newest *node
	oldest *node
	hand   *node // the next candidate for eviction; nil: the oldest
	gone   int64 // evicted names
}

// table is the hash table.
type table struct {
	buckets []atomic.Pointer[node]
	mask    uint64
}

// node holds the entries of one name.
type node struct {
	name    string
	hash    uint64
	chain   atomic.Pointer[node]     // the next in the bucket
	entries atomic.Pointer[[]*entry] // never nil
	// asked for since it was put or the hand last passed
	visited atomic.Bool
	newer   *node
	older   *node
	weight  int
}

var (
	cacheSeed = maphash.MakeSeed()
	noEntries []*entry
)

const (
	minBuckets = 64
	maxTypes   = 32 // entries per name
)

// find returns the entry for a question, fresh or expired, or nil.
func (c *cache) find(q question) *entry {
	n := c.node(q.name)
	if n == nil {
		return nil
	}
	if !n.visited.Load() {
		n.visited.Store(true)
	}
	return n.entry(q)
}

// entry returns the entry for a question about the node's name, or nil.
func (n *node) entry(q question) *entry {
	for _, e := range *n.entries.Load() {
		if e.typ == q.typ || e.typ == anyType {
			return e
		}
	}
	return nil
}

// node returns the node of a name, or nil.
func (c *cache) node(name string) *node {
	gen := c.gen.Load()
	t := c.table.Load()
	if t == nil {
		return nil
	}
	h := maphash.String(cacheSeed, name)
	n := t.find(h, name)
	// a reader can miss a node that moves
	if n == nil && (gen&1 != 0 || c.gen.Load() != gen) {
		c.mu.Lock()
		n = c.table.Load().find(h, name)
		c.mu.Unlock()
	}
	return n
}

// find returns the node of a name, or nil.
func (t *table) find(h uint64, name string) *node {
	for n := t.buckets[h&t.mask].Load(); n != nil; n = n.chain.Load() {
		if n.hash == h && n.name == name {
			return n
		}
	}
	return nil
}

// put adds an entry for a name, and removes those that it replaces.
func (c *cache) put(name string, e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.table.Load() == nil {
		c.table.Store(newTable(minBuckets))
	}
	h := maphash.String(cacheSeed, name)
	n := c.table.Load().find(h, name)
	if n == nil {
		n = &node{name: name, hash: h}
		n.entries.Store(&noEntries)
		c.link(n)
	}
	c.weight -= n.weight
	n.replace(e)
	c.weight += n.weight
	c.shrink(n)
}

// replace adds an entry. It removes the one of the same type, and all others if
// either says that the name does not exist.
func (n *node) replace(e *entry) {
	entries := []*entry{e}
	n.weight = e.weight
	for _, old := range *n.entries.Load() {
		if old.typ != e.typ && old.typ != anyType && e.typ != anyType && len(entries) < maxTypes {
			entries = append(entries, old)
			n.weight = max(n.weight, old.weight)
		}
	}
	n.entries.Store(&entries)
}

// setLimit bounds the cache.
func (c *cache) setLimit(names int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit = names
	c.shrink(nil)
}

// flush removes a name, or all names if name is "".
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

// size returns the number of names, and how many were evicted.
func (c *cache) size() (names int, evicted int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count, c.gone
}
