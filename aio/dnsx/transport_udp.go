package dnsx

import (
	"errors"
	"net"
	"os"
	"time"
)

// errLate says that a query by UDP is still under way.
var errLate = errors.New("dnsx: no answer yet")

// overUDP sends the query from a socket, and so a source port, of its own, and
// waits for the answer. The system picks the port at random, and gives a
// connected socket only what comes from the server's address and port.
func (c *call) overUDP(soft time.Time) ([]byte, error) {
	conn, err := c.connect("udp")
	if err != nil {
		return nil, err
	}
	c.udp = conn
	until := c.deadline
	if !soft.IsZero() && soft.Before(until) {
		until = soft
	}
	setDeadline(conn, until)
	if err := c.stop.hold(conn); err != nil {
		conn.Close()
		return nil, err
	}
	c.count.queries.Add(1)
	msg, err := c.sendUDP()
	if until == soft && isTimeout(err) && c.stop.fired() == nil {
		c.stop.release(conn)
		return nil, errLate
	}
	c.closeUDP()
	return c.whole(msg, err)
}

// resume waits on for the answer to a query that was late.
func (c *call) resume() ([]byte, error) {
	setDeadline(c.udp, c.deadline)
	if err := c.stop.hold(c.udp); err != nil {
		c.udp.Close()
		return nil, err
	}
	msg, err := c.readUDP()
	c.closeUDP()
	return c.whole(msg, err)
}

// closeUDP gives the socket back.
func (c *call) closeUDP() {
	c.stop.release(c.udp)
	c.udp.Close()
}

// whole is what a read brought, unless that is not all of the answer.
func (c *call) whole(msg []byte, err error) ([]byte, error) {
	if err == nil && truncated(msg) && c.packets() {
		return nil, errTruncated
	}
	return msg, err
}

// packets reports whether the socket keeps messages apart. As with
// net.Resolver.Dial, what a dial function returns for UDP may be a stream
// instead, which then carries messages as TCP does.
func (c *call) packets() bool {
	_, ok := c.udp.(net.PacketConn)
	return ok
}

// datagram is the query as the socket wants it.
func (c *call) datagram() []byte {
	if c.packets() {
		return c.message()
	}
	return c.out
}

// sendUDP sends the query, and reads until the answer comes.
func (c *call) sendUDP() ([]byte, error) {
	if s, ok := c.udp.(*socket); ok {
		n, err := s.exchange(c.message(), c.in[:])
		if err != nil {
			return nil, err
		}
		if c.answeredBy(c.in[:n]) {
			return c.in[:n], nil
		}
		c.count.ignored.Add(1)
	} else if _, err := c.udp.Write(c.datagram()); err != nil {
		return nil, err
	}
	return c.readUDP()
}

// readUDP reads until the answer comes. The rest is ignored: late answers,
// forgeries, garbage.
func (c *call) readUDP() ([]byte, error) {
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
		c.count.ignored.Add(1)
	}
}

// readPacket reads one datagram. It reports whether that came from the server.
func (c *call) readPacket() (n int, ok bool, err error) {
	switch conn := c.udp.(type) {
	case *socket:
		n, err = conn.Read(c.in[:]) // the system has looked at where it came from
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

// isTimeout reports whether err is that of a deadline.
func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
