package jobs

import (
	"crypto/rand"
	"maps"
	"time"
)

// ID identifies a job across processes and deliveries: what a handler looks up
// to learn that it has done the job already. It has 1 to 128 bytes of printable
// ASCII without spaces.
type ID string

// NewID returns a random ID of 128 bits and more.
func NewID() ID { return ID(rand.Text()) }

// Job is a job, as it is put and as a Worker hands it to Handle. Its zero value
// is a job with an empty body.
type Job struct {
	// ID is the job's dedup ID. Put makes a new one if it is empty. Who puts a
	// job again, because a Put failed and may have succeeded nevertheless, uses
	// the same ID. A job that was not made by this package has the ID that its
	// broker knows it by (see Delivery.BrokerID).
	ID ID
	// Queue is the queue that the job was put into. Put sets it.
	Queue string
	// Type is the media type of Body, "application/json" say: up to 128 bytes
	// of printable ASCII. It may be empty.
	Type string
	// Body is the job itself. A broker bounds its size: beanstalkd's default is
	// 65,535 bytes with the envelope, that of NATS 1 MiB.
	Body []byte
	// Meta is what accompanies the body, a "traceparent" (W3C Trace Context)
	// say. There may be 32 entries; a key has 1 to 64 bytes of printable ASCII
	// without spaces, a value up to 1,024 bytes of UTF-8.
	Meta map[string]string
	// Enqueued is when the job was put, by the clock of who put it. Put sets it
	// if it is zero. It is zero for a job that was not made by this package.
	Enqueued time.Time
	// Attempt is which attempt this is, from 1, as Handle gets the job. What is
	// put is the number of attempts that were made before: 0 for a new job.
	Attempt int
	// Delay, when the job is put, is how long the broker keeps it back. Brokers
	// round it up to their unit, which is a second for beanstalkd. 0 or less
	// means not at all. It is 0 as Handle gets the job.
	Delay time.Duration
}

// Clone returns a copy of the job that shares nothing with it.
func (j *Job) Clone() *Job {
	c := *j
	c.Body = append([]byte(nil), j.Body...)
	c.Meta = maps.Clone(j.Meta)
	return &c
}
