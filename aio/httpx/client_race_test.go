package httpx

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
)

// Tests of moments that a test cannot choose from outside.

// TestSharedPlaceKept checks that a request which is given up at the moment when
// it gets a place on a connection keeps the place, so that it is given back.
func TestSharedPlaceKept(t *testing.T) {
	s := &sharedConns{host: &host{pool: new(pool)}}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("why")
	cancel(why)
	wait := func() *sharedWait { return &sharedWait{ctx: ctx, over: make(chan struct{})} }

	x := wait()
	e := s.waiting.PushBack(x)
	s.waiting.Remove(e)
	x.conn = new(sharedConn)
	close(x.over)
	if c, err := s.giveUp(e, x); c != x.conn || err != nil {
		t.Errorf("given up with a place: %v, %v; want the place", c, err)
	}
	x = wait()
	if c, err := s.giveUp(s.waiting.PushBack(x), x); c != nil || err != why || s.waiting.Len() != 0 {
		t.Errorf("given up without a place: %v, %v; want the cause", c, err)
	}
}

// TestDialsNotBegun checks that a dial which has not begun when its trip no
// longer needs it does not begin.
func TestDialsNotBegun(t *testing.T) {
	h := new(host)
	begun, other := &dialing{host: h, started: true}, &dialing{host: h}
	for _, d := range []*dialing{begun, other, nil} {
		x := &trip{dial: d}
		if d != nil {
			d.trip = x
		}
		h.waiting.push(x)
	}
	all, spare := h.allWaiting()
	if len(all) != 3 || len(spare) != 1 || spare[0] != begun {
		t.Errorf("%d trips and %v dials to cancel, want 3 and the one that has begun", len(all), spare)
	}
	if !begun.unwanted || !other.unwanted {
		t.Errorf("unwanted: %v and %v, want true for both dials", begun.unwanted, other.unwanted)
	}
}

// TestTripQueue checks that the queue has the trips in the order of their turns
// whatever is pushed and removed, and that remove reports whether it had the
// trip.
func TestTripQueue(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var q tripQueue
	trips := make([]trip, 20)
	for i := range trips {
		trips[i].turn = uint64(i)
	}
	queued := map[*trip]bool{}
	for range 10_000 {
		x := &trips[r.IntN(len(trips))]
		if r.IntN(2) == 0 && !queued[x] {
			q.push(x)
			queued[x] = true
		} else if got := q.remove(x); got != queued[x] {
			t.Fatalf("remove of trip %d returned %v, want %v", x.turn, got, queued[x])
		} else {
			delete(queued, x)
		}
		n, last := 0, (*trip)(nil)
		for x := q.head; x != nil; last, x = x, x.next {
			if n++; x.prev != last || last != nil && last.turn >= x.turn || !queued[x] {
				t.Fatalf("trip %d stands behind %v", x.turn, last)
			}
		}
		if n != len(queued) || q.tail != last {
			t.Fatalf("%d trips are queued, want %d", n, len(queued))
		}
	}
	if q.remove(nil) {
		t.Error("remove of no trip returned true")
	}
}
