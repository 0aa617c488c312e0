//go:build !linux

package tcp

import "time"

// lookTime is how often to look at a socket whose peer may hang up.
const lookTime = 100 * time.Millisecond

// writerCut reports false: this system does not tell.
func (c *Conn) writerCut() bool { return false }

// stepAside does nothing: there are no pollers.
func (c *Conn) stepAside() {}

// armHangUp schedules looks at the socket. The lock is held.
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
	if !h.armed || h.seen >= hangUpGone {
		return
	}
	if seen := peekEnd(c.transport().under()); seen > h.seen {
		c.hungUpLocked(seen)
	}
	if h.seen < hangUpGone {
		h.look = time.Now().Add(lookTime)
	}
}
