package tcp

import (
	"errors"

	"goaio.example/aio"
)

// A connection's operation ends when the connection is closed and neither its
// goroutines nor an engine need it: refs counts those that do.

// retain counts a goroutine of the connection. It reports false if the
// connection has ended.
func (c *Conn) retain() bool {
	for {
		n := c.refs.Load()
		if n == 0 {
			return false
		}
		if c.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// letGo uncounts a goroutine, or the open connection itself. The last one ends
// the operation.
func (c *Conn) letGo() {
	if c.refs.Add(-1) == 0 {
		c.stopAlarm()
		c.giveSlot()
		c.op.End(c.peek().endErr)
	}
}

// died ends a connection after one of its goroutines panicked or called
// runtime.Goexit. A panic has been reported; the operation's end reports
// Goexit.
func (c *Conn) died(err error) {
	if errors.Is(err, aio.ErrGoexit) {
		c.mu.Lock()
		c.extra().endErr = err
		c.mu.Unlock()
	}
	c.endForced(err)
}

// run runs fn in a goroutine of the connection. A panic or Goexit in it ends
// the connection. It reports false, and does nothing, if the connection has
// ended.
func (c *Conn) run(fn func()) bool { return c.runElse(fn, func() {}) }

// runElse is run, and calls gone after a panic or Goexit in fn has ended the
// connection.
func (c *Conn) runElse(fn, gone func()) bool {
	return c.runDying(fn, func(err error) {
		c.died(err)
		gone()
	})
}

// runDying is run, and calls died after a panic or Goexit in fn.
func (c *Conn) runDying(fn func(), died func(error)) bool {
	if !c.retain() {
		return false
	}
	c.op.Go(func() {
		fn()
		c.letGo()
	}, func(err error) {
		died(err)
		c.letGo()
	})
	return true
}

// engineDied ends a connection whose engine has ended by a panic or Goexit. If
// a callback has hijacked the connection and set a new handler, it continues
// with that.
func (c *Conn) engineDied(err error) {
	c.mu.Lock()
	closing := !c.life.open() && c.in.marks&markTaken != 0
	c.mu.Unlock()
	if !closing {
		c.died(err)
	}
}
