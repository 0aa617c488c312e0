package httpx

import (
	"net/http"
	"sync"
	"time"
)

// headTime is how long the first Read of a body may take before the head is
// sent without what it brings.
const headTime = 200 * time.Millisecond

// probes reports whether the body is looked at before the head is sent: a
// request whose method usually has none, and whose length is not known, has one
// only if there is something in it.
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

// headStart is who sends the head of a request whose body is looked at: the
// one who reads the body, or the timer if that takes long.
type headStart struct {
	mu   sync.Mutex
	read bool  // the first Read has returned
	late bool  // the timer has sent the head, or tried to
	err  error // of that
}

// look reads the first bytes of the body. early says that the head was sent
// meanwhile: whatever is read of the body is sent in chunks.
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
