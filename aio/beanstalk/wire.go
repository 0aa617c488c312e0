package beanstalk

import (
	"fmt"
	"io"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
	"goaio.example/aio/internal/yield"
	"goaio.example/aio/tcp"
)

// A wire is a connection, in tcp's handler style: it has no goroutine. Commands
// are answered in the order in which they were sent. Only data touches the
// parser; the pool's lock guards the rest.
type wire struct {
	pool   *pool
	c      *tcp.Conn
	parser parser
	alarm  alarm.Alarm

	owner    owner
	sent     commands      // unanswered commands
	out      []byte        // bytes to send
	spare    []byte        // buffer of the last send, for reuse
	flushing bool          // a goroutine sends, or is about to
	yielder  yield.Yielder // of that goroutine
	taking   bool          // data is running, and flushes at its end
	dead     error         // why it has ended
	useful   bool          // its owner has got a response
	due      time.Duration
	alert    time.Duration // when the alarm is set for; 0: it is not

	// Used by consumers.
	jobs    map[uint64]*Job // jobs that it has reserved
	asks    int             // unanswered reserves that do not wait
	blocked *command        // the reserve that waits
	stale   bool            // its list of tubes is outdated
}

// An owner uses a wire. Its methods are called with the lock held.
type owner interface {
	settled(w *wire) // responses have arrived, or a job is finished
	lost(w *wire)    // it has ended, w.dead says why
	release(w *wire) // nothing uses it: close it
}

func newWire(p *pool, o owner) *wire {
	w := &wire{pool: p, owner: o, jobs: make(map[uint64]*Job)}
	w.parser.maxJob = p.client.maxJobSize()
	w.alarm.Init(w)
	return w
}

func (w *wire) handler() tcp.Handler {
	return tcp.Handler{Open: w.opened, Data: w.data, Event: w.event, Closed: w.closed}
}

func (w *wire) opened(c *tcp.Conn) {
	w.pool.lock()
	defer w.pool.unlock()
	if w.c == nil {
		w.c = c
	}
}

// put sends a command. The lock is held, and the wire is not dead.
func (w *wire) put(c *command) {
	c.state, c.at = commandSent, time.Now()
	w.out = append(w.out, c.line...)
	c.line = nil
	w.sent.push(c)
	if w.sent.n == 1 {
		w.rearm()
	}
	w.soil()
}

// soil schedules the sending of out.
func (w *wire) soil() {
	if !w.flushing && !w.taking {
		w.flushing = true
		w.pool.dirty = append(w.pool.dirty, w)
	}
}

// flush sends the bytes in out. If responses are outstanding, goroutines that
// have just got theirs are about to send more commands: flush lets these run
// first, so that their commands go out together.
func (w *wire) flush() {
	w.pool.mu.Lock()
	if w.sent.n > 1 {
		w.pool.mu.Unlock()
		w.yielder.Yield()
		w.pool.mu.Lock()
	}
	for len(w.out) > 0 {
		buf := w.out
		w.out, w.spare = w.spare[:0], nil
		w.pool.mu.Unlock()
		w.send(buf)
		w.pool.mu.Lock()
		if cap(buf) <= maxSpare {
			w.spare = buf
		}
	}
	w.flushing = false
	w.pool.mu.Unlock()
}

// send sends bytes. If that fails, the connection ends or has ended, and has the
// error for event or closed: that of the send is not a lost one.
func (w *wire) send(p []byte) {
	f := w.c.Send(p)
	if _, err := f.Result(); err == aio.ErrPending {
		f.AfterFunc(func() { f.Result() })
	}
}

// maxSpare bounds the buffer kept for reuse.
const maxSpare = 64 << 10

// data handles arrived bytes.
func (w *wire) data(_ *tcp.Conn, p []byte) {
	w.pool.lock()
	w.taking = true
	w.pool.unlock()
	err := w.take(p)
	w.pool.lock()
	defer w.pool.unlock()
	w.taking = false
	switch {
	case err != nil:
		w.kill(w.broken(err))
	case w.dead == nil:
		w.owner.settled(w)
		if w.dead == nil {
			w.rearm()
			if len(w.out) > 0 {
				w.soil()
			}
		}
	}
}

// take handles the responses in p.
func (w *wire) take(p []byte) error {
	for len(p) > 0 {
		n, r, done, err := w.parser.next(p)
		if err != nil {
			return err
		}
		p = p[n:]
		if !done {
			return nil
		}
		w.pool.lock()
		c := w.sent.pop()
		ended := w.dead != nil
		if c != nil {
			w.pool.over(c)
		}
		accepted := c != nil && c.accepts(&r)
		w.useful = w.useful || accepted
		w.pool.unlock()
		switch {
		case ended:
			return nil
		case c == nil:
			return fmt.Errorf("%w: a response without a command", ErrProtocol)
		}
		if !accepted {
			err := w.broken(fmt.Errorf("%w: a response that does not belong to %s", ErrProtocol, c.verb.name))
			w.fail(err)
			c.asker.failed(err, true)
			return nil
		}
		if c.verb == verbPut && (r.word == wordBadFormat || r.word == wordUnknownCommand) {
			// The server would take the body for commands.
			w.fail(w.broken(fmt.Errorf("%w: a put was refused before its body", ErrProtocol)))
		}
		c.asker.answered(w, &r)
	}
	return nil
}

// broken returns the condition of a connection that is given up.
func (w *wire) broken(err error) error {
	return aio.NewConnError("read", w.c.RemoteAddr().Network(), w.pool.client.addr(), w.c.FD(), err)
}

// accepts reports whether r may be the response to the command.
func (c *command) accepts(r *reply) bool {
	switch {
	case anyCommand.has(r.word):
		return true
	case !c.verb.answers.has(r.word):
		return false
	}
	switch c.verb {
	case verbUse:
		return r.name == c.tube
	case verbPeek, verbReserveJob:
		return r.id == c.id || r.word == wordNotFound
	}
	return true
}

// event is called with the connection's condition.
func (w *wire) event(c *tcp.Conn, err error) {
	if c == nil {
		return // the dial returns it
	}
	if aio.IsInfo(err) { // an unexpected end
		err = w.broken(io.ErrUnexpectedEOF)
	}
	w.fail(err)
}

// closed is called at the connection's end.
func (w *wire) closed(_ *tcp.Conn, err error) {
	if err == nil {
		err = aio.ErrClosed
	}
	w.fail(err)
}

// fail ends the wire.
func (w *wire) fail(err error) {
	w.pool.lock()
	defer w.pool.unlock()
	w.kill(err)
}

// kill ends the wire. Unanswered commands fail, and its jobs are lost. The lock
// is held.
func (w *wire) kill(err error) {
	if w.dead != nil {
		return
	}
	sent, conn := w.bury(err), w.c
	w.pool.do(func() {
		if conn != nil { // otherwise it ended before it was opened
			conn.Abort() // fails only on a connection that has ended
		}
		for c := sent.first; c != nil; {
			next := c.next // the asker may reuse the command
			c.asker.failed(err, true)
			c = next
		}
	})
}

// bury marks the wire as dead, and returns the unanswered commands.
func (w *wire) bury(err error) commands {
	w.dead = err
	sent := w.sent
	w.sent = commands{}
	for c := sent.first; c != nil; c = c.next {
		w.pool.over(c)
		c.list = nil
	}
	for _, j := range w.jobs {
		j.lose()
	}
	w.jobs = nil
	alarm.Of(&w.pool.op).Stop(&w.alarm)
	w.owner.lost(w)
	return sent
}

// quit closes an unused wire. The lock is held.
func (w *wire) quit() {
	if w.dead != nil {
		return
	}
	w.useful = true // it did not fail
	w.bury(aio.ErrClosed)
	w.pool.do(func() {
		w.send([]byte("quit\r\n"))
		w.c.CloseAfterFlush() // fails only on a connection that has ended
	})
}

// free reports whether the wire is unused.
func (w *wire) free() bool { return w.sent.n == 0 && len(w.jobs) == 0 }
