package beanstalk

import "slices"

// lane is the connection that a client's commands share, and the commands that
// wait to be sent on it. Commands that need a certain tube are sent once the
// server has confirmed its use: if they were sent together with a use that then
// failed, a job would end up in another tube. Meanwhile all commands that need
// another tube gather, and go out together.
//
// The pool's lock guards it.
type lane struct {
	pool *pool
	w    *wire    // nil without a connection
	dial *dialing // makes a connection

	using string // the tube in use, "" if it is not known
	asked string // the tube requested from the server, "" if it has answered
	// one per tube waited for, each with at least one command
	queues []*tubeQueue
	futile int // successive connections that ended without a response
}

// tubeQueue holds the commands that need a tube, or none: "".
type tubeQueue struct {
	tube string
	held commands
}

// submit accepts a command. It returns an error if there is no room for it.
func (l *lane) submit(c *command) error {
	l.pool.lock()
	defer l.pool.unlock()
	if c.state != commandNew { // it was cancelled meanwhile
		return nil
	}
	c.size = len(c.line)
	if err := l.pool.admit(c); err != nil {
		l.pool.over(c)
		return err
	}
	if l.w != nil && l.fits(c.tube) {
		l.w.put(c)
		return nil
	}
	c.state = commandHeld
	l.queue(c.tube).held.push(c)
	l.pump()
	return nil
}

// fits reports whether a command that needs the tube can be sent.
func (l *lane) fits(tube string) bool { return tube == "" || l.asked == "" && l.using == tube }

// queue returns the queue of a tube.
func (l *lane) queue(tube string) *tubeQueue {
	for _, q := range l.queues {
		if q.tube == tube {
			return q
		}
	}
	q := &tubeQueue{tube: tube}
	l.queues = append(l.queues, q)
	return q
}

// pump sends the commands that can be sent, and makes a connection or changes
// the tube for the others.
func (l *lane) pump() {
	l.queues = slices.DeleteFunc(l.queues, func(q *tubeQueue) bool {
		if l.w != nil && l.fits(q.tube) {
			for c := q.held.pop(); c != nil; c = q.held.pop() {
				l.w.put(c)
			}
		}
		return q.held.n == 0
	})
	switch {
	case len(l.queues) == 0:
	case l.w == nil:
		if l.dial == nil {
			l.dial = startDial(l.pool, l, l.futile)
		}
	case l.asked == "":
		l.use(l.queues[0].tube)
	}
}

// use asks the server to use a tube.
func (l *lane) use(tube string) {
	l.asked = tube
	w := l.w
	w.put(&command{verb: verbUse, tube: tube, line: line("use", tube), asker: askFunc(func(_ *wire, _ *reply, err error) {
		l.used(w, tube, err)
	})})
}

// used handles the response to use.
func (l *lane) used(w *wire, tube string, err error) {
	l.pool.lock()
	defer l.pool.unlock()
	if l.w != w || w.dead != nil {
		return // the commands wait for the next connection
	}
	l.asked, l.using = "", tube
	if err != nil {
		l.using = "" // not a tube's name: it is requested again
		l.fail(err, tube)
	}
	l.pump()
}

// fail fails the commands that wait for a tube.
func (l *lane) fail(err error, tube string) {
	l.queues = slices.DeleteFunc(l.queues, func(q *tubeQueue) bool {
		if q.tube == tube {
			l.failAll(&q.held, err)
		}
		return q.tube == tube
	})
}

func (l *lane) failAll(held *commands, err error) {
	for c := held.pop(); c != nil; c = held.pop() {
		l.pool.over(c)
		l.pool.do(func() { c.asker.failed(err, false) })
	}
}

// dropped is called after a command was removed from its queue.
func (l *lane) dropped() {
	l.queues = slices.DeleteFunc(l.queues, func(q *tubeQueue) bool { return q.held.n == 0 })
	if len(l.queues) == 0 && l.dial != nil {
		l.dial.drop()
		l.dial = nil
	}
}

// setup returns nil: a new connection uses the tube default.
func (l *lane) setup() []*command { return nil }

// dialed takes a new connection.
func (l *lane) dialed(d *dialing, w *wire) bool {
	if l.dial != d {
		return false
	}
	l.dial, l.w, l.using, l.asked = nil, w, DefaultTube, ""
	l.pump()
	l.settled(w)
	return true
}

// dialFailed fails what waits for a connection.
func (l *lane) dialFailed(d *dialing, err error) {
	if l.dial != d {
		return
	}
	l.dial, l.futile = nil, 0
	for _, q := range l.queues {
		l.failAll(&q.held, err)
	}
	l.queues = nil
}

func (l *lane) settled(w *wire) {
	if w.useful {
		l.futile = 0
	}
	if l.pool.drained && w.free() {
		l.release(w)
	}
}

func (l *lane) lost(w *wire) {
	if l.w != w {
		return
	}
	l.w, l.asked = nil, ""
	if !w.useful {
		l.futile++
	}
	if most := l.pool.client.attempts(); most >= 0 && l.futile >= most {
		l.futile = 0
		for _, q := range l.queues {
			l.failAll(&q.held, w.dead)
		}
	}
	l.pump()
}

func (l *lane) release(w *wire) {
	if w.free() && len(l.queues) == 0 {
		w.quit()
	}
}

func (l *lane) closeIdle() {
	if l.w != nil {
		l.release(l.w)
	}
}
