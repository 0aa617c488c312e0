package tcp

import "sync/atomic"

// An engine passes the data of connections in handler style to their handlers.
// It does what a connection's due returns, and keeps its callbacks from
// overlapping. What the duties mean, the connection's states and the order of
// its callbacks are the same for all engines. The caller holds the connection's
// lock.
type engine interface {
	// start starts serving a connection.
	start(c *Conn)
	// wake makes the engine look again at what is due.
	wake(c *Conn)
	// resume continues with a connection that was told to rest.
	resume(c *Conn)
	// flush starts writing the connection's queue, whose stream is taken for
	// that.
	flush(c *Conn)
	// abandon makes the engine release the connection during a callback: the
	// engine makes no further callback, and the connection is in stream style.
	abandon(c *Conn) error
	// aside makes the engine serve other connections while a callback of this
	// one is running.
	aside(c *Conn)
}

// promotion is the Go netpoller's socket that a bare connection has become.
type promotion struct{ transport }

// engine returns the engine that serves the connection, or would serve it.
func (c *Conn) engine() engine {
	if x := c.peek(); x.t == nil && x.promoted.Load() == nil {
		return bareEngine
	}
	return parkEngine{}
}

// bareState is the state of a connection whose socket is not in the Go
// netpoller but in a poller of its loop (see pollEngine). The connection's lock
// guards it, except fd.
type bareState struct {
	fd     atomic.Int32
	socket bareSocket
	attend attention
	ready  readiness
	flush  bareFlush
	lent   bool     // a sendFile uses a duplicate of the socket
	poller uint8    // in which the socket is registered
	slow   uint8    // score of slow callbacks; see attendant.timed
	family uint8    // of peer: 4 or 6; 0 without one
	port   uint16   // the peer's, of TCP
	peer   [16]byte // the peer's IP address; unix sockets have none
}

// bareSocket says where a bare connection's socket is.
type bareSocket uint8

const (
	bareNone     bareSocket = iota // nowhere: the connection is not bare
	bareOpen                       // open, and in no poller
	bareListed                     // open, and registered with its poller
	barePromoted                   // in the Go netpoller
	bareClosed
)

// isOpen reports whether fd belongs to the connection.
func (b *bareState) isOpen() bool { return b.socket == bareOpen || b.socket == bareListed }

// attention says what the poller's engine does with a connection.
type attention uint8

const (
	attendNone attention = iota // it does not serve the connection
	attendIdle                  // a member looks at it when it needs attention
	// a member is looking at it, and looks again before it leaves
	attendBusy
)

// readiness is what epoll has reported about a socket.
type readiness uint8

const (
	readyRead readiness = 1 << iota // there may be something to read
	// a short read may leave something: the end, data behind an urgent byte,
	// another packet
	readyShort
)

// bareFlush says whether a member writes the queue.
type bareFlush uint8

const (
	flushNone  bareFlush = iota
	flushing             // one does
	flushAgain           // one does, and there may be room again since it tried
)
