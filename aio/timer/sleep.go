package timer

import (
	"context"
	"time"
)

// Sleep returns nil after d, or context.Cause(ctx) as soon as ctx ends. With a
// d of 0 or less it does not wait, and returns the cause if ctx has ended.
// Sleep blocks its caller and is not an operation. It needs no loop. A nil ctx
// does not end.
func Sleep(ctx context.Context, d time.Duration) error {
	if ctx == nil {
		ctx = context.Background()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
