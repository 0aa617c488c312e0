package beanstalk

import (
	"slices"

	"goaio.example/aio"
)

// setup makes a new connection watch the consumer's tubes.
func (on *consuming) setup() []*command {
	on.consumer.mu.Lock()
	tubes := on.consumer.list()
	on.changes = on.consumer.changes
	on.consumer.mu.Unlock()
	cmds := make([]*command, 0, len(tubes)+1)
	for _, t := range tubes {
		cmds = append(cmds, watchCommand(verbWatch, t))
	}
	if !slices.Contains(tubes, DefaultTube) {
		cmds = append(cmds, watchCommand(verbIgnore, DefaultTube))
	}
	return cmds
}

func watchCommand(v *verb, tube string) *command {
	return &command{verb: v, about: tube, line: line(v.name, tube)}
}

func (on *consuming) dialed(d *dialing, w *wire) bool {
	if on.dial != d {
		return false
	}
	on.dial, on.dry, on.burst = nil, false, 1
	if on.consumer.changed(on.changes) {
		on.pump()
		return false
	}
	on.wires = append(on.wires, w)
	on.settled(w)
	return true
}

func (on *consuming) dialFailed(d *dialing, err error) {
	if on.dial == d {
		on.dial = nil
		on.failAll(err)
		on.forget()
	}
}

func (on *consuming) settled(w *wire) {
	if w.useful {
		on.futile = 0
	}
	on.pump()
	if w.dead == nil && (on.pool.drained || on.consumer.isClosed()) {
		on.release(w)
	}
}

func (on *consuming) release(w *wire) {
	if w.free() {
		w.quit()
	}
}

func (on *consuming) closeIdle() {
	for _, w := range slices.Clone(on.wires) {
		on.release(w)
	}
}

// changed reports whether the list of tubes has changed since.
func (c *Consumer) changed(since int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changes != since
}

func (c *Consumer) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// close ends what waits, and closes unused connections.
func (on *consuming) close() {
	on.pool.lock()
	defer on.pool.unlock()
	on.failAll(aio.ErrClosed)
	on.pump()
	on.closeIdle()
}
