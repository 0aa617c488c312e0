package transport

import (
	"net"
	"sync"

	"goaio.example/aio/internal/bell"
)

// Interrupt ends reads and writes on connections. The zero Interrupt is ready
// to use. Its methods may be called from any goroutine.
type Interrupt struct {
	mu    sync.Mutex
	conns []net.Conn
	room  [2]net.Conn
	cause error
}

// hold makes the interrupt end c's reads and writes, until release. After Fire
// it returns the cause. The caller must not change c's deadlines meanwhile.
func (i *Interrupt) hold(c net.Conn) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.cause != nil {
		return i.cause
	}
	if i.conns == nil {
		i.conns = i.room[:0]
	}
	i.conns = append(i.conns, c)
	return nil
}

// release reverses hold.
func (i *Interrupt) release(c net.Conn) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for k := range i.conns {
		if i.conns[k] == c {
			last := len(i.conns) - 1
			i.conns[k], i.conns[last] = i.conns[last], nil
			i.conns = i.conns[:last]
			return
		}
	}
}

// Fire ends the present and future reads and writes. Only the first call has an
// effect, and sets the cause.
func (i *Interrupt) Fire(cause error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.cause != nil {
		return
	}
	i.cause = cause
	for _, c := range i.conns {
		setDeadline(c, bell.Past)
	}
}

// Fired returns the cause given to Fire, or nil before Fire.
func (i *Interrupt) Fired() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.cause
}
