package httpx

import (
	"context"
	"errors"
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
