package tcp

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// slots bounds the number of connections. A nil *slots means no bound.
type slots struct{ sem *semaphore.Weighted }

// newSlots returns slots for n connections, or no bound if n <= 0.
func newSlots(n int) *slots {
	if n <= 0 {
		return nil
	}
	return &slots{semaphore.NewWeighted(int64(n))}
}

// take waits for a slot. It reports false when ctx ends first.
func (s *slots) take(ctx context.Context) bool { return s == nil || s.sem.Acquire(ctx, 1) == nil }

// tryTake takes a slot if there is one.
func (s *slots) tryTake() bool { return s == nil || s.sem.TryAcquire(1) }

// give returns a slot.
func (s *slots) give() {
	if s != nil {
		s.sem.Release(1)
	}
}
