package transport

import (
	"errors"
	"net"
	"os"
	"time"
)

// ErrLate says that there is no answer yet: see Call.Do.
var ErrLate = errors.New("dnsx: no answer yet")

// overUDP sends the query from a new socket, and waits for the answer. The
// system picks a random source port, and delivers to the connected socket only
// what comes from the server's address and port.
func (c *Call) overUDP(soft time.Time) ([]byte, error) {
	conn, err := c.connect("udp")
	if err != nil {
		return nil, err
	}
	c.udp = conn
	until := c.Deadline
	if !soft.IsZero() && soft.Before(until) {
		until = soft
	}
	setDeadline(conn, until)
	if err := c.Stop.hold(conn); err != nil {
		conn.Close()
		return nil, err
	}
	c.Counters.Queries.Add(1)
	msg, err := c.sendUDP()
	if until == soft && IsTimeout(err) && c.Stop.Fired() == nil {
		c.Stop.release(conn)
		return nil, ErrLate
	}
	c.closeUDP()
	return c.whole(msg, err)
}

// resumeUDP continues to wait for the answer to a query.
func (c *Call) resumeUDP() ([]byte, error) {
	setDeadline(c.udp, c.Deadline)
	if err := c.Stop.hold(c.udp); err != nil {
		c.udp.Close()
		return nil, err
	}
	msg, err := c.readUDP()
	c.closeUDP()
	return c.whole(msg, err)
}

// closeUDP closes the socket.
func (c *Call) closeUDP() {
	c.Stop.release(c.udp)
	c.udp.Close()
}

// whole returns what a read brought, or errTruncated if that is not the whole
// answer.
func (c *Call) whole(msg []byte, err error) ([]byte, error) {
	if err == nil && truncated(msg) && c.packets() {
		return nil, errTruncated
	}
	return msg, err
}

// packets reports whether the socket keeps message boundaries. As with
// net.Resolver.Dial, a dial function may return a stream for UDP, which then
// carries messages as TCP does.
func (c *Call) packets() bool {
	_, ok := c.udp.(net.PacketConn)
	return ok
}

// datagram returns the query in the form for the socket.
func (c *Call) datagram() []byte {
	if c.packets() {
		return c.message()
	}
	return c.out
}

// sendUDP sends the query, and reads until the answer comes.
func (c *Call) sendUDP() ([]byte, error) {
	if s, ok := c.udp.(*socket); ok {
		n, err := s.exchange(c.message(), c.in[:])
		if err != nil {
			return nil, err
		}
		if c.answeredBy(c.in[:n]) {
			return c.in[:n], nil
		}
		c.Counters.Ignored.Add(1)
	} else if _, err := c.udp.Write(c.datagram()); err != nil {
		return nil, err
	}
	return c.readUDP()
}

// readUDP reads until the answer comes. It ignores the rest: late answers to
// other queries, forgeries, garbage.
func (c *Call) readUDP() ([]byte, error) {
	if !c.packets() {
		return c.readStream(c.udp)
	}
	for {
		n, ok, err := c.readPacket()
		if err != nil {
			return nil, err
		}
		if ok && c.answeredBy(c.in[:n]) {
			return c.in[:n], nil
		}
		c.Counters.Ignored.Add(1)
	}
}

// readPacket reads one datagram. It reports whether the server sent it.
func (c *Call) readPacket() (n int, ok bool, err error) {
	switch conn := c.udp.(type) {
	case *socket:
		n, err = conn.Read(c.in[:]) // the system checks where it comes from
		return n, true, err
	case *net.UDPConn:
		if conn.RemoteAddr() != nil {
			n, err = conn.Read(c.in[:])
			return n, true, err
		}
	}
	n, from, err := c.udp.(net.PacketConn).ReadFrom(c.in[:])
	to := c.udp.RemoteAddr()
	return n, from == nil || to == nil || from.String() == to.String(), err
}

// IsTimeout reports whether err says that a deadline has passed.
func IsTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
