package jobs

import (
	"errors"
	"fmt"
)

var (
	// ErrNoJob is returned by Source.Reserve if the broker has no job now.
	ErrNoJob = errors.New("jobs: no job is ready")
	// ErrLeaseLost is the error of a call for a lease that has ended, and the
	// cause (context.Cause) of the ctx of a job whose lease was lost: the
	// broker hands the job to another worker, or has done so.
	ErrLeaseLost = errors.New("jobs: the lease on the job was lost")
	// ErrFull is the error of a Put into a queue that has no room.
	ErrFull = errors.New("jobs: the queue is full")
	// ErrTooBig is the error of a Put of a job that is larger than the broker
	// accepts.
	ErrTooBig = errors.New("jobs: the job is too big")
	// ErrInvalid is the error of a job that cannot be encoded, of data that
	// begins like an envelope but is not one, and of an invalid name of a
	// queue.
	ErrInvalid = errors.New("jobs: invalid")
	// ErrVersion is the error of an envelope of a version that this package
	// does not know.
	ErrVersion = errors.New("jobs: unknown version of the envelope")
)

// LeaseError is an event of a job: its lease was lost, or a call to the broker
// for the lease failed.
type LeaseError struct {
	Op      string // "touch", "delete", "release" or "bury"
	Queue   string
	ID      ID
	Attempt int
	Err     error // ErrLeaseLost, or the Lease's error
}

// Error says which call failed, about which job.
func (e *LeaseError) Error() string {
	return fmt.Sprintf("jobs: %s %s %s, attempt %d: %v", e.Op, e.Queue, e.ID, e.Attempt, e.Err)
}

// Unwrap returns Err.
func (e *LeaseError) Unwrap() error { return e.Err }

// BuriedError is the event of a job that a Worker has buried.
type BuriedError struct {
	Queue   string
	ID      ID
	Attempt int
	Err     error // why: the error of Handle, or that the attempts were used up
}

// Error says which job was buried, and why.
func (e *BuriedError) Error() string {
	return fmt.Sprintf("jobs: buried %s %s at attempt %d: %v", e.Queue, e.ID, e.Attempt, e.Err)
}

// Unwrap returns Err.
func (e *BuriedError) Unwrap() error { return e.Err }

// OutageError is the event of a Worker whose broker cannot be reached. There is
// one for each outage. The Worker keeps trying.
type OutageError struct {
	Err error // of the first Reserve that failed
}

// Error says why jobs cannot be reserved.
func (e *OutageError) Error() string { return fmt.Sprintf("jobs: cannot reserve jobs: %v", e.Err) }

// Unwrap returns Err.
func (e *OutageError) Unwrap() error { return e.Err }
