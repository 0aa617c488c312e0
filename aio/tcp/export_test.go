package tcp

// Engines are the engines, by name. Each must pass the contract tests.
var Engines = map[string]bool{"park": false, "poll": true}

// UseEngine has an engine serve the handlers of all servers started until
// restore is called.
func UseEngine(name string) (restore func()) {
	old := bareWanted
	bareWanted = Engines[name]
	return func() { bareWanted = old }
}

// Readers returns the number of Reads under way.
func Readers(c *Conn) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peek().reads.underWay
}

// KeptFrame returns how much is kept of a frame that has come in part, and how
// much memory that takes.
func KeptFrame(c *Conn) (n, memory int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	part := c.peek().frames.part.buf
	return len(part), cap(part)
}

// HasExtra reports whether a connection has state that most never need.
func HasExtra(c *Conn) bool { return c.x.Load() != nil }

// Told reports whether a connection's engine rests, having told the handler of
// the peer's end.
func Told(c *Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.in.peer == peerTold && c.in.doing == resting
}
