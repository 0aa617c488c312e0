package beanstalk

import (
	"errors"
	"fmt"
	"strings"
)

// The error responses of beanstalkd, for use with errors.Is on the error of a
// future. The names are those of protocol.txt.
var (
	// ErrNotFound is NOT_FOUND: there is no such job or tube, or the job is not
	// in a state that the command needs.
	ErrNotFound = errors.New("not found")
	// ErrTimedOut is TIMED_OUT: no job became ready within the time of
	// ReserveWithin.
	ErrTimedOut = errors.New("no job within the time")
	// ErrDeadlineSoon is DEADLINE_SOON: a job that the same connection has
	// reserved is in the last second of its TTR, and no other job is ready.
	ErrDeadlineSoon = errors.New("a reserved job is in its last second")
	// ErrBuried is BURIED as the response to a put or a release: the server ran
	// out of memory, and has buried the job. A put nevertheless returns its ID.
	ErrBuried = errors.New("out of memory, the job was buried")
	// ErrDraining is DRAINING: the server accepts no more jobs.
	ErrDraining = errors.New("the server is draining")
	// ErrJobTooBig is JOB_TOO_BIG: a job has more bytes than the server
	// accepts, or than Client.MaxJobSize.
	ErrJobTooBig = errors.New("job too big")
	// ErrExpectedCRLF is EXPECTED_CRLF: the length of a put's body differs from
	// the announced one.
	ErrExpectedCRLF = errors.New("CR LF expected after the body")
	// ErrNotIgnored is NOT_IGNORED: the last watched tube cannot be ignored.
	ErrNotIgnored = errors.New("the only watched tube cannot be ignored")
	// ErrOutOfMemory is OUT_OF_MEMORY.
	ErrOutOfMemory = errors.New("the server is out of memory")
	// ErrInternal is INTERNAL_ERROR.
	ErrInternal = errors.New("internal error of the server")
	// ErrBadFormat is BAD_FORMAT.
	ErrBadFormat = errors.New("bad format")
	// ErrUnknownCommand is UNKNOWN_COMMAND: an old server does not know the
	// command.
	ErrUnknownCommand = errors.New("unknown command")
)

// Errors that the client itself detects.
var (
	// ErrUnanswered says that a command was sent but its response is not known,
	// because the connection or the wait for it has ended: the server may or
	// may not have carried out the command.
	ErrUnanswered = errors.New("no response")
	// ErrJobLost says that a job's reservation has ended: the connection that
	// had reserved it is gone, or its TTR has passed. The server gives the job
	// to another consumer.
	ErrJobLost = errors.New("the job's reservation has ended")
	// ErrJobDone says that a job was deleted, released or buried before.
	ErrJobDone = errors.New("the job was deleted, released or buried already")
	// ErrProtocol says that the server has sent what the protocol does not
	// allow. The connection is then closed.
	ErrProtocol = errors.New("the server broke the protocol")
	// ErrInvalid says that an argument cannot be sent: the name of a tube, or
	// a time out of range. Nothing was sent.
	ErrInvalid = errors.New("invalid argument")
)

// An Error is the error of every operation of this package, except
// aio.ErrNoLoop and aio.ErrLoopDone. It unwraps to Err: one of the errors
// above, the *aio.ConnError of a connection, or the cause of a cancellation.
type Error struct {
	Op   string // the command, such as "put"
	Addr string // the server's address
	Tube string // its tube, "" for none
	ID   uint64 // its job, 0 for none
	Err  error  // why it failed

	// Unanswered says that the command was sent but its response is not known:
	// errors.Is(err, ErrUnanswered).
	Unanswered bool
	// Lost says that the job's reservation has ended: errors.Is(err,
	// ErrJobLost).
	Lost bool
}

// Error says what failed, where and why.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("beanstalk: ")
	b.WriteString(e.Op)
	if e.ID != 0 {
		fmt.Fprintf(&b, " job %d", e.ID)
	}
	if e.Tube != "" {
		fmt.Fprintf(&b, " tube %.60q", e.Tube)
	}
	if e.Addr != "" {
		b.WriteString(" at ")
		b.WriteString(e.Addr)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	switch {
	case e.Lost && e.Err != ErrJobLost:
		b.WriteString(" (the job's reservation has ended)")
	case e.Unanswered:
		b.WriteString(" (the command was sent, and may have been carried out)")
	}
	return b.String()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether the error is an ErrUnanswered or an ErrJobLost.
func (e *Error) Is(target error) bool {
	return target == ErrUnanswered && e.Unanswered || target == ErrJobLost && e.Lost
}
