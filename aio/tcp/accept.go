package tcp

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"goaio.example/aio"
)

var kindAccept = aio.NewKind("tcp.accept")

const (
	// after an error of accepting; doubles with each further one
	firstPause = 5 * time.Millisecond
	lastPause  = time.Second
)

// acceptor accepts connections until it is stopped. If accepting fails it
// pauses and tries again.
type acceptor struct {
	ln     net.Listener
	accept func() (net.Conn, error) // accepts from ln
	stop   <-chan struct{}
	report func(error) // called with the first of successive errors
	spare  spareFile
}

// run passes each connection to serve. It returns when the listener is closed
// or ctx ends.
func (a *acceptor) run(ctx context.Context, serve func(net.Conn)) {
	a.spare.open()
	defer a.spare.close()
	pause := time.Duration(0)
	for {
		nc, err := a.accept()
		if err == nil {
			pause = 0
			serve(nc)
			continue
		}
		if errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
			return
		}
		if pause == 0 {
			a.report(aio.NewConnError("accept", a.ln.Addr().Network(), a.ln.Addr().String(), -1, err))
		}
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
			a.shed()
		}
		pause = min(max(2*pause, firstPause), lastPause)
		if !a.wait(ctx, pause) {
			return
		}
	}
}

// wait waits for d. It reports false if the acceptor is stopped meanwhile.
func (a *acceptor) wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-a.stop:
		// accept returns queued connections first, then that the listener is
		// closed
		return true
	case <-ctx.Done():
		return false
	}
}

// shed closes one of the waiting connections when there is no file descriptor
// to serve it with: its peer learns at once that it is not served, rather than
// after a timeout.
func (a *acceptor) shed() {
	if a.spare.close() {
		refuseOne(a.ln)
	}
	a.spare.open()
}

// spareFile is a file descriptor kept for when there are no more.
type spareFile struct{ f *os.File }

// without one, nothing is shed
func (s *spareFile) open() { s.f, _ = os.Open(os.DevNull) }

func (s *spareFile) close() bool {
	if s.f == nil {
		return false
	}
	s.f.Close()
	s.f = nil
	return true
}

// processSlots bounds the accepted connections of the process: 80% of the files
// that it may open. It is initialized on first use.
var processSlots = sync.OnceValue(func() *slots { return newSlots(maxOpenFiles() / 5 * 4) })
