package jobs

import (
	"context"
	"time"

	"goaio.example/aio"
)

// A Putter puts jobs into the queues of a broker. *Memory is one, and so are
// the clients of drivers. Its methods may be called from any goroutine.
type Putter interface {
	// Put hands a job to the broker. The future is the job's ID, and resolves
	// when the broker has the job: has confirmed it, and has stored it if it
	// stores jobs. Put does not block; what j refers to is not kept when it
	// returns.
	//
	// An error of CheckQueue or Encode, or the broker's refusal, means that the
	// job was not put. With any other error, of a connection that was lost or a
	// ctx that ended, the broker may have the job: to put it again is to risk
	// that it is done twice, by the same ID.
	Put(ctx context.Context, queue string, j Job) *aio.Future[ID]
}

// A Source hands out the jobs of one or more queues of a broker. Drivers make
// Sources; a Worker calls them, and closes its Source when it ends. Package
// jobstest tests what is said here.
//
// Reserve may be called by several goroutines at once.
type Source interface {
	// Reserve waits for a job, and leases it. The lease begins when the broker
	// hands the job out.
	//
	// It returns ErrNoJob when the broker has answered that there is none: a
	// sign of life, which a Source over a network gives at least every 10 s or
	// so while the queues are empty. Any other error means that the broker
	// cannot be reached, or refuses: Reserve does not wait for it to come back,
	// and the next call tries again.
	//
	// When ctx ends, Reserve returns soon: with a lease if it has one, else
	// with an error. A job that the broker has handed out meanwhile is put back
	// at once: it does not wait for the end of its lease.
	Reserve(ctx context.Context) (Lease, error)
	// Close ends the Source's connections. It is called once, when the last
	// lease is settled. A Reserve in progress returns with an error; jobs that
	// are leased still are the broker's to hand out again.
	Close(ctx context.Context) error
}

// A Lease is one delivery of a job: the right to work on it until the lease's
// time is over. Delete, Release and Bury settle it. Calls for one Lease do not
// overlap, those for different ones do.
//
// Each call returns when the broker has confirmed it, and soon after its ctx
// ends. Its error is, or wraps, ErrLeaseLost if the broker says that the lease
// has ended, or the connection that held it is closed. A broker need not notice
// that: JetStream takes each call for the delivery that is out at the time. So
// a Worker also takes a lease for lost when its time is over. After any other
// error the outcome is unknown, and the call may be made again. After a call
// that has settled the lease, there are none.
type Lease interface {
	// Delivery describes what was handed out. It does not change.
	Delivery() Delivery
	// Touch begins the lease's time anew.
	Touch(ctx context.Context) error
	// Delete takes the job from the broker: it is done. A lost lease need not
	// be an error here: a broker that still can takes the job from its queue.
	Delete(ctx context.Context) error
	// Release gives the job back, to be handed out after delay, to anyone. The
	// broker rounds delay up to its unit. With 0 it is handed out at once.
	Release(ctx context.Context, delay time.Duration) error
	// Bury takes the job from the queue as one that cannot be done, and keeps
	// it for people to look at if the broker can. why says why, for brokers
	// that note it.
	Bury(ctx context.Context, why error) error
}

// A Loser is a Lease that learns of its end without a call: when the connection
// that holds it breaks, say. A Worker then does not wait for the next Touch.
type Loser interface {
	// Lost returns a channel that is closed when the lease has ended without
	// having been settled.
	Lost() <-chan struct{}
}

// Delivery is a job as its broker hands it out.
type Delivery struct {
	// Queue is the queue that the job comes from.
	Queue string
	// Data is what was put: the output of Encode, or a job of others. It may be
	// kept.
	Data []byte
	// BrokerID is what the broker knows the job by: a job number of
	// beanstalkd's, a stream's sequence number. It is the job's ID if Data is
	// no envelope.
	BrokerID string
	// Attempts is how often the broker has handed the job out, as far as it
	// remembers, this time included. 0 means that it does not count.
	Attempts int
	// Lease is for how long the job is leased. 0 means that the lease does not
	// end.
	Lease time.Duration
}
