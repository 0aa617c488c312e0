package tcp

// engine gives the data of connections in handler style to their handlers: it reads, calls Conn.deliver with what came and
// Conn.readEnded when reading fails, and sees to it that the callbacks of a connection do not overlap. What a connection
// means by that, its states and the order of its callbacks, is the Conn's own affair and the same for all engines.
type engine interface {
	// start begins to serve a connection, with a call of Open if open is set. The connection's lock is held.
	start(c *Conn, open bool)
	// wake has the engine look again at what the connection's state asks of it (see Conn.due): the handler was given up,
	// the loop drains, there is TLS to be begun, the queue has room again. The connection's lock is held.
	wake(c *Conn)
}

// defaultEngine serves all connections.
var defaultEngine engine = parkEngine{}
