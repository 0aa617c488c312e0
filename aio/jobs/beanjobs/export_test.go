package beanjobs

import (
	"context"

	"goaio.example/aio/jobs"
)

// Nudge has the server hear from the connection of a lease.
func Nudge(ctx context.Context, l jobs.Lease) {
	// fails once the lease has ended
	_, _ = l.(*lease).job.Stats(ctx).Await(ctx)
}
