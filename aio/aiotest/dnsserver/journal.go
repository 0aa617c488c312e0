package dnsserver

import (
	"slices"
	"sync"
)

// maxJournal bounds how many queries a server remembers one by one.
const maxJournal = 1 << 14

// A journal remembers what was asked.
type journal struct {
	mu     sync.Mutex
	counts map[Match]int
	last   []Query
}

// note writes a query down.
func (j *journal) note(q *Query) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.counts == nil {
		j.counts = map[Match]int{}
	}
	j.counts[Match{q.Name, q.Type, q.Transport, q.Server}]++
	if len(j.last) == maxJournal {
		j.last = append(j.last[:0], j.last[maxJournal/2:]...)
	}
	kept := *q
	kept.question = nil
	j.last = append(j.last, kept)
}

// Count returns how many queries came that m picks: Count(Match{}) is all.
// Those that a fault dropped or damaged are among them; messages that are no
// query, or have no one question, are not.
func (s *Server) Count(m Match) int {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	m = m.normal()
	sum := 0
	for k, n := range s.journal.counts {
		if m.takes(&Query{Name: k.Name, Type: k.Type, Transport: k.Transport, Server: k.Server}) {
			sum += n
		}
	}
	return sum
}

// Queries returns the queries that m picks, in the order they came. Of all
// queries the server remembers at least the last 8,192.
func (s *Server) Queries(m Match) []Query {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	m = m.normal()
	return slices.DeleteFunc(slices.Clone(s.journal.last), func(q Query) bool { return !m.takes(&q) })
}

// Forget sets all counts to zero and forgets the queries.
func (s *Server) Forget() {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.journal.counts, s.journal.last = nil, nil
}
