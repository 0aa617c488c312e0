package main

import (
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

func init() { roles["c40k client"] = c40kClient }

// c40kClient connects as often as it is told to, and keeps the connections
// until it ends.
func c40kClient(c *control) error {
	addr, delay, err := c40kParameter()
	if err != nil {
		return err
	}
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return err
	}
	w := &waiters{target: target{addr: to, request: c40kRequest, answer: len(c40kAnswer)}, delay: delay, sent: map[int]int64{}}
	defer w.close()
	c.ready("")
	return c.serve(func(command string) (string, error) {
		var n, rate int
		if _, err := fmt.Sscanf(command, "run %d %d", &n, &rate); err != nil {
			return "", fmt.Errorf("%q: %w", command, err)
		}
		if err := w.run(n, time.Second/time.Duration(max(rate, 1))); err != nil {
			return "", err
		}
		return w.answered.encode()
	})
}

// waiters are connections that wait for their answers.
type waiters struct {
	target   target
	delay    time.Duration
	epoll    int
	sent     map[int]int64 // when, by descriptor; of those that wait
	fds      []int         // all
	answered tally
}

func (w *waiters) close() {
	discard(w.fds)
	unix.Close(w.epoll)
}

// run makes n connections, one each interval, and waits for their answers: for
// 10 s longer than they should take.
func (w *waiters) run(n int, interval time.Duration) (err error) {
	if w.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll_create1: %w", err)
	}
	due := now()
	end := due + int64(n)*int64(interval) + int64(w.delay+10*time.Second)
	for made := 0; made < n || len(w.sent) > 0 && now() < end; {
		for made < n && due <= now() {
			made++
			due += int64(interval)
			if err := w.begin(made); err != nil {
				return fmt.Errorf("connection %d: %w", made, err)
			}
		}
		pause := 20 * time.Millisecond
		if made < n {
			pause = time.Duration(due - now())
		}
		if err := w.wait(pause); err != nil {
			return err
		}
	}
	return nil
}

// begin connects and sends the request.
func (w *waiters) begin(i int) error {
	fd, err := w.target.dial(i)
	if err != nil {
		return err
	}
	w.fds = append(w.fds, fd)
	if err := unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	w.sent[fd] = now()
	if _, err := unix.Write(fd, w.target.request); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// wait takes what answers come, until d has passed.
func (w *waiters) wait(d time.Duration) error {
	var events [256]unix.EpollEvent
	n, err := epollWait(w.epoll, events[:], d)
	if err != nil {
		return err
	}
	buf := make([]byte, w.target.answer)
	for i := range n {
		w.answer(int(events[i].Fd), buf)
	}
	return nil
}

// answer takes an answer, or that there will be none: such a connection has
// failed.
func (w *waiters) answer(fd int, buf []byte) {
	t := now()
	began, waits := w.sent[fd]
	delete(w.sent, fd)
	if !waits || readFull(fd, buf) != nil {
		// What comes now is the end of the connection, of which the epoll
		// instance need not tell any more.
		_ = unix.EpollCtl(w.epoll, unix.EPOLL_CTL_DEL, fd, nil)
		return
	}
	w.answered.n++
	w.answered.latency.add(time.Duration(t-began) - w.delay)
}
