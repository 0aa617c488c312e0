// Package bell wakes goroutines that wait for some state to change.
package bell

import (
	"sync"
	"time"
)

// A Bell wakes the goroutines that wait for some state to change. One mutex
// guards the state and the Bell; it must be held when a method is called.
// Unlike a sync.Cond, a Bell can be waited for together with other channels. It
// takes one word while no goroutine waits, and works in a synctest bubble. The
// zero Bell is ready for use.
type Bell struct {
	ch chan struct{} // made by the first waiter, closed by Ring
}

// Ring wakes all waiting goroutines.
func (b *Bell) Ring() {
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}

// C returns a channel that is closed by the next Ring.
func (b *Bell) C() <-chan struct{} {
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

// Awaited reports whether a channel was asked for since the last Ring.
func (b *Bell) Awaited() bool { return b.ch != nil }

// Wait returns after the next Ring. It unlocks mu while it waits.
func (b *Bell) Wait(mu *sync.Mutex) { b.WaitOr(mu, nil) }

// WaitOr is like Wait, and also returns when done is closed.
func (b *Bell) WaitOr(mu *sync.Mutex, done <-chan struct{}) {
	ch := b.C()
	mu.Unlock()
	defer mu.Lock()
	select {
	case <-ch:
	case <-done:
	}
}

// Past is a deadline that has passed. Setting the deadline of a net.Conn or an
// os.File to it wakes the goroutines that wait for that.
var Past = time.Unix(1, 0)
