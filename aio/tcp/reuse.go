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

// A ListenConfig holds options for listening. The zero value listens as Listen
// does.
type ListenConfig struct {
	// ReusePort allows several listeners on one port: see Server.ReusePort.
	ReusePort bool
}

// Listen is the function Listen with this configuration. On systems without
// ReusePort, setting it results in an errors.ErrUnsupported.
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
	lc.SetMultipathTCP(false) // its sockets do not pass the filter of deafen on
	return lc, nil
}

// settleTime is how long a listener that shares its port still accepts after it
// went deaf: handshakes in progress have until then to complete.
const settleTime = 200 * time.Millisecond

// portShare handles the end of a listener that was opened as one of several on
// its port: the others do not get the connections that were on their way to it.
type portShare struct {
	is   atomic.Bool // one of several, and no other process has the socket
	once sync.Once
}

// leave makes ln get no new connections, accept those on their way already, and
// then close. It reports false, and does nothing, if ln shares no port. stopped
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
