// Package jobs does work that must outlive its process, or that many machines
// share. The jobs are kept by a broker; each run of one is an operation of the
// loop (see package aio).
//
// # Usage
//
// A [Putter] puts jobs into queues, a [Worker] does the jobs of a [Source]:
//
//	id, err := broker.Put(ctx, "mail", jobs.Job{Type: "text/plain", Body: body}).Await(ctx)
//
//	w := &jobs.Worker{Source: source, Slots: 8, Handle: func(ctx context.Context, j *jobs.Job) error {
//		return send(ctx, j.Body)
//	}}
//	err := w.Start(ctx)
//
// [Memory] is a broker within the process, for tests and for programs that need
// no other. Package beanjobs has beanstalkd.
//
// # At least once
//
// Every job that Put has confirmed is done at least once, and sometimes more
// often: a worker is killed between the end of a job and its deletion, a lease
// runs out while a process is stopped, a connection breaks before the answer
// comes. A handler must be right when it is called twice, also at the same
// time. [Job].ID is the same each time.
package jobs
