package httpx

import (
	"net/http"
	"sync"
	"time"
)

// headTime is how long the first Read of a body may take before the head is
// sent without its result.
const headTime = 200 * time.Millisecond

// probes reports whether to look at the body before sending the head. If the
// method usually has no body, and its length is not known, the request has a
// body only if a Read returns something.
func (u *upload) probes() bool {
	if u.length != -1 {
		return false
	}
	switch methodOf(u.req) {
	case http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions, "PROPFIND", "SEARCH":
		return true
	}
	return false
}

// headStart decides which goroutine sends the head while the body is probed:
// the one that reads the body, or the timer if the Read takes long.
type headStart struct {
	mu   sync.Mutex
	read bool  // the first Read has returned
	late bool  // the timer has sent the head, or tried to
	err  error // error of sending it
}

// look reads the first bytes of the body. early reports that the head was sent
// meanwhile: the body is then sent in chunks.
func (u *upload) look(k *clientConn, buf *[uploadBuffer]byte) (first int, end, early bool, err error) {
	if u.memory { // the Read returns at once
		first, end, err = u.read(k, buf, 0)
		return first, end, false, err
	}
	h := new(headStart)
	timer := time.AfterFunc(headTime, func() { u.startsLate(k, h) })
	defer timer.Stop()
	first, end, err = u.read(k, buf, 0)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.read = true
	if h.err != nil {
		err = h.err
	}
	return first, end, h.late, err
}

// startsLate sends the head, unless the first Read has returned.
func (u *upload) startsLate(k *clientConn, h *headStart) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.read {
		return
	}
	h.late = true
	if _, h.err = u.sendHead(k, nil, 0); h.err != nil {
		u.t.fail(h.err) // the Read may not return
	}
}
