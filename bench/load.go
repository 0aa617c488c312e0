package main

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// load is a number of connections to a server, each of which sends a request,
// waits for the answer, and sends the next. They are driven by one or two
// threads with an epoll instance each.
type load struct {
	target target
	mix    mix
	loops  []*loadLoop
	wg     sync.WaitGroup
	stop   atomic.Bool
}

// mix is which requests of a load are others than the usual one. The latency
// of those does not count. The zero mix is none.
type mix struct {
	request []byte
	every   int // one in so many, at random
}

// loadConn is a connection of a load.
type loadConn struct {
	fd      int
	request []byte
	sealer  *sealer // nil without TLS
	out     []byte  // the request as it is sent
	ready   int     // bytes of the request that may be sent
	sent    int     // bytes of the request that the kernel has
	got     int     // bytes of the answer that are here
	busy    bool    // a request is under way
	quiet   bool    // its latency does not count
	began   int64   // when the request should have been sent, in ns of now
}

// newLoad makes conns connections, and checks that each one answers.
func newLoad(t target, conns, threads int) (*load, error) {
	l := &load{target: t}
	for range min(threads, conns) {
		loop, err := newLoadLoop(l)
		if err != nil {
			l.close()
			return nil, err
		}
		l.loops = append(l.loops, loop)
	}
	buf := make([]byte, t.answer)
	for i := range conns {
		loop := l.loops[i%len(l.loops)]
		if err := loop.connect(i, buf); err != nil {
			l.close()
			return nil, fmt.Errorf("connection %d: %w", i, err)
		}
		if i == 0 && len(t.request) == t.answer && !bytes.Equal(t.request, buf) {
			l.close()
			return nil, errors.New("the echo is not what was sent")
		}
	}
	for _, loop := range l.loops {
		if err := loop.watch(); err != nil {
			l.close()
			return nil, err
		}
	}
	return l, nil
}

// close closes the connections. The load does not run any more.
func (l *load) close() {
	for _, loop := range l.loops {
		for _, c := range loop.conns {
			reset(c.fd)
		}
		unix.Close(loop.epoll)
	}
}

// closeLoads closes the connections of loads.
func closeLoads(loads map[string]*load) {
	for _, l := range loads {
		l.close()
	}
}

// start begins to send: as fast as the answers come, or rate requests a second
// in all, each at its time, if rate is not zero.
func (l *load) start(rate float64) {
	l.stop.Store(false)
	for _, loop := range l.loops {
		l.wg.Go(func() { loop.run(rate / float64(len(l.loops))) })
	}
}

// finish ends what start began. What has been sent may be answered when the
// load is started again.
func (l *load) finish() error {
	l.stop.Store(true)
	l.wg.Wait()
	var errs []error
	for _, loop := range l.loops {
		errs = append(errs, loop.err)
	}
	return errors.Join(errs...)
}

func (l *load) answers() (n int64) {
	for _, loop := range l.loops {
		n += loop.answers.Load()
	}
	return n
}

// measure runs the load for warmUp and then window, and reports what the server
// did in window.
func (l *load) measure(server *child, rate float64, warmUp, window time.Duration) (*tally, error) {
	l.start(rate)
	time.Sleep(warmUp)
	t, err := l.window(server, window)
	if err := errors.Join(err, l.finish()); err != nil {
		return nil, err
	}
	return t, nil
}

// window tells what the server has done within a window of time. The load runs.
func (l *load) window(server *child, window time.Duration) (*tally, error) {
	t, err := observe(server, l.answers, 0, window, func() {
		for _, loop := range l.loops {
			loop.latency.begin()
		}
	})
	for _, loop := range l.loops {
		h := loop.latency.end()
		if err == nil {
			t.latency.merge(h)
		}
	}
	return t, err
}

// observe looks at a server that is being used: how much is done, as count
// says, and with how much CPU time, in the window after the warm-up. It calls
// begin in between.
func observe(server *child, count func() int64, warmUp, window time.Duration, begin func()) (*tally, error) {
	time.Sleep(warmUp)
	begin()
	n, start := count(), time.Now()
	cpu, err := server.cpu()
	if err != nil {
		return nil, err
	}
	time.Sleep(window)
	after, err := server.cpu()
	return &tally{n: count() - n, wall: time.Since(start), cpu: after - cpu}, err
}
