package tcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"goaio.example/aio"
)

// ListenConfig is how to listen. The zero value listens as Listen does.
type ListenConfig struct {
	// ReusePort has several listeners on one port: see Server.ReusePort.
	ReusePort bool
}

// Listen is the function Listen with this configuration. Where there is no
// ReusePort, the error of that is an errors.ErrUnsupported.
func (lc *ListenConfig) Listen(ctx context.Context, addr string) (*Listener, error) {
	ln, err := listen(ctx, addr, lc.ReusePort)
	if err != nil {
		return nil, err
	}
	return newListener(ctx, ln, lc.ReusePort)
}

// netConfig returns the standard library's configuration for a listener.
func netConfig(network string, reuse bool) (*net.ListenConfig, error) {
	lc := new(net.ListenConfig)
	switch {
	case !reuse:
		return lc, nil
	case network == "unix":
		return nil, fmt.Errorf("several listeners on one unix socket: %w", errors.ErrUnsupported)
	case reusePort == nil:
		return nil, fmt.Errorf("several listeners on one port: %w", errors.ErrUnsupported)
	}
	lc.Control = reusePort
	lc.SetMultipathTCP(false) // its sockets keep the filter of deafen to themselves
	return lc, nil
}

// settleTime is how long a listener that is one of several on its port still
// accepts after it went deaf: those whose handshake is under way then have
// until the close to complete it.
const settleTime = 200 * time.Millisecond

// portShare is what a listener that was opened as one of several on its port
// does before it closes, since the others do not get what comes to it.
type portShare struct {
	is   atomic.Bool // one of several, and no other process has the socket
	once sync.Once
}

// leave has ln get no new connections, accept what is on its way already, and
// close then. It reports false if ln shares no port, and does nothing. stopped
// is closed when the listener is.
func (p *portShare) leave(op *aio.Op, ln net.Listener, stopped <-chan struct{}, closeIt func()) bool {
	if !p.is.Load() {
		return false
	}
	p.once.Do(func() {
		if !deafen(ln) {
			closeIt()
			return
		}
		op.Go(func() {
			t := time.NewTimer(settleTime)
			defer t.Stop()
			select {
			case <-t.C:
				closeIt()
			case <-stopped:
			}
		}, op.Cancel)
	})
	return true
}
