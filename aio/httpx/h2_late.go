package httpx

import (
	"errors"
	"os"
	"sync/atomic"
	"time"
)

// How a connection of HTTP/2 ends when the server drains. net/http's Shutdown
// tells all clients at once that their connections take no more requests, and
// lets no connection begin after it; but one that was accepted before has a
// second to send its first request. So each connection is told for itself.
// There is no call for that. But a client that takes leave has net/http's
// server do the same: say with a GOAWAY which request is the last, answer those
// up to it, and close the connection a second later. So the wire has net/http
// read a GOAWAY between two frames of the client's.

// youngTime is how long a connection is given for its first request when the
// server drains, from the first bytes on. Package tcp gives it as long for
// these.
const youngTime = time.Second

// probeTime is how long a connection is given for what the kernel has already.
const probeTime = time.Millisecond

// parting is what a wire knows about its end.
type parting struct {
	leaving atomic.Bool
	by      time.Time // when the reader is to look again, zero for not; guarded by the wire's lock

	// What follows is the reader's.
	told bool      // net/http has the GOAWAY, or what is read of it
	at   time.Time // when it is to have that, zero before the first look
	late bool      // at is that of a connection on which a request has come
	rest []byte    // what is still to be read of the GOAWAY
}

// goAway is a GOAWAY with NO_ERROR, as a client sends it that has got no
// streams from the server (RFC 9113, section 6.8).
var goAway = [...]byte{2: 8, 3: 7, 16: 0}

// leave has the client told that the connection takes no more requests: now, or
// when its first request has come.
func (w *h2Wire) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.part.leaving.Swap(true) {
		return
	}
	w.part.by = time.Now()
	w.applyDeadline() // fails only on a closed connection, as the read does
}

// Read reads from the connection, or the GOAWAY.
func (w *h2Wire) Read(p []byte) (int, error) {
	for {
		if w.part.leaving.Load() && !w.part.told {
			w.lookAtPart()
		}
		if len(w.part.rest) > 0 {
			n := copy(p, w.part.rest)
			w.part.rest = w.part.rest[n:]
			return n, nil
		}
		n, err := w.read(p)
		if n > 0 {
			w.frame.feed(p[:n])
			w.setHeaderBy()
		}
		if n > 0 || !w.looksAgain(err) {
			return n, err
		}
	}
}

// lookAtPart has net/http read the GOAWAY if it is time for that, or sets when
// to look again. What has come with the connection is read before it, and so is
// what the kernel has already. A client that stalls within a frame has
// BodyTimeout to go on.
func (w *h2Wire) lookAtPart() {
	k, now := &w.part, time.Now()
	switch {
	case w.frame.asked && !k.late:
		k.late, k.at = true, now.Add(probeTime)
	case k.at.IsZero():
		k.at = now.Add(max(probeTime, youngTime-now.Sub(w.born)))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !w.frame.between() || len(w.first) > 0:
		if k.by = (time.Time{}); w.e.s.lim.body > 0 {
			k.by = now.Add(w.e.s.lim.body)
		}
	case now.Before(k.at):
		k.by = k.at
	default:
		k.told, k.by, k.rest = true, time.Time{}, goAway[:]
	}
}

// looksAgain reports whether a read failed because it is time to look again.
func (w *h2Wire) looksAgain(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) || !w.part.at.IsZero() && !w.frame.between() {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.part.by.IsZero() && !time.Now().Before(w.part.by)
}
