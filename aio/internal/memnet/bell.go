package memnet

import "sync"

// A bell wakes the goroutines that wait for some state to change. The state
// and the bell are guarded by the same mutex. Unlike a sync.Cond it can be
// waited for together with a context.
type bell struct {
	ch chan struct{} // made by the first to wait, closed by ring
}

// ring wakes all who wait. The caller holds the mutex.
func (b *bell) ring() {
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}

// wait returns after the next ring. The caller holds mu, which is given up
// meanwhile.
func (b *bell) wait(mu *sync.Mutex) { b.waitOr(mu, nil) }

// waitOr is wait, and returns as well when done is closed.
func (b *bell) waitOr(mu *sync.Mutex, done <-chan struct{}) {
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	ch := b.ch
	mu.Unlock()
	defer mu.Lock()
	select {
	case <-ch:
	case <-done:
	}
}
