package timer

import "context"

// A Limiter bounds how often something is done. The *rate.Limiter of
// golang.org/x/time/rate is one. Its methods may be called from many
// goroutines.
type Limiter interface {
	// Wait waits until one more may be done. It returns an error when ctx ends
	// first, or would end first.
	Wait(ctx context.Context) error
}
