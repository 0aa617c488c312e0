// Package jobs runs background jobs that must survive the process or are
// shared by several machines. A broker keeps the jobs; each run of one is an
// operation of the loop (see package aio).
//
// # Usage
//
// A [Putter] puts jobs into queues, and a [Worker] does the jobs of a [Source]:
//
//	id, err := broker.Put(ctx, "mail", jobs.Job{Type: "text/plain", Body: body}).Await(ctx)
//
//	w := &jobs.Worker{Source: broker.Source("mail"), Slots: 8, Handle: func(ctx context.Context, j *jobs.Job) error {
//		return send(ctx, j.Body)
//	}}
//	err := w.Start(ctx)
//
// [Memory] is a broker within the process, for tests and for programs whose
// jobs may end with them. Package beanjobs uses beanstalkd. Another kind of
// broker needs a Putter, a Source and a [Lease], for which package jobstest has
// tests. The package has neither a queue nor a store, and a job returns no
// result: a job that has something to report puts another job, or writes it
// where others read it.
//
// # At least once
//
// Every job whose Put has succeeded is done at least once, unless it is buried;
// and sometimes more often:
//
//   - a worker is killed after the end of a job and before its deletion;
//   - the response to a Put or a Delete is lost, and the call is repeated;
//   - a process is stopped, or cut off, for longer than its lease;
//   - the broker is restarted, or the connection breaks, while the job runs;
//   - Handle ignores the end of its ctx, and the job is released meanwhile.
//
// Handle must therefore tolerate being called more than once for the same
// job, even concurrently by two workers. [Job].ID is the same each time:
// store it with the job's changes, in one transaction, and look it up first.
// See the example of Job.
//
// # Life of a job
//
// The Worker calls Source.Reserve when there is room for another job (Slots).
//
//   - While Handle runs, the lease is renewed after each third of its time. A
//     failed Touch is tried again. If the broker or a [Loser] reports that the
//     lease is lost, or its time passes without a successful Touch, the ctx of
//     Handle ends with [ErrLeaseLost] as its cause (context.Cause), and a
//     [*LeaseError] is an event.
//   - A nil error deletes the job, even after the lease was lost: the broker
//     may still accept that. If it does not, that is a *LeaseError event.
//   - An error releases the job, to be tried again after Backoff, and is logged
//     or passed to OnRetry. The same holds for a panic, which is also an event,
//     and for runtime.Goexit.
//   - An error made by timer.Permanent, or any at the last of MaxAttempts,
//     buries the job, which is one [*BuriedError] event. A job that has used up
//     its attempts without ending, because it kills its workers, and data that
//     cannot be decoded are buried without being run.
//   - A job with an unknown version of the envelope is released like a failed
//     one: a newer worker may take it.
//   - A Delete, Release or Bury that fails is called up to three times within
//     CallTimeout. If it does not succeed, that is a *LeaseError event, and the
//     broker hands the job out again when the lease has ended.
//
// An attempt is a delivery, as far as the broker counts them. Attempts that a
// drain has ended count too.
//
// # Cancellation
//
// The ctx of Handle ends with the lease, and with the Worker. Calls to the
// broker about a lease do not end with the operation that has started the
// Worker, but with CallTimeout and, when the loop is cancelled, after half of
// Loop.Abandon. So a job that was cancelled is still released.
//
// Cancelling a job's operation, for example with aio.Ref.Cancel, fails the job.
//
// # Backpressure
//
// A Worker reserves only jobs that it can begin: queued jobs stay in the
// broker, for other workers. Put does not block. Await its futures to bound the
// number of waiting jobs.
//
// # Shutdown
//
// While the loop drains, and after [Worker.Shutdown], a Worker goes through
// these phases, and skips those that it does not need:
//
//  1. No job is reserved. Running jobs go on, for up to Worker.Grace.
//  2. Their ctx ends, with aio.ErrExit as its cause. Jobs that then return an
//     error are released without a delay, and do not count as failed.
//  3. Jobs that have not returned a tenth of Loop.Grace later, 1 s at most, are
//     also released, so that another worker gets them at once. Their later
//     results are events. The loop's end names them if they do not return.
//  4. The Source is closed, after the last Release.
//
// When the Worker's operation or the loop is cancelled, and after
// [Worker.Close], it begins with 2. All of this takes less than Loop.Grace
// unless Worker.Grace is set: a driver's connections exist until the Source is
// closed.
//
// # Errors and panics
//
// If a broker cannot be reached, at the start or later, the Worker goes on: it
// calls Reserve again after Reconnect. Each outage is one [*OutageError] event,
// and its end is logged. [Worker.Stats] shows it meanwhile.
//
// All events of a Worker and its jobs are Served: aio.DefaultOnEvent logs them.
// Without Loop.CatchPanics, a panic in Handle ends the loop, and the job is
// released.
//
// # What brokers do
//
// A Source must do what both beanstalkd and NATS JetStream can do. They differ
// as follows:
//
//   - Attempts: JetStream keeps the count with the consumer. beanstalkd counts,
//     and forgets some attempts when it is restarted; see package beanjobs. A
//     job that is put again, for example by a Handle, keeps its count in the
//     envelope (Job.Attempt).
//   - Lost leases: beanstalkd refuses calls for a lease that has ended.
//     JetStream applies them to the current delivery, so that only the lease's
//     time shows its end.
//   - Bury: beanstalkd keeps the job until it is kicked. JetStream terminates
//     it: its stream keeps the message if its retention does, and an advisory
//     has the reason.
//   - When a connection ends, beanstalkd makes its jobs ready at once.
//     JetStream waits for the end of their leases.
//   - Delays: beanstalkd has whole seconds. JetStream delays released jobs; its
//     driver hands back jobs that were put with a delay until they are due.
//   - Duplicate Puts: JetStream drops those with the same ID within a window.
//     beanstalkd does not.
//
// # The envelope
//
// What a broker stores is a line of text and the body:
//
//	aio.job/1 {"id":"7QX","queue":"mail","attempts":1,"at":"2026-01-02T15:04:05Z","type":"text/plain","meta":{"k":"v"}}
//
// The line, up to 8 KiB with its newline, is the word "aio.job/1", a space, and
// a JSON object. "id", "queue" and "at" (RFC 3339) are required, the other
// names are optional; each may occur once, and no others. Programs in other
// languages may write it. Data that does not begin with "aio.job/" is a foreign
// job: see [Decode].
//
// # Limitations
//
//   - Time is the monotonic clock, which on some systems stands still while the
//     computer sleeps: a lease that has ended meanwhile is noticed by the next
//     Touch.
//   - IDs are not compared: two jobs with the same ID in the queue are both
//     done.
//   - A Source that ignores its ctx delays the Worker's end. The loop's end
//     names it.
package jobs
