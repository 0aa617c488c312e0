// Package beanjobs has beanstalkd as a broker for package jobs.
//
// # Usage
//
//	broker := &beanjobs.Broker{Client: &beanstalk.Client{Addr: "127.0.0.1:11300"}}
//	id, err := broker.Put(ctx, "mail", jobs.Job{Body: body}).Await(ctx)
//
//	w := &jobs.Worker{Source: broker.Source("mail"), Handle: send}
//	err := w.Start(ctx)
//
// A queue is a tube. Run beanstalkd with -b, a folder for its log: without one
// it forgets all jobs when it ends. It writes the log to disk every 50 ms
// unless its option -f says otherwise, so that a machine, but not a process,
// that ends abruptly may lose what Put has confirmed in that time; with -f 0
// nothing is lost.
//
// # What beanstalkd does, and does not
//
//   - A lease is a job's TTR, which Put sets (Broker.TTR). It belongs to the
//     connection that has reserved the job: when that ends, the job is handed
//     out again at once.
//   - beanstalkd 1.12 misses the end of some TTRs while the connection is
//     silent: the job is handed out again when the connection ends, or
//     beanstalkd hears from it. A worker whose process is stopped, or cut off
//     from the network, may so keep its jobs for longer than their lease. One
//     that is killed does not.
//   - Delays and TTRs are whole seconds, rounded up.
//   - Attempts are what beanstalkd counts as reserves, for which it is asked
//     once for each job, a round trip. With -b it writes them down when a job
//     is released with a delay, and when it is buried. So a job that has failed
//     keeps its attempts when beanstalkd is started again, as long as
//     Worker.Backoff makes it wait. Attempts whose worker was killed, and which
//     no release with a delay has followed, are forgotten then: a job that
//     kills its workers is buried by Worker.MaxAttempts after that many more.
//   - Bury keeps the job until it is kicked, also over a restart with -b. The
//     reason is not kept: it is in the Worker's event.
//   - Put does not look for jobs with the same ID: what is put twice is done
//     twice.
//   - A Delete whose lease was lost fails, although beanstalkd would delete a
//     job that waits to be handed out again: it may give the job's number to
//     another job when it is started again.
package beanjobs
