package live

import (
	"cmp"
	"time"

	"goaio.example/aio"
)

// take makes a snapshot of what costs little however much is in flight: all but
// the tree, the tables, what holds the loop open and the chosen operation.
func (p *Page) take() *Snapshot {
	s := &Snapshot{
		Time: time.Now(), Loop: p.Loop.Name, PhaseEnd: p.Loop.PhaseEnd(), Stats: p.Loop.Stats(),
		Control: p.AllowControl,
	}
	s.Phase = s.Stats.Phase
	if !s.PhaseEnd.IsZero() {
		s.PhaseTime = p.phaseTime(s.Phase)
	}
	for _, i := range p.Loop.Overdue() {
		s.Overdue = append(s.Overdue, opOf(i))
	}
	if main := p.Loop.Main(); main != (aio.Ref{}) {
		s.Age = main.Age()
	}
	p.history.copy(s)
	return s
}

// phaseTime returns how long a phase lasts at most, for a loop with its fields
// set as they are.
func (p *Page) phaseTime(phase string) time.Duration {
	switch phase {
	case "leaving":
		return p.Loop.DrainDelay
	case "draining":
		return cmp.Or(p.Loop.Grace, 10*time.Second)
	case "cancelling":
		return cmp.Or(p.Loop.Abandon, 5*time.Second)
	}
	return 0
}

// look adds what is had by looking at each operation. One look is made at a
// time: with very many operations it takes much memory for a moment.
func (p *Page) look(s *Snapshot, q query) {
	p.looking.Lock()
	defer p.looking.Unlock()
	main := p.Loop.Main()
	if main == (aio.Ref{}) {
		return
	}
	tb := newTables(p.Loop, q.Sort)
	s.Tree, s.Held = fold(p.Loop, q, tb)
	s.Conns, s.Requests = tb.conns.table(), tb.requests.table()
	if q.Op != 0 {
		if r, ok := p.Loop.Find(q.Op); ok {
			info := r.Info()
			op := opOf(info)
			for _, name := range info.Parents {
				op.Parents = append(op.Parents, clip(name))
			}
			s.Chosen = &op
		}
	}
}

// held returns what holds the loop open. groups are main's children, by kind.
func held(main aio.Ref, groups [][]aio.Ref) []Held {
	var out []Held
	if !main.Ended() {
		out = append(out, Held{Kind: main.Kind().String(), Count: 1, Oldest: main.Age()})
	}
	for _, g := range groups {
		h := Held{Kind: g[0].Kind().String()}
		var first aio.Ref
		for _, r := range g {
			if r.Daemon() {
				continue
			}
			if h.Count == 0 || r.Began() < first.Began() {
				first = r
			}
			h.Count++
		}
		if h.Count > 0 {
			h.Oldest = first.Age()
			out = append(out, h)
		}
	}
	return out
}
