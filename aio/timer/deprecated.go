package timer

import (
	"context"
	"time"
)

// NewTimer is Delay: cl-async's "timer", which was deprecated from the
// beginning.
//
// Deprecated: use Delay.
func NewTimer(ctx context.Context, d time.Duration, fn func(ctx context.Context) error) *Timer {
	return Delay(ctx, d, fn)
}
