package beanstalk

import (
	"cmp"
	"context"
	"sync/atomic"
	"time"

	"goaio.example/aio"
)

// A command is a command of the protocol, from its request to its response. The
// pool's lock guards it.
type command struct {
	list       *commands // the list that it is in
	prev, next *command

	verb    *verb
	line    []byte // the bytes to send, including the body; nil once sent
	tube    string // the tube that must be used, "" for any
	about   string // a tube named by the command, for error texts
	id      uint64 // its job
	asker   asker
	state   commandState
	counted bool          // counted in the pool's queue
	size    int           // of line
	lasts   time.Duration // the server itself may take that long
	at      time.Time     // when it was sent
}

// commandState is the progress of a command:
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

// An asker is called once with the result of its command. It is called without
// the pool's lock, and must not block.
type asker interface {
	answered(w *wire, r *reply)
	failed(err error, sent bool)
}

// askFunc is an asker that is a function: r is nil unless err is nil.
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

// unlink removes the command from its list.
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

// A call is a command that a program has requested: an operation with a future.
type call[T any] struct {
	aio.Promise[T]
	command
	pool *pool
	job  *Job         // the job whose connection it uses; nil for others
	out  atomic.Int64 // bytes sent, for the loop's listings
	// makes the result from a response that is not an error
	take func(c *call[T], r *reply) (T, error)
}

// begin starts the operation of a call. It reports false if the future has
// already failed.
func (c *call[T]) begin(ctx context.Context, p *pool, kind aio.Kind, v *verb) bool {
	c.pool, c.verb, c.asker = p, v, c
	return c.Start(ctx, kind, "", c) == nil
}

// invalid returns the future of a call with an invalid argument.
func invalid[T any](client *Client, v *verb, tube string, id uint64, err error) *aio.Future[T] {
	return aio.Failed[T](&Error{Op: v.name, Addr: client.addr(), Tube: tube, ID: id, Err: err})
}

// errorFor returns err as an error of the command.
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

// OpCancel removes an unsent command from the queue. If the command was sent,
// its response is dropped when it arrives.
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

// OpBytes returns the number of bytes sent.
func (c *call[T]) OpBytes() (in, out int64) { return 0, c.out.Load() }
