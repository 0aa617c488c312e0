package timer

import (
	"context"
	"time"
)

// NewTimer is Delay under the name of cl-async's "timer", which is deprecated
// there too.
//
// Deprecated: use Delay.
func NewTimer(ctx context.Context, d time.Duration, fn func(ctx context.Context) error) *Timer {
	return Delay(ctx, d, fn)
}
