package httpx

import "testing"

// net/http begins to read in the background when a body has been read, and its
// goroutine may get to it only when the request has been answered. A watching
// that began then would be ended by nobody, and take a byte of the next
// request.
func TestWatchBehindItsRequest(t *testing.T) {
	w := new(wire) // the request has been answered: now is nil
	w.watch.asked = true
	if !w.inBackground() || w.watch.may || w.watch.done != nil {
		t.Errorf("a watching has begun: %+v", &w.watch)
	}
}
