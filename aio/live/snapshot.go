package live

import (
	"time"
	"unicode/utf8"

	"goaio.example/aio"
)

// Snapshot is what the page shows, as "snapshot" gives it in JSON. Strings in
// it are as the program has made them, up to 1 KiB of each: they may be a
// peer's input. See Visible.
type Snapshot struct {
	Time  time.Time     // when it was made
	Loop  string        // Loop.Name
	Age   time.Duration // since Run was called
	Phase string        // Stats.Phase
	// PhaseEnd is when the phase ends at the latest, as Loop.PhaseEnd says, and
	// PhaseTime how long it lasts then. Both are zero if that is not known.
	PhaseEnd  time.Time
	PhaseTime time.Duration
	Stats     aio.Stats
	Held      []Held // what holds the loop open
	Overdue   []Op   // Loop.Overdue: what Grace has cut off
	Tree      Tree
	Conns     Table    // connections
	Requests  Table    // requests, in and out
	Events    []Event  // the newest first; while a client watches
	Samples   []Sample // the oldest first; while a client watches
	Chosen    *Op      // the operation that was asked for, if it is in flight
	Control   bool     // Page.AllowControl

	// how many there have been: Events are the same as long as this is
	events uint64
}

// Held is a kind of operation that holds the loop open: children of main, which
// are no daemons. The first is main itself until it has returned.
type Held struct {
	Kind   string
	Count  int
	Oldest time.Duration
}

// Op describes an operation: see aio.OpInfo.
type Op struct {
	ID         uint64
	Name       string
	Kind       string
	Age        time.Duration
	By         string        `json:",omitempty"`
	StartedBy  uint64        `json:",omitempty"`
	Site       string        `json:",omitempty"`
	Parent     uint64        `json:",omitempty"`
	Parents    []string      `json:",omitempty"` // of Snapshot.Chosen only
	Scope      string        `json:",omitempty"`
	Awaits     string        `json:",omitempty"` // what its function waits for
	AwaitsID   uint64        `json:",omitempty"`
	AwaitsMore int           `json:",omitempty"`
	AwaitsFor  time.Duration `json:",omitempty"`
	BytesIn    int64         `json:",omitempty"`
	BytesOut   int64         `json:",omitempty"`
	Queued     bool          `json:",omitempty"`
	Cancelled  bool          `json:",omitempty"`
	Daemon     bool          `json:",omitempty"`
	// main, whose function has returned, while others are in flight
	Returned bool `json:",omitempty"`
}

// opOf describes an operation.
func opOf(i aio.OpInfo) Op {
	return Op{
		ID: i.ID, Name: clip(i.Name), Kind: i.Kind.String(), Age: i.Age,
		By: clip(i.By), StartedBy: i.StartedBy, Site: clip(i.Site),
		Parent: i.Parent, Scope: clip(i.Scope),
		Awaits: clip(i.Awaits.Name), AwaitsID: i.Awaits.ID, AwaitsMore: i.Awaits.More, AwaitsFor: i.Awaits.For,
		BytesIn: i.BytesIn, BytesOut: i.BytesOut,
		Queued: i.Queued, Cancelled: i.Cancelled, Daemon: i.Daemon,
	}
}

// maxText is how many bytes of a name or an error are kept. A page shows fewer.
const maxText = 1 << 10

// clip cuts a text that is too long, so that what is sent, and what a history
// keeps, is bounded.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	n := maxText
	for n > maxText-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// Event is an event of the loop: see aio.Event.
type Event struct {
	Time   time.Time
	Op     string // the operation's name
	Kind   string
	ID     uint64
	Err    string
	Info   bool `json:",omitempty"` // information, such as EOF
	Lost   bool `json:",omitempty"`
	Served bool `json:",omitempty"`
}

// Table lists operations of some kinds, at most 100 of them.
type Table struct {
	Total int
	Ops   []Op
}

// Sample has the loop's rates at a time: what has happened since the sample
// before, in a second.
type Sample struct {
	Time      time.Time
	InFlight  float64
	Started   float64
	Failed    float64 // Failed and Panicked
	Cancelled float64
	BytesIn   float64
	BytesOut  float64
}
