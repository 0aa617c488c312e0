package beanstalk

import (
	"cmp"
	"context"
	"sync/atomic"
	"time"

	"goaio.example/aio"
)

// A command is one of the protocol, from when it is asked for to its answer.
// The pool's lock guards it.
type command struct {
	list       *commands // that it is in
	prev, next *command

	verb    *verb
	line    []byte // what is sent, the body included; nil once it is
	tube    string // that must be used, "" for any
	about   string // a tube that is named by the command, for people
	id      uint64 // the job that it is about
	asker   asker
	state   commandState
	counted bool          // in the pool's queue
	size    int           // of line
	lasts   time.Duration // the server may take that long by itself
	at      time.Time     // when it was sent
}

// commandState is how far a command has come:
//
//	new ─► held ─► sent ─► over
//	  └──────┴───────────────┘
//
// Only a held command is in a list of a lane, and only a sent one in a wire's.
type commandState uint8

const (
	commandNew commandState = iota
	commandHeld
	commandSent
	commandOver
)

// An asker is told once what has become of its command. It is called without
// the pool's lock, and must not block.
type asker interface {
	answered(w *wire, r *reply)
	failed(err error, sent bool)
}

// askFunc is an asker that is one function: r is nil if err is not.
type askFunc func(w *wire, r *reply, err error)

func (f askFunc) answered(w *wire, r *reply)  { f(w, r, r.word.errorOf()) }
func (f askFunc) failed(err error, sent bool) { f(nil, nil, err) }

// commands is a list of commands.
type commands struct {
	first, last *command
	n           int
}

func (l *commands) push(c *command) {
	c.list, c.prev, c.next = l, l.last, nil
	if l.last == nil {
		l.first = c
	} else {
		l.last.next = c
	}
	l.last = c
	l.n++
}

func (l *commands) pushFront(c *command) {
	c.list, c.prev, c.next = l, nil, l.first
	if l.first == nil {
		l.last = c
	} else {
		l.first.prev = c
	}
	l.first = c
	l.n++
}

func (l *commands) pop() *command {
	c := l.first
	if c != nil {
		c.unlink()
	}
	return c
}

// unlink takes the command out of its list.
func (c *command) unlink() {
	l := c.list
	if c.prev == nil {
		l.first = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next == nil {
		l.last = c.prev
	} else {
		c.next.prev = c.prev
	}
	c.list, c.prev, c.next = nil, nil, nil
	l.n--
}

// A call is a command that a program has asked for: an operation with a future.
type call[T any] struct {
	aio.Promise[T]
	command
	pool *pool
	job  *Job                                  // whose connection it goes by; nil for others
	out  atomic.Int64                          // bytes that were sent, for the loop's listings
	take func(c *call[T], r *reply) (T, error) // makes the result of an answer that is no error
}

// begin starts the operation of a call. It reports false if the future has
// failed already.
func (c *call[T]) begin(ctx context.Context, p *pool, kind aio.Kind, v *verb) bool {
	c.pool, c.verb, c.asker = p, v, c
	return c.Start(ctx, kind, "", c) == nil
}

// invalid returns the future of a call whose argument is wrong.
func invalid[T any](client *Client, v *verb, tube string, id uint64, err error) *aio.Future[T] {
	return aio.Failed[T](&Error{Op: v.name, Addr: client.addr(), Tube: tube, ID: id, Err: err})
}

// errorFor returns the error of the command.
func (c *command) errorFor(p *pool, err error, sent bool) *Error {
	return &Error{Op: c.verb.name, Addr: p.client.addr(), Tube: cmp.Or(c.tube, c.about), ID: c.id, Err: err, Unanswered: sent}
}

func (c *call[T]) answered(_ *wire, r *reply) {
	if c.job != nil {
		if err := c.job.heard(&c.command, r.word); err != nil {
			c.Reject(err)
			return
		}
	}
	if err := r.word.errorOf(); err != nil {
		c.Reject(c.errorFor(c.pool, err, false))
		return
	}
	v, err := c.take(c, r)
	if err != nil {
		c.RejectWith(v, c.errorFor(c.pool, err, false))
		return
	}
	c.Resolve(v)
}

func (c *call[T]) failed(err error, sent bool) {
	if c.job != nil {
		c.Reject(c.job.unheard(&c.command, err, sent))
		return
	}
	c.Reject(c.errorFor(c.pool, err, sent))
}

// OpCancel takes a command that was not sent out of the queue. The answer of
// one that was is dropped when it comes.
func (c *call[T]) OpCancel(cause error) {
	c.pool.lock()
	was := c.state
	c.pool.drop(&c.command)
	c.pool.unlock()
	c.Reject(c.errorFor(c.pool, cause, was == commandSent))
}

// OpName names the operation in listings.
func (c *call[T]) OpName() string {
	switch {
	case c.id != 0:
		return c.verb.name + " job " + formatID(c.id)
	case c.tube != "" || c.about != "":
		return c.verb.name + " " + cmp.Or(c.tube, c.about)
	}
	return c.verb.name
}

// OpBytes tells what was sent.
func (c *call[T]) OpBytes() (in, out int64) { return 0, c.out.Load() }
