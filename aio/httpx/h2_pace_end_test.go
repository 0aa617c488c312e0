package httpx

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// deadlined counts the read deadlines that are set on a response.
type deadlined struct {
	http.ResponseWriter
	n int
}

func (d *deadlined) SetReadDeadline(time.Time) error {
	d.n++
	return nil
}

// TestCancelledAfterEnd checks that a cancellation sets no deadline on a request
// over HTTP/2 that is ending: net/http panics for one whose handler has
// returned.
func TestCancelledAfterEnd(t *testing.T) {
	rw := &deadlined{ResponseWriter: httptest.NewRecorder()}
	x := &h2Exchange{raw: httptest.NewRequest("POST", "/", http.NoBody)}
	x.rw.x, x.rw.rw = x, rw
	x.pace(new(limits))
	x.cancelled()
	if rw.n != 1 {
		t.Errorf("cancelled while the handler runs: %d deadlines set, want 1", rw.n)
	}
	x.intake.end()
	x.cancelled()
	if rw.n != 1 {
		t.Errorf("cancelled as the request ends: %d deadlines set, want no other", rw.n)
	}
}
