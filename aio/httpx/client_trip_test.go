package httpx

import (
	"errors"
	"testing"
)

// failingTaker is the taker of a trip that fails while the head is given to it.
type failingTaker struct {
	fail   func(t *trip)
	open   bool // the body is a stream
	heads  int
	told   []error
	stream *clientBody
}

func (f *failingTaker) head(t *trip, k *clientConn) (int64, bool) {
	f.heads++
	f.fail(t)
	if f.open {
		f.stream = t.openStream(k)
	}
	return 0, !f.open
}

func (f *failingTaker) whole(*trip, []byte) {}

func (f *failingTaker) share(*trip, *sharedConns) {}

func (f *failingTaker) failed(_ *trip, err error) { f.told = append(f.told, err) }

// TestFailAtHead checks that a trip that fails while the head is given to its
// taker reports that once, and after the head: by the stream if there is one.
func TestFailAtHead(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	for name, open := range map[string]bool{"gathered": false, "stream": true} {
		t.Run(name, func(t *testing.T) {
			f := &failingTaker{open: open}
			f.fail = func(tr *trip) {
				tr.fail(first)
				tr.fail(second)
				if len(f.told) > 0 {
					t.Errorf("told of %v while the head is given", f.told)
				}
			}
			k := new(clientConn)
			tr := &trip{ex: new(outgoing), taker: f, state: tripSending, conn: k}
			if _, _, ok := tr.give(k); ok {
				t.Error("the trip goes on after it has failed")
			}
			tr.fail(second)
			if f.heads != 1 {
				t.Errorf("the head was given %d times, not once", f.heads)
			}
			if !open {
				if len(f.told) != 1 || f.told[0] != first {
					t.Errorf("told of %v, not of %q once", f.told, first)
				}
				return
			}
			if _, err := f.stream.Read(make([]byte, 1)); err != first || len(f.told) > 0 {
				t.Errorf("the stream ends with %v, not %q; told of %v, not of nothing", err, first, f.told)
			}
		})
	}
}

// TestFreeDead checks that a connection that has ended when it is returned to
// the pool gets no waiting trip, and is not listed.
func TestFreeDead(t *testing.T) {
	h := &host{pool: &pool{client: new(Client)}}
	waits := new(trip)
	h.waiting.push(waits)
	k := &clientConn{host: h, dead: true}
	if got := k.free(); got != nil || !waits.queued {
		t.Error("a trip that waits was taken for a connection that has ended")
	}
	h.waiting.remove(waits)
	if got := k.free(); got != nil || k.listed || h.idle != 0 {
		t.Errorf("listed: %v, %d idle; want none", k.listed, h.idle)
	}
}
