package jobs

import (
	"context"
	"time"

	"goaio.example/aio"
)

// A Putter puts jobs into the queues of a broker. *Memory is one, and so are
// the clients of drivers. Its methods are safe for concurrent use.
type Putter interface {
	// Put hands a job to the broker. The future's value is the job's ID. It
	// resolves when the broker has confirmed the job, and has stored it if it
	// stores jobs. Put does not block, and keeps nothing that j refers to after
	// it returns.
	//
	// An error of CheckQueue or Encode, or the broker's refusal, means that the
	// job was not put. With any other error, of a connection that was lost or a
	// ctx that ended, the broker may have the job: putting it again risks that
	// it is done twice, with the same ID.
	Put(ctx context.Context, queue string, j Job) *aio.Future[ID]
}

// A Source hands out the jobs of one or more queues of a broker. Drivers make
// Sources; a Worker calls them, and closes its Source when it ends. Package
// jobstest tests these rules.
//
// Reserve may be called by several goroutines at once.
type Source interface {
	// Reserve waits for a job, and leases it. The lease begins when the broker
	// hands the job out.
	//
	// It returns ErrNoJob when the broker has answered that there is none: a
	// sign of life, which a Source over a network gives about every 10 s while
	// the queues are empty. Any other error means that the broker cannot be
	// reached, or refuses: Reserve does not wait for it to recover, and the
	// next call tries again.
	//
	// When ctx ends, Reserve returns soon: with a lease if it has one, else
	// with an error. A job that the broker has handed out meanwhile is released
	// at once, without waiting for the end of its lease.
	Reserve(ctx context.Context) (Lease, error)
	// Close ends the Source's connections. It is called once, when the last
	// lease is settled. A Reserve in progress returns with an error; the broker
	// hands out jobs that are still leased again.
	Close(ctx context.Context) error
}

// A Lease is one delivery of a job: the right to work on it until the lease's
// time is over. Delete, Release and Bury settle it. Calls for one Lease do not
// overlap, those for different ones do.
//
// Each call returns when the broker has confirmed it, and soon after its ctx
// ends. Its error is, or wraps, ErrLeaseLost if the broker says that the lease
// has ended, or the connection that held it is closed. A broker need not notice
// that: JetStream applies each call to the current delivery. So a Worker also
// considers a lease lost when its time is over. After any other error the
// outcome is unknown, and the call may be repeated. There are no calls after
// one that has settled the lease.
type Lease interface {
	// Delivery describes the delivery. It does not change.
	Delivery() Delivery
	// Touch restarts the lease's time.
	Touch(ctx context.Context) error
	// Delete removes the job from the broker: it is done. A lost lease need not
	// be an error here: a broker that still can removes the job from its queue.
	Delete(ctx context.Context) error
	// Release makes the job available again after delay, to any worker. The
	// broker rounds delay up to its unit. With 0 it is available at once.
	Release(ctx context.Context, delay time.Duration) error
	// Bury removes the job from the queue as one that cannot be done, and keeps
	// it for inspection if the broker can. why is the reason, for brokers that
	// record it.
	Bury(ctx context.Context, why error) error
}

// A Loser is a Lease that learns of its end without a call, for example when
// the connection that holds it breaks. A Worker then does not wait for the next
// Touch.
type Loser interface {
	// Lost returns a channel that is closed when the lease has ended without
	// being settled.
	Lost() <-chan struct{}
}

// A Delivery is a job as its broker hands it out.
type Delivery struct {
	// Queue is the queue that the job comes from.
	Queue string
	// Data is what was put: the output of Encode, or a foreign job. It may be
	// kept.
	Data []byte
	// BrokerID is the broker's identifier of the job: a job number of
	// beanstalkd, a stream's sequence number. The job's ID is derived from it
	// if Data is not an envelope.
	BrokerID string
	// Attempts is how often the broker has handed the job out, as far as it
	// remembers, including this time. 0 means that it does not count.
	Attempts int
	// Lease is how long the job is leased. 0 means that the lease does not end.
	Lease time.Duration
}
