// Package beanjobs provides beanstalkd as a broker for package jobs.
//
// # Usage
//
//	broker := &beanjobs.Broker{Client: &beanstalk.Client{Addr: "127.0.0.1:11300"}}
//	id, err := broker.Put(ctx, "mail", jobs.Job{Body: body}).Await(ctx)
//
//	w := &jobs.Worker{Source: broker.Source("mail"), Handle: send}
//	err := w.Start(ctx)
//
// A queue is a tube. Run beanstalkd with -b, a directory for its log: without
// one it forgets all jobs when it ends. It writes the log to disk every 50 ms
// unless its option -f says otherwise. So if the machine, and not only the
// process, ends abruptly, jobs that Put has confirmed in that time may be lost;
// with -f 0 nothing is lost.
//
// # Properties of beanstalkd
//
//   - A lease is a job's TTR, which Put sets (Broker.TTR). It belongs to the
//     connection that has reserved the job: when that ends, the job is handed
//     out again at once.
//   - beanstalkd 1.12 misses the end of some TTRs while the connection is
//     silent: the job is handed out again when the connection ends, or sends
//     something. So a worker whose process is stopped, or cut off from the
//     network, may keep its jobs for longer than their lease. A killed worker
//     does not.
//   - Delays and TTRs are whole seconds, rounded up.
//   - Attempts are what beanstalkd counts as reserves. Asking for them costs a
//     round trip for each job. With -b it stores them when a job is released
//     with a delay, and when it is buried. So a failed job keeps its attempts
//     when beanstalkd is restarted, as long as Worker.Backoff makes it wait. A
//     restart forgets attempts whose worker was killed, if no release with a
//     delay followed: Worker.MaxAttempts then buries a job that kills its
//     workers after that many more attempts.
//   - Bury keeps the job until it is kicked, even over a restart with -b. The
//     reason is not stored: it is in the Worker's event.
//   - Put does not look for jobs with the same ID: a job that is put twice is
//     done twice.
//   - A Delete whose lease was lost fails, although beanstalkd would delete a
//     job that waits to be handed out again: after a restart it may give the
//     job's number to another job.
package beanjobs
