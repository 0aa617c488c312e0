// Package jobs does work that must outlive its process, or that many machines
// share. A broker keeps the jobs; each run of one is an operation of the loop
// (see package aio).
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
// jobs may end with them. Package beanjobs has beanstalkd. A broker of another
// kind needs a Putter, a Source and a [Lease], for which package jobstest has
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
//   - the answer to a Put or a Delete does not come, and it is made again;
//   - a process is stopped, or cut off, for longer than its lease;
//   - the broker is started again, or the connection breaks, while the job runs;
//   - Handle ignores the end of its ctx, and the job is released meanwhile.
//
// So a Handle must be right when it is called twice for one job, also by two
// workers at the same time. [Job].ID is the same each time: keep it with what
// the job has changed, in one transaction, and look it up first. See the
// example of Job.
//
// # A job's way
//
// The Worker calls Source.Reserve when there is room for another job (Slots).
//
//   - While Handle runs, the lease is renewed each third of its time. A Touch
//     that fails is tried again. When the broker says that the lease is lost,
//     or a [Loser] does, or its time is over without a successful Touch, the
//     ctx of Handle ends with [ErrLeaseLost] as its cause (context.Cause), and
//     a [*LeaseError] is an event.
//   - A nil error deletes the job, also when the lease was lost: the broker may
//     still take that. If it does not, that is a *LeaseError event.
//   - An error releases the job, to be tried again after Backoff, and is logged
//     or given to OnRetry. So do a panic, which is an event besides, and
//     runtime.Goexit.
//   - An error made by timer.Permanent, or any at the last of MaxAttempts,
//     buries the job, which is one [*BuriedError] event. So is a job that has
//     used up its attempts without an end, because it kills its workers, and
//     data that cannot be decoded: they are not run.
//   - A job of an unknown version of the envelope is released as one that has
//     failed: a newer worker may take it.
//   - A Delete, Release or Bury that fails is called up to three times within
//     CallTimeout. If it does not succeed, that is a *LeaseError event, and the
//     broker hands the job out again when the lease has ended.
//
// An attempt is a delivery, as far as the broker counts. Those that a drain has
// ended count too.
//
// # Cancellation
//
// The ctx of Handle ends with the lease, and with the Worker. Calls to the
// broker about a lease do not end with the operation that has started the
// Worker, but with CallTimeout and, when the loop is cancelled, after half of
// Loop.Abandon. So a job that was cancelled is still released.
//
// A job that somebody cancels as an operation, by aio.Ref.Cancel say, has
// failed with that.
//
// # Backpressure
//
// No job is reserved that cannot begin: what is queued stays in the broker, and
// is there for other workers. Put does not block. Bound what waits by awaiting
// its futures.
//
// # Shutdown
//
// While the loop drains, and after [Worker.Shutdown], a Worker goes through
// these phases, and leaves out what it does not need:
//
//  1. No job is reserved. Those that run go on, for up to Worker.Grace.
//  2. Their ctx ends, with aio.ErrExit as its cause. Jobs that return an error
//     then are released without a delay, and do not fail.
//  3. Jobs that have not returned a tenth of Loop.Grace later, 1 s at most, are
//     released as well, so that another worker gets them at once. What becomes
//     of them is an event. The loop's end names them if they do not return.
//  4. The Source is closed, after the last Release.
//
// When the Worker's operation or the loop is cancelled, and after
// [Worker.Close], it begins with 2. All of that is shorter than Loop.Grace
// unless Worker.Grace is set: a driver's connections are there until the Source
// is closed.
//
// # Errors and panics
//
// A broker that cannot be reached, at the start or later, ends nothing: Reserve
// is called again after Reconnect. Each outage is one [*OutageError] event, and
// its end is logged. [Worker.Stats] tells of it all the while.
//
// All events of a Worker and its jobs are Served: aio.DefaultOnEvent logs them.
// Without Loop.CatchPanics, a panic in Handle ends the loop, and the job is
// released.
//
// # What brokers do
//
// What a Source must do is what beanstalkd and NATS JetStream both can. Where
// they differ:
//
//   - Attempts: JetStream keeps the count with the consumer. beanstalkd counts,
//     and forgets some of it when it is started again; see package beanjobs. A
//     job that is put again, by a Handle say, keeps its count in the envelope
//     (Job.Attempt).
//   - Lost leases: beanstalkd refuses calls for a lease that has ended.
//     JetStream takes them for the delivery that is out at the time, so that
//     only the lease's time tells.
//   - Bury: beanstalkd keeps the job until it is kicked. JetStream terminates
//     it: its stream keeps the message if its retention does, and an advisory
//     has the reason.
//   - The end of a connection gives beanstalkd's jobs back at once. JetStream's
//     wait for the end of their lease.
//   - Delays: beanstalkd has whole seconds. JetStream delays what is released;
//     what is put with a delay its driver hands back until it is due.
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
// a JSON object. "id", "queue" and "at" (RFC 3339) must be there, the other
// names may be; each once, and no others. Programs in other languages may write
// it. What does not begin with "aio.job/" is a job of others: see [Decode].
//
// # Limitations
//
//   - Time is the monotonic clock, which on some systems stands still while the
//     computer sleeps: a lease that has ended meanwhile is noticed by the next
//     Touch.
//   - An ID is not looked up anywhere: two jobs with one ID that are in the
//     queue at the same time are done both.
//   - A Source that ignores its ctx holds up the Worker's end. The loop's end
//     names it.
package jobs
