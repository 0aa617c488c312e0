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
	firstPause = 5 * time.Millisecond // after an error of accepting; doubled for each that follows
	lastPause  = time.Second
)

// acceptor accepts connections until it is told to stop. It neither spins nor
// gives up when accepting fails.
type acceptor struct {
	ln     net.Listener
	accept func() (net.Conn, error) // accepts from ln
	stop   <-chan struct{}
	report func(error) // told of the first error of a row
	spare  spareFile
}

// run gives each connection to serve. It returns when the listener is closed or
// ctx ends.
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

// wait waits for d. It reports false if the acceptor is told to stop meanwhile.
func (a *acceptor) wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-a.stop:
		return true // accept gives what is queued, then says that the listener is closed
	case <-ctx.Done():
		return false
	}
}

// shed closes one of the waiting connections, when there is no file descriptor
// to serve it with: its peer learns at once that it is not served, rather than
// after a timeout.
func (a *acceptor) shed() {
	if a.spare.close() {
		refuseOne(a.ln)
	}
	a.spare.open()
}

// spareFile is a file descriptor kept for the moment when there are no more.
type spareFile struct{ f *os.File }

func (s *spareFile) open() { s.f, _ = os.Open(os.DevNull) } // without one, nothing is shed

func (s *spareFile) close() bool {
	if s.f == nil {
		return false
	}
	s.f.Close()
	s.f = nil
	return true
}

// processSlots bounds the accepted connections of the process: 80% of what it
// may have open. It is set up on first use.
var processSlots = sync.OnceValue(func() *slots { return newSlots(maxOpenFiles() / 5 * 4) })
