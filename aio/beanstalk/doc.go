// Package beanstalk is a client of beanstalkd, the work queue, as operations of
// a loop (see package aio). It speaks the whole protocol of beanstalkd 1.12 and
// 1.13 (doc/protocol.txt in its sources).
//
// # Usage
//
//	client := &beanstalk.Client{Addr: "127.0.0.1:11300"}
//	id, err := client.Put(ctx, "mail", body, beanstalk.PutOptions{TTR: time.Minute}).Await(ctx)
//
//	consumer := client.Consumer("mail")
//	job, err := consumer.Reserve(ctx).Await(ctx)
//	...
//	_, err = job.Delete(ctx).Await(ctx)
//
// The parts:
//
//   - A Client puts jobs, and kicks, deletes, peeks at and tells about jobs and
//     tubes. All its commands share one connection.
//   - A Consumer reserves jobs of the tubes that it watches. Reserve waits for a
//     job, ReserveWithin for a time, ReserveJob takes the one with an ID.
//   - A Job is done with by Delete, Release or Bury. Touch has its TTR, the time
//     to run, begin anew. Lost is closed when it is known to be another's.
//   - Every operation returns a future at once. Client, Consumer and Job may be
//     used from any goroutine.
//   - Connections are made when they are needed, and again when they were lost.
//     There is nothing to close at the end: the loop does. Consumer.Close ends a
//     consumer before, CloseIdle closes connections.
//
// # Connections
//
//   - Commands are sent without waiting for the answers to those before. What
//     goroutines send at the same time goes out together.
//   - Put, Kick, PeekReady, PeekDelayed and PeekBuried name a tube, which the
//     connection must use. Another one is used first, and the command sent once
//     the server has confirmed that: a job never ends up in another tube. That
//     costs a round trip, for all commands together that wait for the tube.
//   - A reserve that waits blocks what is sent behind it. So a consumer has one
//     connection for all Reserves that wait, which holds no job, and others that
//     hold jobs: Touch and Delete never wait for another job. There is at most
//     one connection more than jobs that are held, and few while jobs come fast.
//   - A job belongs to the connection that has reserved it. When that is lost,
//     so are its jobs, and the server gives them to others.
//   - A connection that holds jobs is not silent for more than 10 s: see
//     Limitations.
//   - One that nothing uses is closed after Client.IdleTimeout.
//
// # Ordering
//
//   - Commands about the same tube, and commands that name none, are sent in the
//     order of the calls. Between those of different tubes there is no order.
//   - Commands about one job are sent in the order of the calls.
//   - Reserves of one consumer get jobs in the order of the calls, except for
//     ReserveJob and ReserveWithin with 0, which go ahead.
//   - The jobs' order is the server's: priority, then age.
//
// # Cancellation
//
//   - A command that was not sent when its future is cancelled is not sent. One
//     that was sent is done all the same, or was: its error is an ErrUnanswered.
//   - A Reserve that is cancelled loses no job. If others wait, the next of them
//     gets what comes. If none does, the connection that waits is closed, and
//     the server gives back at once what it has reserved by it: closing is the
//     only way to take back a reserve, and no job is held there. Only a reserve
//     that does not wait may bring a job that no Reserve waits for, on a
//     connection that holds others: it is released at once, with its priority.
//   - The future of a Reserve that was resolved holds a job: await it, or cancel
//     it. A job that is not looked at comes again after its TTR.
//
// # Lost connections
//
//   - What was sent and not answered fails with an ErrUnanswered: the server may
//     have done it. Nothing is sent twice. A Put that is repeated after that may
//     double the job.
//   - What was not sent, and Reserves, wait for the next connection, as long as
//     Client.Backoff has tries. Then they fail with what the last one has
//     brought, and none of them is an ErrUnanswered. A connection that ends
//     before it has answered anything is a try, too.
//   - Touch, Delete, Release and Bury fail with ErrJobLost; if they were sent,
//     that is an ErrUnanswered as well, and a Delete may have been done.
//   - ErrJobLost with ErrNotFound is the server's word: the TTR has passed.
//   - A server that owes an answer and sends nothing for Client.Timeout is given
//     up. A reserve that waits is sent again after 30 s.
//
// # Backpressure
//
//   - Client.MaxQueue and MaxQueueBytes bound the commands that are not
//     answered, together with the Reserves that wait. One more fails with
//     aio.ErrBacklog at once.
//   - Client.MaxJobSize bounds jobs in both directions. A longer one that is
//     reserved is not kept: it is buried, so that it does not come again and
//     again, and the Reserve fails with ErrJobTooBig, which names it.
//   - Lines are bounded by 224 bytes, lists and statistics by 16 MiB. Memory
//     grows with what has come, not with what was announced.
//
// # Shutdown
//
// While the loop drains (see aio.Loop.Exit):
//
//   - Reserve and ReserveWithin fail with aio.ErrExit, those that wait too, and
//     those of work in progress: nothing new is begun.
//   - Commands that were begun are answered, and work in progress may begin
//     others: Put, Delete, Touch. A connection is closed once nothing uses it
//     and no job is held by it.
//   - After Loop.Grace what is left fails. Then the connections are closed, and
//     the server gives back what they hold. To have a job back sooner, or with a
//     delay, release it.
//
// # Errors
//
//   - Errors are *Error, which says what was asked, of whom, and about which tube
//     or job. The exceptions are aio.ErrNoLoop and aio.ErrLoopDone.
//   - Each answer of the server has an error for errors.Is: ErrNotFound,
//     ErrTimedOut, ErrDraining and so on. Those of connections match aio.ErrConn,
//     ErrRefused, ErrTimeout, ErrReset.
//   - ErrInvalid is an argument that cannot be sent. The names of tubes are
//     checked, so that none can be another command.
//   - A server that breaks the protocol, by what is no answer, or none to the
//     command that it was sent, loses the connection: ErrProtocol.
//
// # Limitations
//
//   - beanstalkd may overlook that a TTR has passed, also in version 1.13, until
//     the connection that holds the job says something or ends (its issues 262
//     and 380). So a consumer says something every 10 s. A process that is
//     stopped does not, and may keep a job for longer than its TTR.
//   - beanstalkd does not tell a TTR with a job that is reserved. Consumer.Stats
//     asks for it.
//   - What a server counts of a job (Reserves, Timeouts ...) is forgotten when it
//     starts again, also with a log.
//   - The protocol knows neither authentication nor encryption. Dialer.TLS is
//     for a server behind a proxy with TLS.
package beanstalk
