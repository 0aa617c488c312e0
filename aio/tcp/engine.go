package tcp

import "sync/atomic"

// engine gives the data of connections in handler style to their handlers: it reads, calls Conn.deliver with what came and
// Conn.readEnded when reading fails, and sees to it that the callbacks of a connection do not overlap. What a connection
// means by that, its states and the order of its callbacks, is the Conn's own affair and the same for all engines.
type engine interface {
	// start begins to serve a connection, with a call of Open if open is set. The connection's lock is held.
	start(c *Conn, open bool)
	// wake has the engine look again at what the connection's state asks of it (see Conn.due): the handler was given up,
	// the loop drains, there is TLS to be begun, the queue has room again. The connection's lock is held.
	wake(c *Conn)
	// resume has the engine go on with a connection that was to rest (dueRest). The connection's lock is held.
	resume(c *Conn)
	// flush has the engine, or a goroutine, write the connection's queue, whose stream is busy on its behalf. The
	// connection's lock is held.
	flush(c *Conn)
}

// bareState is what a connection has whose socket is not in the Go netpoller but in a poller of its loop's (see
// pollEngine). The Conn's lock guards it.
type bareState struct {
	fd       atomic.Int32
	is       bool // the transport is bare: immutable
	open     bool // fd is open
	listed   bool // registered with the poller
	opening  bool // Open is to be called
	polled   bool // the poller serves it, until its handler has left
	serving  bool // a goroutine looks at the connection
	readable bool // there may be something to read
	short    bool // a short read may have left something: the end, what is behind an urgent byte, another packet
	flushing bool // a goroutine writes the queue
	writable bool // it is to try again
	v4       bool // peer is an IPv4 address
	poller   uint8
	slow     uint8    // see attendant.timed
	port     uint16   // the peer's, of TCP
	peer     [16]byte // the peer's IP address; unix sockets have none
}

// promotion is the socket of the Go netpoller that a bare connection has become.
type promotion struct{ transport }

// engine returns the engine that serves the connection, or would.
func (c *Conn) engine() engine {
	if c.bare.is && c.peek().promoted.Load() == nil {
		return bareEngine
	}
	return parkEngine{}
}
