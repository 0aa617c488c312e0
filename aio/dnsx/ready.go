package dnsx

import (
	"hash/maphash"
	"strings"
	"sync"
	"time"
)

// readyCache keeps answers as they are handed out, so that a name that is known costs one look into a map. It is above
// the cache of the exchange, and keeps nothing for longer than recheck.
type readyCache struct {
	shards [readyShards]readyShard
	limit  int // answers per shard
}

const (
	readyShards = 16
	readySize   = 10_000
)

type readyShard struct {
	mu      sync.RWMutex
	answers map[readyKey]*readyAnswer
	_       [32]byte
}

// readyKey is what was asked, as it was written.
type readyKey struct {
	host   string
	family Family
}

// readyAnswer is an answer that is ready to be handed out. It is immutable.
type readyAnswer struct {
	answer Answer
	until  time.Time // the end of the answer's TTL; zero without one
	expiry time.Time // the end of its stay here
}

// found is an answer as it was found, and for how long it is good.
type found struct {
	Answer
	until  time.Time // the end of the addresses' TTL; zero without one
	fresh  time.Time // the end of all that was learned for it; zero without one
	noKeep bool      // something could not be learned
}

var readySeed = maphash.MakeSeed()

// newReadyCache returns a cache for about size answers; 0 means 10,000. It is nil, which is a cache that keeps nothing,
// if size is negative.
func newReadyCache(size int) *readyCache {
	if size < 0 {
		return nil
	}
	if size == 0 {
		size = readySize
	}
	return &readyCache{limit: (min(size, readySize) + readyShards - 1) / readyShards}
}

func (c *readyCache) shard(host string) *readyShard {
	return &c.shards[maphash.String(readySeed, host)%readyShards]
}

// get returns the answer, nil if there is none.
func (c *readyCache) get(host string, f Family, now time.Time) *readyAnswer {
	if c == nil {
		return nil
	}
	s := c.shard(host)
	s.mu.RLock()
	a := s.answers[readyKey{host, f}]
	s.mu.RUnlock()
	if a == nil || !now.Before(a.expiry) {
		return nil
	}
	return a
}

// at is the answer as of now.
func (a *readyAnswer) at(now time.Time) Answer {
	b := a.answer
	if !a.until.IsZero() {
		b.TTL = max(a.until.Sub(now), 0)
	}
	return b
}

// put keeps an answer that was found just now.
func (c *readyCache) put(host string, f Family, a *found, now time.Time) {
	if c == nil || a.noKeep {
		return
	}
	r := &readyAnswer{answer: a.Answer, until: a.until, expiry: now.Add(recheck)}
	if !a.fresh.IsZero() && a.fresh.Before(r.expiry) {
		r.expiry = a.fresh
	}
	if !now.Before(r.expiry) {
		return
	}
	if a.Source == SourceServer {
		r.answer.Source = SourceCache
	}
	r.answer.Host = strings.Clone(host) // it may be a part of something big
	host = r.answer.Host
	s := c.shard(host)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answers == nil {
		s.answers = make(map[readyKey]*readyAnswer)
	}
	key := readyKey{host, f}
	if _, ok := s.answers[key]; !ok && len(s.answers) >= c.limit {
		s.evict(now)
	}
	s.answers[key] = r
}

// evict makes room for one: it drops what has ended among the first few that come up, or else one of them.
func (s *readyShard) evict(now time.Time) {
	var last readyKey
	dropped, seen := 0, 0
	for k, a := range s.answers {
		if last = k; !now.Before(a.expiry) {
			delete(s.answers, k)
			dropped++
		}
		if seen++; seen == 8 {
			break
		}
	}
	if dropped == 0 {
		delete(s.answers, last)
	}
}
