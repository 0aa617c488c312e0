package dnsserver

import (
	"slices"
	"sync"
)

// maxJournal is the number of queries that a server keeps.
const maxJournal = 1 << 14

// journal counts queries, and keeps the last ones.
type journal struct {
	mu     sync.Mutex
	counts map[Match]int
	last   []Query
}

// note adds a query.
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

// Count returns the number of queries that match m. Count(Match{}) counts all.
// It includes queries to which faults were applied. It does not include
// messages that are not queries, or do not have exactly one question.
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

// Queries returns the queries that match m, in the order in which they arrived.
// The server keeps at least the last 8,192 queries.
func (s *Server) Queries(m Match) []Query {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	m = m.normal()
	return slices.DeleteFunc(slices.Clone(s.journal.last), func(q Query) bool { return !m.takes(&q) })
}

// Forget resets the counts, and removes all queries.
func (s *Server) Forget() {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.journal.counts, s.journal.last = nil, nil
}
