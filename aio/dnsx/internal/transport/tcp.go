package transport

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
)

// overTCP sends the query over a new connection.
func (c *Call) overTCP() ([]byte, error) {
	conn, err := c.connect("tcp")
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return c.stream(conn)
}

// stream sends the query over a connection and reads the answer.
func (c *Call) stream(conn net.Conn) ([]byte, error) {
	setDeadline(conn, c.Deadline)
	if err := c.Stop.hold(conn); err != nil {
		return nil, err
	}
	defer c.Stop.release(conn)
	c.Counters.Queries.Add(1)
	if _, err := conn.Write(c.out); err != nil {
		return nil, err
	}
	return c.readStream(conn)
}

// readStream reads messages (RFC 1035, section 4.2.2) until the answer comes.
// It ignores all others.
func (c *Call) readStream(conn net.Conn) ([]byte, error) {
	for {
		msg, err := c.readFrame(conn)
		if err != nil {
			return nil, err
		}
		if c.answeredBy(msg) {
			return msg, nil
		}
		c.Counters.Ignored.Add(1)
	}
}

// readFrame reads one message of at most 65,535 bytes. It allocates room for a
// large one as the bytes arrive, since the announced length may be a lie.
func (c *Call) readFrame(conn net.Conn) ([]byte, error) {
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

// cut returns the error of a read within a message.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
