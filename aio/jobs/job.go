package jobs

import (
	"crypto/rand"
	"maps"
	"time"
)

// An ID identifies a job across processes and deliveries. A handler looks it up
// to find out whether it has done the job already. It has 1 to 128 bytes of
// printable ASCII without spaces.
type ID string

// NewID returns a random ID of at least 128 bits.
func NewID() ID { return ID(rand.Text()) }

// A Job is a job, as it is put and as a Worker passes it to Handle. The zero
// value is a job with an empty body.
type Job struct {
	// ID is the job's deduplication ID. Put makes a new one if it is empty. To
	// put a job again, because a Put failed and may nevertheless have
	// succeeded, use the same ID. A job that was not made by this package has
	// an ID derived from its broker's (see Delivery.BrokerID).
	ID ID
	// Queue is the queue that the job was put into. Put sets it.
	Queue string
	// Type is the media type of Body, such as "application/json": up to 128
	// bytes of printable ASCII. It may be empty.
	Type string
	// Body is the job itself. A broker bounds its size: beanstalkd's default is
	// 65,535 bytes with the envelope, that of NATS 1 MiB.
	Body []byte
	// Meta accompanies the body, for example with a "traceparent" (W3C Trace
	// Context). There may be 32 entries; a key has 1 to 64 bytes of printable
	// ASCII without spaces, a value up to 1,024 bytes of UTF-8.
	Meta map[string]string
	// Enqueued is when the job was put, by the clock of the process that put
	// it. Put sets it if it is zero. It is zero for a job that was not made by
	// this package.
	Enqueued time.Time
	// Attempt is the number of this attempt, from 1, when Handle gets the job.
	// When the job is put, it is the number of attempts made before: 0 for a
	// new job.
	Attempt int
	// Delay is how long the broker holds the job back after it is put. Brokers
	// round it up to their unit, which is a second for beanstalkd. 0 or less
	// means no delay. It is 0 when Handle gets the job.
	Delay time.Duration
}

// Clone returns a copy of the job that shares nothing with it.
func (j *Job) Clone() *Job {
	c := *j
	c.Body = append([]byte(nil), j.Body...)
	c.Meta = maps.Clone(j.Meta)
	return &c
}
