package dnsx

import "sync/atomic"

// link adds a new node to the table and, as the newest, to the list. The lock
// is held.
func (c *cache) link(n *node) {
	t := c.table.Load()
	if c.count >= len(t.buckets) {
		t = c.grow(t)
	}
	t.link(n)
	c.count++
	n.older = c.newest
	if c.newest != nil {
		c.newest.newer = n
	} else {
		c.oldest = n
	}
	c.newest = n
}

// unlink removes a node. The lock is held.
func (c *cache) unlink(n *node) {
	c.table.Load().unlink(n)
	c.count--
	c.weight -= n.weight
	if c.hand == n {
		c.hand = n.newer
	}
	if n.newer != nil {
		n.newer.older = n.older
	} else {
		c.newest = n.older
	}
	if n.older != nil {
		n.older.newer = n.newer
	} else {
		c.oldest = n.newer
	}
	n.newer, n.older = nil, nil
}

// shrink evicts until the cache is within its bound. It evicts the node spare,
// which has just been put, only if there is no other. The lock is held.
func (c *cache) shrink(spare *node) {
	for c.limit > 0 && c.weight > c.limit && c.count > 0 {
		n := c.victim(spare)
		if n == nil {
			n = spare
		}
		c.unlink(n)
		c.gone++
	}
}

// victim moves the hand from older to newer nodes until it is at one that was
// not asked for since it last passed. It returns nil if spare is the only node.
func (c *cache) victim(spare *node) *node {
	for range 2*c.count + 1 {
		n := c.hand
		if n == nil {
			n = c.oldest
		}
		c.hand = n.newer
		if n != spare && !n.visited.Swap(false) {
			return n
		}
	}
	return nil
}

// grow doubles the table. Nodes move one by one: a reader can miss some
// meanwhile, which gen tells it. The lock is held.
func (c *cache) grow(old *table) *table {
	c.gen.Add(1)
	t := newTable(2 * len(old.buckets))
	for i := range old.buckets {
		for n := old.buckets[i].Load(); n != nil; {
			next := n.chain.Load()
			t.link(n)
			n = next
		}
	}
	c.table.Store(t)
	c.gen.Add(1)
	return t
}

// newTable returns an empty table. n is a power of two.
func newTable(n int) *table {
	return &table{buckets: make([]atomic.Pointer[node], n), mask: uint64(n - 1)}
}

// link adds a node to its bucket.
func (t *table) link(n *node) {
	b := &t.buckets[n.hash&t.mask]
	n.chain.Store(b.Load())
	b.Store(n)
}

// unlink removes a node from its bucket. The node keeps its link, so that a
// reader that is at the node goes on to the rest.
func (t *table) unlink(n *node) {
	p := &t.buckets[n.hash&t.mask]
	for at := p.Load(); at != n; at = p.Load() {
		p = &at.chain
	}
	p.Store(n.chain.Load())
}
