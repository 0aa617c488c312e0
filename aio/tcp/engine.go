package tcp

import "sync/atomic"

// engine gives the data of connections in handler style to their handlers: it
// does what a connection's due asks for, and sees that its callbacks do not
// overlap. What a connection means by that, its states and the order of its
// callbacks, is the same for all engines. The connection's lock is held by who
// calls.
type engine interface {
	// start begins to serve a connection.
	start(c *Conn)
	// wake has the engine look again at what is due.
	wake(c *Conn)
	// resume has the engine go on with a connection that was to rest.
	resume(c *Conn)
	// flush has the engine, or a goroutine, write the connection's queue,
	// whose stream is taken for that.
	flush(c *Conn)
	// abandon has the engine let the connection go during a callback: it
	// begins no other one, and the connection is in stream style.
	abandon(c *Conn) error
	// aside has the engine serve other connections while a callback of this one
	// is running.
	aside(c *Conn)
}

// promotion is the socket of the Go netpoller that a bare connection has
// become.
type promotion struct{ transport }

// engine returns the engine that serves the connection, or would.
func (c *Conn) engine() engine {
	if x := c.peek(); x.t == nil && x.promoted.Load() == nil {
		return bareEngine
	}
	return parkEngine{}
}

// bareState is what a connection has whose socket is not in the Go netpoller
// but in a poller of its loop's (see pollEngine). The connection's lock guards
// it, except fd.
type bareState struct {
	fd     atomic.Int32
	socket bareSocket
	attend attention
	ready  readiness
	flush  bareFlush
	lent   bool     // a sendFile uses a duplicate of the socket
	poller uint8    // in which the socket is registered
	slow   uint8    // what is known of the connection's callbacks; see attendant.timed
	family uint8    // of peer: 4 or 6; 0 without one
	port   uint16   // the peer's, of TCP
	peer   [16]byte // the peer's IP address; unix sockets have none
}

// bareSocket is where a bare connection's socket is.
type bareSocket uint8

const (
	bareNone     bareSocket = iota // there is none: the connection is not bare
	bareOpen                       // open, and in no poller
	bareListed                     // open, and registered with its poller
	barePromoted                   // one of the Go netpoller's now
	bareClosed
)

// isOpen reports whether fd is the connection's own.
func (b *bareState) isOpen() bool { return b.socket == bareOpen || b.socket == bareListed }

// attention is what the poller's engine does with a connection.
type attention uint8

const (
	attendNone attention = iota // it does not serve it
	attendIdle                  // a member looks at it when there is something to be done
	attendBusy                  // a member looks at it now, and again before it leaves
)

// readiness is what epoll has said of a socket.
type readiness uint8

const (
	readyRead  readiness = 1 << iota // there may be something to read
	readyShort                       // a short read may have left something: the end, what is behind an urgent byte, another packet
)

// bareFlush is whether a member writes the queue.
type bareFlush uint8

const (
	flushNone  bareFlush = iota
	flushing             // one does
	flushAgain           // one does, and there may be room again since it has tried
)
