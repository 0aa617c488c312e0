package dnsx

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
)

// overTCP sends the query over a connection of its own.
func (c *call) overTCP() ([]byte, error) {
	conn, err := c.connect("tcp")
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return c.stream(conn)
}

// stream sends the query over a connection and reads the answer.
func (c *call) stream(conn net.Conn) ([]byte, error) {
	setDeadline(conn, c.deadline)
	if err := c.stop.hold(conn); err != nil {
		return nil, err
	}
	defer c.stop.release(conn)
	c.count.queries.Add(1)
	if _, err := conn.Write(c.out); err != nil {
		return nil, err
	}
	return c.readStream(conn)
}

// readStream reads messages (RFC 1035, section 4.2.2) until the answer comes,
// and ignores others.
func (c *call) readStream(conn net.Conn) ([]byte, error) {
	for {
		msg, err := c.readFrame(conn)
		if err != nil {
			return nil, err
		}
		if c.answeredBy(msg) {
			return msg, nil
		}
		c.count.ignored.Add(1)
	}
}

// readFrame reads one message, of at most 65,535 bytes. Room for a large one is
// made as its bytes arrive: a length is only a claim.
func (c *call) readFrame(conn net.Conn) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(size[:]))
	if n < headerLen {
		return nil, errShort
	}
	msg := c.in[:min(n, len(c.in))]
	if _, err := io.ReadFull(conn, msg); err != nil {
		return nil, cut(err)
	}
	for len(msg) < n {
		more := make([]byte, min(n, 4*len(msg)))
		got := copy(more, msg)
		if _, err := io.ReadFull(conn, more[got:]); err != nil {
			return nil, cut(err)
		}
		msg = more
	}
	return msg, nil
}

// cut is the error of a read within a message: its end is unexpected.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
