package tcp

import (
	"context"
	"io"
	"slices"
	"syscall"
	"time"

	"goaio.example/aio"
)

// hangUp is what is known of the peer's end without reading, and the functions
// to call with it. It is kept up to date only while there are such functions.
// The connection's lock guards it.
type hangUp struct {
	seen    hangUpSeen
	armed   bool // the system reports what it sees
	telling bool // a goroutine calls calls
	calls   []*hangUpCall
	// when to look at the socket, where the system does not report
	look time.Time
}

// hangUpSeen says what was seen of the peer's end.
type hangUpSeen uint8

const (
	hangUpNone  hangUpSeen = iota
	hangUpEnded            // it has ended its sending side
	// it has closed the connection, a unix socket, in both directions
	hangUpGone
	hangUpReset // it has reset the connection, or is gone
	hangUpOver  // the connection has ended
)

// hangUpCall is a function to call with what is seen.
type hangUpCall struct {
	fn   func(err error)
	told hangUpSeen
}

// AfterHangUp calls fn when the peer hangs up, whether or not the connection is
// read: also during a long callback, or while PauseReading is in effect. fn is
// called in a separate goroutine, at once if the peer has hung up already:
//
//   - with an aio.ErrEOF when the peer has ended its sending side, which some
//     clients do that still wait for a response;
//   - and, last, when the connection is no longer usable: with an aio.ErrReset
//     when the peer has reset it or is gone, else with the condition that has
//     ended it, which is an aio.ErrClosed after Close.
//
// The first call is left out if the second is due already. stop prevents
// further calls of fn. It reports false if the last call was made, or is being
// made.
//
// On Linux the kernel reports it, even an end behind unread data. On other unix
// systems the socket is checked ten times a second, and an end behind unread
// data is not seen. On other systems, and over a net.Conn that is not a socket,
// fn is called for the errors of reading and sending. A TLS connection hangs up
// when its socket does.
func (c *Conn) AfterHangUp(fn func(err error)) (stop func() bool) {
	call := &hangUpCall{fn: fn}
	c.mu.Lock()
	defer c.mu.Unlock()
	h := &c.extra().hangUp
	h.calls = append(h.calls, call)
	switch {
	case c.life.ended():
		h.seen = hangUpOver
	case c.in.peer != peerOpen:
		h.seen = max(h.seen, hangUpEnded)
	}
	c.watchHangUp()
	c.tellHangUp()
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		i := slices.Index(h.calls, call)
		if i < 0 {
			return false
		}
		h.calls = slices.Delete(h.calls, i, i+1)
		return true
	}
}

// watchHangUp arranges for hungUp to be called when the system sees the peer
// hang up. The lock is held.
func (c *Conn) watchHangUp() {
	h := &c.extra().hangUp
	if h.seen >= hangUpGone || h.armed {
		return
	}
	h.armed = true
	if t, ok := c.transport().under().(peerWaiter); ok {
		c.run(func() { c.waitHangUp(t) })
		return
	}
	c.armHangUp()
}

// peerWaiter is implemented by in-memory connections.
type peerWaiter interface {
	// waits for the peer's end, or a reset: over
	PeerEnded() (over bool, err error)
	PeerReset() error // waits for a reset
}

// waitHangUp waits for an in-memory connection's peer to hang up.
func (c *Conn) waitHangUp(t peerWaiter) {
	over, err := t.PeerEnded()
	if err == nil && !over {
		c.hungUp(hangUpEnded)
		err = t.PeerReset()
	}
	if err == nil {
		c.hungUp(hangUpReset)
	}
}

// hungUp records what was seen of the peer's end. The lock is not held.
func (c *Conn) hungUp(seen hangUpSeen) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.life.ended() {
		c.hungUpLocked(seen)
	}
}

// hungUpLocked is hungUp with the lock held.
func (c *Conn) hungUpLocked(seen hangUpSeen) {
	h := &c.extra().hangUp
	if seen <= h.seen {
		return
	}
	h.seen = seen
	c.tellHangUp()
	if seen >= hangUpGone && c.in.peer == peerTold {
		c.wakeLocked()
	}
}

// peerEnds records that reading has reached the peer's end. The lock is held.
func (c *Conn) peerEnds() {
	if c.in.peer == peerOpen {
		c.in.peer = peerEnded
	}
	if x := c.x.Load(); x != nil && len(x.hangUp.calls) > 0 {
		c.hungUpLocked(hangUpEnded)
	}
}

// tellHangUp arranges for the calls of functions that were not yet called with
// what was seen. The lock is held.
func (c *Conn) tellHangUp() {
	h := &c.extra().hangUp
	if h.telling || c.nextHangUp() == nil {
		return
	}
	h.telling = true
	again := func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		h.telling = false
		c.tellHangUp()
	}
	if !c.runElse(c.callHangUp, again) { // the connection's operation has ended
		aio.Spawn(c.op.Context(), "tell "+c.addr()+" hung up", func(context.Context) error {
			gone := again // after a panic or Goexit
			defer func() { gone() }()
			c.callHangUp()
			gone = func() {}
			return nil
		})
	}
}

// nextHangUp returns a call that is due, nil if there is none. The lock is
// held.
func (c *Conn) nextHangUp() *hangUpCall {
	h := &c.peek().hangUp
	for _, call := range h.calls {
		if call.told < h.seen {
			return call
		}
	}
	return nil
}

// callHangUp makes the calls that are due.
func (c *Conn) callHangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := &c.extra().hangUp
	for call := c.nextHangUp(); call != nil; call = c.nextHangUp() {
		call.told = h.seen
		err := c.hangUpError(h.seen)
		if h.seen >= hangUpGone {
			h.calls = slices.DeleteFunc(h.calls, func(other *hangUpCall) bool { return other == call })
		}
		c.unlocked(func() { call.fn(err) })
	}
	h.telling = false
}

// hangUpError returns the error for the calls. The lock is held.
func (c *Conn) hangUpError(seen hangUpSeen) error {
	switch seen {
	case hangUpEnded:
		return c.condition("read", io.EOF)
	case hangUpGone, hangUpReset:
		return c.condition("read", syscall.ECONNRESET)
	}
	return c.endError("read")
}

// hangUpMoments reports when to look at the socket; see moments.
func (c *Conn) hangUpMoments(tell func(time.Duration, func())) {
	if h := &c.peek().hangUp; !h.look.IsZero() {
		tell(time.Until(h.look), func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.lookHangUp()
		})
	}
}
