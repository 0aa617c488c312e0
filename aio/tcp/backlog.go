package tcp

import (
	"net"
	"time"
)

// backlogTimed accepts what is in the queue of a listener that cannot be asked for it without waiting: until nothing has
// come for a moment.
func backlogTimed(ln net.Listener) []net.Conn {
	d, ok := ln.(interface{ SetDeadline(t time.Time) error })
	if !ok {
		return nil
	}
	var out []net.Conn
	for len(out) < maxBacklog {
		if d.SetDeadline(time.Now().Add(backlogTime)) != nil {
			return out
		}
		nc, err := ln.Accept()
		if err != nil {
			return out
		}
		out = append(out, nc)
	}
	return out
}
