//go:build !linux

package tcp

import "time"

// lookTime is how often a socket is looked at whose peer may hang up.
const lookTime = 100 * time.Millisecond

// armHangUp has the socket be looked at from now on. The lock is held.
func (c *Conn) armHangUp() {
	if c.transport().fd() >= 0 {
		c.lookHangUp()
		c.setAlarmLocked()
	}
}

// disarmHangUp does nothing: the alarm of a connection ends with it.
func (c *Conn) disarmHangUp() {}

// lookHangUp looks at the socket. The lock is held.
func (c *Conn) lookHangUp() {
	h := &c.extra().hangUp
	h.look = noTime
	if !h.armed || h.seen >= hangUpReset {
		return
	}
	if seen := peekEnd(c.transport().under()); seen > h.seen {
		c.hungUpLocked(seen)
	}
	if h.seen < hangUpReset {
		h.look = time.Now().Add(lookTime)
	}
}

// hangUpMoments tells when the socket is to be looked at; see moments.
func (c *Conn) hangUpMoments(tell func(time.Duration, func())) {
	if h := &c.peek().hangUp; !h.look.IsZero() {
		tell(time.Until(h.look), func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.lookHangUp()
		})
	}
}
