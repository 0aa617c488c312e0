package httpx

import (
	"errors"
	"os"
	"sync/atomic"
	"time"
)

// This file ends HTTP/2 connections when the server drains. net/http's Shutdown
// tells all clients at once that their connections accept no more requests, and
// lets no new connection begin. But a connection that was just accepted has a
// second to send its first request. So each connection must be told separately,
// for which net/http has no call. But when a client sends a GOAWAY, net/http's
// server does the same: it sends a GOAWAY with the last request, answers the
// requests up to that one, and closes the connection a second later. So h2Wire
// inserts a GOAWAY between two frames that net/http reads from the client.

// youngTime is how long a draining server waits for a connection's first
// request, from the first bytes on. Package tcp uses the same time.
const youngTime = time.Second

// probeTime is how long a draining server waits for bytes that the kernel has
// already received.
const probeTime = time.Millisecond

// parting is the state of a connection's end.
type parting struct {
	leaving atomic.Bool
	// when the reader looks again, zero for never; guarded by the wire's lock
	by time.Time

	// Only the reader uses the fields below.
	told bool      // net/http has read the GOAWAY, or part of it
	at   time.Time // when net/http is to read it; zero before the first look
	late bool      // at was set after a request had arrived
	rest []byte    // the rest of the GOAWAY to read
}

// goAway is a GOAWAY with NO_ERROR, as a client sends it that has received no
// streams from the server (RFC 9113, section 6.8).
var goAway = [...]byte{2: 8, 3: 7, 16: 0}

// leave makes the server tell the client that the connection accepts no more
// requests: now, or when its first request has arrived.
func (w *h2Wire) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.part.leaving.Swap(true) {
		return
	}
	w.part.by = time.Now()
	// fails only on a closed connection, on which the read fails too
	w.applyDeadline()
}

// Read reads from the connection, or the inserted GOAWAY.
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

// lookAtPart inserts the GOAWAY if it is time, or sets when to look again. The
// bytes that came with the connection, and those that the kernel has already
// received, are read before it. A client that stalls within a frame has
// BodyTimeout to continue.
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
