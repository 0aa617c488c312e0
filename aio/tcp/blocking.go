package tcp

import "time"

// processStart is what connOptions.blocking counts from.
var processStart = time.Now()

// blockingTime is how long a handler that has blocked is taken for one that blocks.
const blockingTime = time.Second

// setBlocks notes that a callback has blocked just now: for a while those of all connections with these options get a
// goroutine each.
func (o *connOptions) setBlocks() { o.blocking.Store(int64(time.Since(processStart) + blockingTime)) }

// blocks reports whether callbacks have blocked lately.
func (o *connOptions) blocks() bool {
	until := o.blocking.Load()
	return until != 0 && int64(time.Since(processStart)) < until
}
