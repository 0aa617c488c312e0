package live

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// view is what streams with the same query show. It is made once for all of
// them.
type view struct {
	page     *Page
	query    query
	json     bool // its frames are snapshots in JSON
	key      string
	watchers int // guarded by views
	// nanoseconds that the last look took, with its rendering
	cost atomic.Int64

	mu     sync.Mutex
	last   *frame
	heavy  *Snapshot // of the last look
	looked time.Time
}

// frame is what a view shows at a time.
type frame struct {
	at time.Time
	// the sections in HTML, by ID; or under "" a Snapshot in JSON
	parts  map[string]string
	events uint64 // Snapshot.events
	final  bool   // the loop has ended
}

// views are the views that streams show.
type views struct {
	mu  sync.Mutex
	all map[string]*view
}

// enter returns the view of a query, for one stream. Call leave once.
func (v *views) enter(p *Page, q query, asJSON bool) *view {
	key := fmt.Sprint(asJSON, "?", q.Encode())
	v.mu.Lock()
	defer v.mu.Unlock()
	one := v.all[key]
	if one == nil {
		if v.all == nil {
			v.all = map[string]*view{}
		}
		one = &view{page: p, query: q, json: asJSON, key: key}
		v.all[key] = one
	}
	one.watchers++
	return one
}

// leave says that a stream shows the view no more.
func (v *views) leave(one *view) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if one.watchers--; one.watchers == 0 {
		delete(v.all, one.key)
	}
}

// cost is what one look for each view takes.
func (v *views) cost() (sum time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, one := range v.all {
		sum += time.Duration(one.cost.Load())
	}
	return sum
}

// pause is for how long there is no look after one.
func (v *views) pause(maxAge time.Duration) time.Duration {
	if maxAge < calmTime {
		return endFactor * v.cost()
	}
	return idleFactor * v.cost()
}

// The least times between two frames of a stream.
const (
	calmTime = time.Second            // while the loop runs
	endTime  = 250 * time.Millisecond // while it ends, for the countdown
	// idleFactor is how many times as long as a look at all operations nothing
	// is done between two: 2.5% of a processor. While the loop ends, which is
	// not for long, it is endFactor.
	idleFactor = 40
	endFactor  = 10
)

// frame returns what the view shows, made now unless there is one that is not
// older than about maxAge. If final is set, the loop has ended.
func (v *view) frame(maxAge time.Duration, final bool) (*frame, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if f := v.last; f != nil && f.final == final && (final || time.Since(f.at) < maxAge*9/10) {
		return f, nil
	}
	s := v.page.take()
	look := final || v.heavy == nil || time.Since(v.looked) >= max(maxAge*9/10, v.page.views.pause(maxAge))
	began := time.Now()
	if look {
		v.page.look(s, v.query)
		v.heavy, v.looked = s, began
	} else {
		s.Held, s.Tree, s.Conns, s.Requests, s.Chosen = v.heavy.Held, v.heavy.Tree, v.heavy.Conns, v.heavy.Requests, v.heavy.Chosen
	}
	f, err := v.render(s, look, final)
	if err != nil {
		return nil, err
	}
	if look {
		v.cost.Store(int64(time.Since(began)))
	}
	v.last = f
	return f, nil
}

// render makes a frame. Without a look, the sections that need one stay.
func (v *view) render(s *Snapshot, look, final bool) (*frame, error) {
	f := &frame{at: s.Time, parts: map[string]string{}, events: s.events, final: final}
	if v.json {
		text, err := json.Marshal(s)
		f.parts[""] = string(text)
		return f, err
	}
	d := &pageData{S: s, Q: v.query, Over: final}
	if v.page.views.pause(calmTime) > 2*calmTime {
		d.Stale = time.Since(v.looked)
	}
	for _, sec := range sections {
		if v.last != nil && (!look && !sec.light || sec.id == "events" && s.events == v.last.events) {
			f.parts[sec.id] = v.last.parts[sec.id]
			continue
		}
		text, err := render(sec.template, d)
		if err != nil {
			return nil, err
		}
		f.parts[sec.id] = text
	}
	return f, nil
}
