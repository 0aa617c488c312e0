package tcp

// Engines are the engines, by name. Each must pass the contract tests.
var Engines = map[string]engine{"park": parkEngine{}}

// UseEngine has an engine serve all connections until restore is called. No connection may be open meanwhile.
func UseEngine(name string) (restore func()) {
	old := defaultEngine
	defaultEngine = Engines[name]
	return func() { defaultEngine = old }
}

// Readers returns the number of Reads under way.
func Readers(c *Conn) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peek().readers
}
