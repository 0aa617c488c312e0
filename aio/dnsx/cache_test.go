package dnsx

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// remembered returns an item for a name, fresh for an hour.
func remembered(q question) *entry {
	now := time.Now()
	r := &reply{records: make([]dnsmessage.Resource, 1), expires: now.Add(time.Hour), source: SourceServer}
	return newEntry(q, r, now, time.Hour, 0, 100)
}

func nth(i int) question { return qa(fmt.Sprintf("n%d.example.", i)) }

func TestCacheBound(t *testing.T) {
	var c cache
	c.setLimit(1000)
	for i := range 100_000 {
		c.put(nth(i).name, remembered(nth(i)))
		if n, _ := c.size(); n > 1000 {
			t.Fatalf("put %d names into a cache for 1,000: it has %d", i+1, n)
		}
		if c.find(nth(i)) == nil {
			t.Fatalf("name %d is not in the cache right after put", i)
		}
	}
	found := 0
	for i := range 100_000 {
		if c.find(nth(i)) != nil {
			found++
		}
	}
	if n, gone := c.size(); n != 1000 || found != n || gone != 99_000 {
		t.Errorf("put 100,000 names into a cache for 1,000: %d names, %d found, %d evicted, want 1,000, 1,000, 99,000", n, found, gone)
	}
	c.setLimit(10)
	if n, _ := c.size(); n != 10 {
		t.Errorf("after setLimit(10): %d names, want 10", n)
	}
}

// Names that are asked for stay through a flood of names that are asked for
// once.
func TestCacheFlood(t *testing.T) {
	var c cache
	c.setLimit(1000)
	for i := range 500 {
		c.put(nth(i).name, remembered(nth(i)))
	}
	for i := 1000; i < 50_000; i++ {
		c.put(nth(i).name, remembered(nth(i)))
		if i%100 == 0 {
			for k := range 500 {
				if c.find(nth(k)) == nil {
					t.Fatalf("name %d, which is in use, is gone after %d other names, want it kept", k, i)
				}
			}
		}
	}
}

// A large answer counts for many names.
func TestCacheWeight(t *testing.T) {
	var c cache
	c.setLimit(1000)
	large := func(q question) *entry {
		now := time.Now()
		return newEntry(q, &reply{records: make([]dnsmessage.Resource, 800)}, now, time.Hour, 0, 13_000)
	}
	for i := range 100 {
		c.put(nth(i).name, large(nth(i)))
	}
	if n, _ := c.size(); n != 9 {
		t.Errorf("put 100 answers that weigh 101 into a cache for 1,000: %d are kept, want 9", n)
	}
	c.setLimit(5)
	c.put("huge.example.", large(qa("huge.example.")))
	if n, _ := c.size(); n != 0 {
		t.Errorf("an answer larger than the cache: %d are kept, want none", n)
	}
}

func TestCacheTypes(t *testing.T) {
	var c cache
	c.setLimit(10)
	const name = "www.example."
	for typ := dnsmessage.Type(1); typ < 100; typ++ {
		q := question{name, typ}
		c.put(name, remembered(q))
		if c.find(q) == nil {
			t.Errorf("type %d is not in the cache right after put", typ)
		}
	}
	if got := len(*c.node(name).entries.Load()); got != maxTypes {
		t.Errorf("put 99 types of a name: %d are kept, want %d", got, maxTypes)
	}
	none := newEntry(qa(name), &reply{rcode: dnsmessage.RCodeNameError}, time.Now(), time.Hour, 0, 100)
	c.put(name, none)
	for typ := dnsmessage.Type(1); typ < 100; typ++ {
		if c.find(question{name, typ}) != none {
			t.Errorf("type %d of a name that does not exist: not the entry that says so", typ)
		}
	}
	c.put(name, remembered(qa(name)))
	if c.find(qa(name)) == none || c.find(question{name, dnsmessage.TypeAAAA}) != nil {
		t.Error("A put for a name that did not exist: want A found, and nothing for AAAA")
	}
	c.flush("other.example.")
	c.flush(name)
	if n, _ := c.size(); n != 0 || c.find(qa(name)) != nil {
		t.Errorf("after flush: %d names, want none", n)
	}
}

// A type that was kept before the name was found not to exist stays forgotten
// when the name exists again.
func TestCacheForgetsTypes(t *testing.T) {
	var c cache
	c.setLimit(10)
	const name = "www.example."
	aaaa := question{name, dnsmessage.TypeAAAA}
	c.put(name, remembered(qa(name)))
	c.put(name, newEntry(qa(name), &reply{rcode: dnsmessage.RCodeNameError}, time.Now(), time.Hour, 0, 100))
	c.put(name, remembered(aaaa))
	if it := c.find(qa(name)); it != nil {
		t.Errorf("A kept, NXDOMAIN kept, AAAA kept: found %+v for A, want nothing", it)
	}
	if c.find(aaaa) == nil {
		t.Error("A kept, NXDOMAIN kept, AAAA kept: found nothing for AAAA")
	}
}

// checkCache reports what does not fit together in a cache.
func checkCache(t *testing.T, c *cache) {
	t.Helper()
	count, weight, handed := 0, 0, c.hand == nil
	var newer *node
	for n := c.newest; n != nil; n = n.older {
		if n.newer != newer {
			t.Fatalf("the node before %s in the list is not the one that %s refers to", n.name, n.name)
		}
		if c.node(n.name) != n {
			t.Fatalf("%s is in the list and not in the table", n.name)
		}
		heaviest := 0
		for _, it := range *n.entries.Load() {
			heaviest = max(heaviest, it.weight)
		}
		if n.weight != heaviest {
			t.Fatalf("%s weighs %d, want %d as its heaviest item", n.name, n.weight, heaviest)
		}
		count, weight, handed, newer = count+1, weight+n.weight, handed || c.hand == n, n
	}
	if c.oldest != newer || count != c.count || weight != c.weight || !handed {
		t.Fatalf("list of %d nodes that weigh %d, hand in the list: %v; want %d, %d, true", count, weight, handed, c.count, c.weight)
	}
	inTable := 0
	if table := c.table.Load(); table != nil {
		for i := range table.buckets {
			for n := table.buckets[i].Load(); n != nil; n = n.chain.Load() {
				inTable++
			}
		}
	}
	if inTable != count {
		t.Fatalf("%d nodes in the table, want %d as in the list", inTable, count)
	}
	if c.limit > 0 && c.weight > c.limit {
		t.Fatalf("the cache weighs %d, want at most %d", c.weight, c.limit)
	}
}

// Whatever comes in which order, list, table, hand and figures of the cache fit
// together, and the cache has what was put last.
func TestCacheConsistency(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var c cache
		c.setLimit(20)
		for range 2000 {
			q := nth(rnd.IntN(60))
			switch rnd.IntN(8) {
			case 0:
				c.flush(q.name)
				if c.find(q) != nil {
					t.Fatalf("seed %d: %s is there after it was flushed", seed, q.name)
				}
			case 1:
				c.setLimit(5 + rnd.IntN(20))
			case 2:
				if c.hand != nil { // the node that the hand is at
					c.flush(c.hand.name)
				}
			case 3, 4:
				c.find(q)
			case 5:
				if rnd.IntN(50) == 0 {
					c.flush("")
				}
			default:
				it := newEntry(q, &reply{records: make([]dnsmessage.Resource, rnd.IntN(20))}, time.Now(), time.Hour, 0, rnd.IntN(5000))
				if rnd.IntN(2) == 0 {
					it.typ = dnsmessage.TypeTXT
				}
				c.put(q.name, it)
				if n := c.node(q.name); n == nil || (*n.entries.Load())[0] != it {
					t.Fatalf("seed %d: %s is not what was put last", seed, q.name)
				}
			}
			checkCache(t, &c)
		}
	}
}

// What is in the cache is found, also while the table grows and others come and
// go.
func TestCacheConcurrency(t *testing.T) {
	var c cache
	// all stay: who reads may get no turn between two rounds of the hand
	c.setLimit(30_000)
	for i := range 50 {
		c.put(nth(i).name, remembered(nth(i)))
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				for i := range 50 {
					if c.find(nth(i)) == nil {
						t.Errorf("name %d was not found while others came and went, want it found", i)
						return
					}
				}
			}
		})
	}
	for i := 50; i < 20_000; i++ {
		c.put(nth(i).name, remembered(nth(i)))
		if i%500 == 0 {
			c.flush(nth(i - 10).name)
		}
	}
	close(stop)
	wg.Wait()
}

func TestItemFromTheFuture(t *testing.T) {
	q := qa("www.example.")
	it := newEntry(q, &reply{records: make([]dnsmessage.Resource, 1)}, time.Now().Add(time.Hour), time.Hour, time.Hour, 0)
	if r, _ := it.use(); r != nil || it.hasStale() || it.asStale(time.Now()) != nil {
		t.Error("an entry from the future is used, want it expired")
	}
}

func TestCachedAllocs(t *testing.T) {
	x := new(exchange)
	x.configure(exchangeConfig{})
	q := qa("www.example.")
	x.cache.put(q.name, remembered(q))
	if n := testing.AllocsPerRun(100, func() {
		if x.cached(q) == nil {
			t.Fatal("the reply is not in the cache")
		}
	}); n != 0 {
		t.Errorf("cached: %v allocations, want none", n)
	}
}
