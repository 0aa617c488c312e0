package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// loadLoop is a thread of a load.
type loadLoop struct {
	load    *load
	epoll   int
	conns   []*loadConn
	buf     []byte
	answers atomic.Int64
	latency latencies
	random  *rand.Rand
	err     error

	// between two requests; 0: each comes when the connection is free
	interval time.Duration
	next     int64 // when the next is due
	turn     int   // whose turn it is

	halves []half // what is held back of requests, the oldest first
}

func newLoadLoop(l *load) (*loadLoop, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	return &loadLoop{load: l, epoll: fd, buf: make([]byte, 256<<10), random: rand.New(rand.NewPCG(1, uint64(len(l.loops))))}, nil
}

// connect makes the i-th connection of the load, and has an answer on it.
func (l *loadLoop) connect(i int, buf []byte) error {
	t := &l.load.target
	fd, err := t.dial(i)
	if err != nil {
		return err
	}
	c := &loadConn{fd: fd, request: t.request}
	l.conns = append(l.conns, c)
	if t.tls {
		if _, _, c.sealer, err = handshake(fd); err != nil {
			return err
		}
	}
	return exchange(fd, c.sealed(), buf)
}

// sealed is the request as it is sent next.
func (c *loadConn) sealed() []byte {
	if c.sealer == nil {
		return c.request
	}
	return c.sealer.seal(c.request)
}

// watch adds the connections to the epoll instance.
func (l *loadLoop) watch() error {
	for i, c := range l.conns {
		if err := unix.SetNonblock(c.fd, true); err != nil {
			return fmt.Errorf("O_NONBLOCK: %w", err)
		}
		ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLET&0xffffffff, Fd: int32(i)}
		if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, c.fd, &ev); err != nil {
			return fmt.Errorf("epoll_ctl: %w", err)
		}
	}
	return nil
}

// run drives the connections until the load stops. Its thread sleeps as exactly
// as it can.
func (l *loadLoop) run(rate float64) {
	// and never unlocked: the thread, which has another timer slack than
	// others, ends here
	runtime.LockOSThread()
	if rate > 0 || l.load.target.split > 0 {
		l.err = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	}
	if rate > 0 {
		l.interval, l.next = time.Duration(1e9/rate), now()
	} else {
		l.interval = 0
		for _, c := range l.conns {
			if !c.busy {
				l.request(c, now())
			}
		}
	}
	events := make([]unix.EpollEvent, 512)
	for l.err == nil && !l.load.stop.Load() {
		l.requestDue()
		l.halvesDue()
		n, err := l.wait(events)
		if err != nil {
			l.err = err
		}
		for i := range n {
			l.event(l.conns[events[i].Fd])
		}
	}
}

// requestDue sends what is due in a paced load, each on the next free
// connection. Without a free one it comes late.
func (l *loadLoop) requestDue() {
	for l.interval > 0 && l.next <= now() {
		c := l.free()
		if c == nil {
			return
		}
		l.request(c, l.next)
		l.next += int64(l.interval)
	}
}

// free returns the next connection that is not busy, nil without any.
func (l *loadLoop) free() *loadConn {
	for range l.conns {
		c := l.conns[l.turn]
		l.turn = (l.turn + 1) % len(l.conns)
		if !c.busy {
			return c
		}
	}
	return nil
}

// wait waits for events until the next request or a part of one is due, 50 ms
// at most.
func (l *loadLoop) wait(events []unix.EpollEvent) (int, error) {
	timeout := 50 * time.Millisecond
	if l.interval > 0 {
		timeout = min(timeout, max(time.Duration(l.next-now()), 0))
	}
	if len(l.halves) > 0 {
		timeout = min(timeout, max(time.Duration(l.halves[0].due-now()), 0))
	}
	return epollWait(l.epoll, events, timeout)
}

// request sends a request that was due at the time given.
func (l *loadLoop) request(c *loadConn, due int64) {
	c.busy, c.sent, c.got, c.began = true, 0, 0, due
	if m := &l.load.mix; m.every > 0 {
		if c.quiet = l.random.IntN(m.every) == 0; c.quiet {
			c.request = m.request
		} else {
			c.request = l.load.target.request
		}
	}
	c.out = c.sealed()
	c.ready = len(c.out)
	if split := l.load.target.split; split > 0 {
		c.ready = split
		l.halves = append(l.halves, half{c, now() + int64(pause)})
	}
	l.write(c)
}

// half is a request of which a part is held back.
type half struct {
	conn *loadConn
	due  int64
}

// halvesDue sends the parts that have been held back for long enough.
func (l *loadLoop) halvesDue() {
	for len(l.halves) > 0 && l.halves[0].due <= now() {
		c := l.halves[0].conn
		l.halves = l.halves[1:]
		c.ready = len(c.out)
		l.write(c)
	}
}

// write sends what the kernel takes of the request.
func (l *loadLoop) write(c *loadConn) {
	for c.sent < c.ready {
		n, err := unix.Write(c.fd, c.out[c.sent:c.ready])
		switch err {
		case nil:
			c.sent += n
		case unix.EAGAIN:
			return
		case unix.EINTR:
		default:
			l.fail("write", err)
			return
		}
	}
}

// event goes on with a connection for which something has come, or to which
// something can be written.
func (l *loadLoop) event(c *loadConn) {
	if c.busy {
		l.write(c)
	}
	for c.busy && l.err == nil {
		n, err := unix.Read(c.fd, l.buf)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return
		case err != nil:
			l.fail("read", err)
			return
		case n == 0:
			l.fail("read", io.ErrUnexpectedEOF)
			return
		}
		if c.got += n; c.got >= l.load.target.answer {
			l.answered(c)
			return
		}
		if n < len(l.buf) {
			return // more than that is a new event
		}
	}
}

// answered takes note of an answer, and sends the next request unless that has
// a time of its own.
func (l *loadLoop) answered(c *loadConn) {
	if c.got > l.load.target.answer {
		l.fail("read", fmt.Errorf("%d bytes where %d were expected", c.got, l.load.target.answer))
		return
	}
	l.answers.Add(1)
	t := now()
	if !c.quiet {
		l.latency.add(time.Duration(t - c.began))
	}
	c.busy = false
	if l.interval == 0 {
		l.request(c, t)
	}
}

func (l *loadLoop) fail(what string, err error) {
	if l.err == nil {
		l.err = fmt.Errorf("%s: %w", what, err)
	}
}

var epoch = time.Now()

// now returns the time in ns since some moment.
func now() int64 { return int64(time.Since(epoch)) }
