package dnsserver

import (
	"slices"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Fault is what a server does wrong. The zero value is nothing. Several fields
// can be set at once: first comes what changes the answer, then what is sent in
// place of it, last what happens to the connection. What does not apply to a
// query's transport does nothing.
type Fault struct {
	Delay time.Duration // answers come this much later; other queries are not held up
	Drop  bool          // no answer
	Times int           // the fault ends after so many queries; 0: it stays

	// Answers that are changed.

	RCode         dnsmessage.RCode // this code and no records; 0: the right one
	TTL           *uint32          // of all records, in seconds; nil: the zone's
	Extra         int              // so many more records for the name: of the type asked for if it is A, AAAA or TXT, else A
	Truncate      bool             // UDP: truncated and without records, however short it is
	WrongID       bool             // not the ID of the query
	WrongQuestion bool             // for another name than was asked about, records and all

	// What is sent in place of the answer.

	Garbage   bool                                  // the header of an answer, and then bytes that make no sense
	Loop      bool                                  // an answer with a name that is a compression pointer to itself
	Answer    func(q Query, answer []byte) [][]byte // messages made from the packed answer, which it may change
	OtherPort bool                                  // UDP: it comes from another port; a client in memory never sees it, as its socket is connected
	AnswerToo bool                                  // the right answer comes as well, last
	Status    int                                   // HTTPS: this status; 0: 200
	Length    *uint16                               // TCP and TLS: the length that is announced; nil: the right one
	Half      bool                                  // TCP and TLS: the length and half of the message; HTTPS: half of the body

	// What happens to the connection, after what is sent.

	Hangup bool // TCP, TLS and HTTPS: it is closed
	Reset  bool // it is reset; UDP in memory: the port is unreachable; UDP on loopback: nothing
}

// A rule is a fault and the queries that suffer it.
type rule struct {
	match Match
	fault Fault
	left  int // so many more queries; 0: without end
}

// faults are the rules of a server: the one set last comes last.
type faults struct {
	mu    sync.Mutex
	rules []rule
}

// SetFault makes the queries that m picks suffer f from now on, in place of the
// fault that was set for an equal m. Of several faults that were set for a
// query, the one set last takes it; that may be the zero Fault, to spare some
// queries.
func (s *Server) SetFault(m Match, f Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	m = m.normal()
	s.faults.remove(m)
	s.faults.rules = append(s.faults.rules, rule{m, f, f.Times})
}

// ClearFault takes back the fault set for m. Faults set for other matches stay.
func (s *Server) ClearFault(m Match) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.remove(m.normal())
}

// ClearFaults takes back all faults.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.rules = nil
}

// remove takes the rule for m out. It wants the mutex held.
func (f *faults) remove(m Match) {
	f.rules = slices.DeleteFunc(f.rules, func(r rule) bool { return r.match == m })
}

// take returns the fault that a query suffers.
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
