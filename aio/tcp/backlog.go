package tcp

import (
	"net"
	"time"
)

// backlogOther accepts the queued connections of a listener that is not a
// system socket.
func backlogOther(ln net.Listener) []net.Conn {
	if t, ok := ln.(interface{ TryAccept() (net.Conn, error) }); ok {
		var out []net.Conn
		for len(out) < maxBacklog {
			nc, err := t.TryAccept()
			if err != nil {
				break
			}
			out = append(out, nc)
		}
		return out
	}
	return backlogTimed(ln)
}

// backlogTimed accepts from a listener that has no non-blocking accept, until
// nothing has arrived for a moment.
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
