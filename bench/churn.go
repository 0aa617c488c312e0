package main

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// churn is connections that are made, send a request, read the answer and are
// closed, a few at a time on each of two threads.
type churn struct {
	target target
	wg     sync.WaitGroup
	stop   atomic.Bool
	made   atomic.Int64 // numbers the connections
	done   atomic.Int64
	mu     sync.Mutex
	err    error
}

// start begins with width connections at a time on each thread. A churn can be
// started again.
func (c *churn) start(threads, width int) {
	c.stop.Store(false)
	for range threads {
		c.wg.Go(func() {
			if err := c.run(width); err != nil {
				c.mu.Lock()
				c.err = errors.Join(c.err, err)
				c.mu.Unlock()
			}
		})
	}
}

func (c *churn) finish() error {
	c.stop.Store(true)
	c.wg.Wait()
	return c.err
}

// run is a thread. At the end it waits for what is under way.
func (c *churn) run(width int) error {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("epoll_create1: %w", err)
	}
	defer unix.Close(epoll)
	for range width {
		if err := c.begin(epoll); err != nil {
			return err
		}
	}
	events, buf := make([]unix.EpollEvent, width), make([]byte, c.target.answer)
	last := time.Now()
	for open := width; open > 0; {
		n, err := epollWait(epoll, events, time.Second)
		if err != nil {
			return err
		}
		if n > 0 {
			last = time.Now()
		} else if time.Since(last) > 10*time.Second {
			return errors.New("nothing came within 10 s")
		}
		for _, ev := range events[:n] {
			if err := c.end(int(ev.Fd), buf); err != nil {
				return err
			}
			if c.stop.Load() {
				open--
			} else if err := c.begin(epoll); err != nil {
				return err
			}
		}
	}
	return nil
}

// begin makes a connection and sends the request.
func (c *churn) begin(epoll int) error {
	fd, err := c.target.dial(int(c.made.Add(1)))
	if err != nil {
		return err
	}
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	if _, err := unix.Write(fd, c.target.request); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// end reads the answer, the beginning of which is there, and closes the
// connection.
func (c *churn) end(fd int, buf []byte) error {
	if err := readFull(fd, buf); err != nil {
		return err
	}
	c.done.Add(1)
	return unix.Close(fd)
}

// measure runs the churn for warmUp and then window, and reports what the
// server did in window.
func (c *churn) measure(server *child, threads, width int, warmUp, window time.Duration) (*tally, error) {
	c.start(threads, width)
	t, err := observe(server, c.done.Load, warmUp, window, func() {})
	return t, errors.Join(err, c.finish())
}

// discard closes sockets with a reset.
func discard(fds []int) {
	for _, fd := range fds {
		reset(fd)
	}
}
