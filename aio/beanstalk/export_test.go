package beanstalk

// Consumers returns how many consumers the client has records of.
func Consumers(c *Client) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.pools {
		p.mu.Lock()
		n += len(p.consumers)
		p.mu.Unlock()
	}
	return n
}
