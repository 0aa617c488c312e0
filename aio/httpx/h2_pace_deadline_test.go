package httpx

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"goaio.example/aio/internal/bell"
)

// deadlineRecorder is a ResponseWriter that has the last read deadline.
type deadlineRecorder struct {
	*httptest.ResponseRecorder
	last time.Time
}

func (d *deadlineRecorder) SetReadDeadline(t time.Time) error {
	d.last = t
	return nil
}

// endlessBody is a body whose Reads look at the deadline that holds for them.
type endlessBody struct {
	d      *deadlineRecorder
	within time.Time
}

func (b *endlessBody) Read(p []byte) (int, error) {
	b.within = b.d.last
	return len(p), nil
}

func (*endlessBody) Close() error { return nil }

// TestPacedBodyDeadlines checks which deadline holds for a Read, and which
// between Reads: a cancellation, which sets one in the past, is not undone by a
// Read that begins behind it.
func TestPacedBodyDeadlines(t *testing.T) {
	near, far := time.Now().Add(time.Minute), time.Now().Add(3*time.Hour)
	for _, x := range []struct {
		name        string
		max         time.Duration
		own, within time.Time // within is zero for the time of the bound
	}{
		{"none", time.Hour, time.Time{}, time.Time{}},
		{"nearer", time.Hour, near, near},
		{"farther", time.Hour, far, time.Time{}},
		{"cancelled", time.Hour, bell.Past, bell.Past},
		{"unbounded", 0, near, near},
	} {
		d := &deadlineRecorder{ResponseRecorder: httptest.NewRecorder()}
		body := &endlessBody{d: d}
		b := &pacedBody{ReadCloser: body, rc: http.NewResponseController(d), max: x.max}
		b.setDeadline(x.own)
		for range 2 {
			b.Read(make([]byte, 1))
			bounded := body.within.After(near) && body.within.Before(far)
			if x.within.IsZero() && !bounded || !x.within.IsZero() && !body.within.Equal(x.within) {
				t.Errorf("%s: Read has the deadline %v, want %v", x.name, body.within, x.within)
			}
			if !d.last.Equal(x.own) {
				t.Errorf("%s: the deadline behind Read is %v, want %v", x.name, d.last, x.own)
			}
		}
	}
}
