package dnsserver

import (
	"slices"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Fault is a fault of a server. The zero Fault is none. Several fields can be
// set: first the answer is changed, then what is sent is replaced, and at last
// the connection ends. Fields that do not apply to a query's transport are
// ignored.
type Fault struct {
	// answers are delayed by this time; other queries are not
	Delay time.Duration
	Drop  bool // no answer
	// the number of queries after which the fault ends; 0: it does not end
	Times int

	// Answers that are changed.

	// this code, and no records; 0: the right code
	RCode dnsmessage.RCode
	// of all records, in seconds; nil: as in the zone
	TTL *uint32
	// the number of additional records for the name: A, AAAA or TXT as asked
	// for, A otherwise
	Extra    int
	Truncate bool // UDP: truncated and without records
	WrongID  bool // another ID than the query's
	// the question and its records have another name
	WrongQuestion bool

	// What is sent in place of the answer.

	// the beginning of a header, and then other bytes
	Garbage bool
	// a record whose name is a compression pointer to itself
	Loop bool
	// returns the messages to send; it may change answer
	Answer func(q Query, answer []byte) [][]byte
	// UDP: it comes from another port; clients in memory do not receive it
	OtherPort bool
	AnswerToo bool // the right answer follows
	Status    int  // HTTPS: the status; 0: 200
	// TCP and TLS: the length before the message; nil: the right one
	Length *uint16
	// TCP and TLS: the length and half of the message; HTTPS: half of the body
	Half bool

	// What happens to the connection afterwards.

	Hangup bool // TCP, TLS and HTTPS: it is closed
	// it is reset; UDP in memory: the port is unreachable; UDP on loopback:
	// nothing
	Reset bool
}

// rule is a fault, and the queries that it applies to.
type rule struct {
	match Match
	fault Fault
	left  int // the number of queries left; 0: unbounded
}

// faults holds the rules of a server, in the order in which they were set.
type faults struct {
	mu    sync.Mutex
	rules []rule
}

// SetFault applies the fault f to the queries that match m from now on. It
// replaces the fault that was set for the same m. If several faults match a
// query, the one that was set last applies. The zero Fault exempts queries from
// earlier faults.
func (s *Server) SetFault(m Match, f Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	m = m.normal()
	s.faults.remove(m)
	s.faults.rules = append(s.faults.rules, rule{m, f, f.Times})
}

// ClearFault removes the fault that was set for m.
func (s *Server) ClearFault(m Match) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.remove(m.normal())
}

// ClearFaults removes all faults.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.rules = nil
}

// remove removes the rule for m. The caller holds the mutex.
func (f *faults) remove(m Match) {
	f.rules = slices.DeleteFunc(f.rules, func(r rule) bool { return r.match == m })
}

// take returns the fault that applies to a query, and counts the query.
func (f *faults) take(q *Query) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, r := range slices.Backward(f.rules) {
		if !r.match.takes(q) {
			continue
		}
		if r.left == 1 {
			f.rules = slices.Delete(f.rules, i, i+1)
		} else if r.left > 1 {
			f.rules[i].left--
		}
		return r.fault
	}
	return Fault{}
}
