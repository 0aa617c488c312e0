package httpx

import (
	"errors"
	"testing"
)

// failingTaker is told of a trip that fails while the head is given to it.
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

// TestFailAtHead holds that a trip that fails while the head is given to its
// taker tells of that once, and behind the head: by the stream if there is one.
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
