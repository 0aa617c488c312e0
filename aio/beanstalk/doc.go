// Package beanstalk provides a client of beanstalkd, the work queue, whose
// commands are operations of a loop (see package aio). It implements the whole
// protocol of beanstalkd 1.12 and 1.13 (doc/protocol.txt in its sources).
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
//   - A Client puts, kicks, deletes and peeks at jobs, and returns statistics
//     of jobs and tubes. All its commands share one connection.
//   - A Consumer reserves jobs of the tubes that it watches. Reserve waits for
//     a job, ReserveWithin for a time, ReserveJob takes the one with an ID.
//   - Delete, Release or Bury finishes a Job. Touch restarts its TTR, the time
//     to run. Lost is closed when the job is known to be lost.
//   - Every operation returns a future at once. Client, Consumer and Job may be
//     used from any goroutine.
//   - Connections are made when they are needed, and again after they were
//     lost. The loop closes everything at its end. Consumer.Close ends a
//     consumer earlier, CloseIdle closes connections.
//
// # Connections
//
//   - Commands are sent without waiting for earlier responses. Commands that
//     goroutines send at the same time go out together.
//   - Put, Kick, PeekReady, PeekDelayed and PeekBuried name a tube, which the
//     connection must use. For a different tube the client first sends a use,
//     and sends the command once the server has confirmed that: a job never
//     ends up in another tube. That costs a round trip, for all commands
//     together that wait for the tube.
//   - A reserve that waits blocks what is sent behind it. So a consumer has one
//     connection for all Reserves that wait, which holds no job, and others
//     that hold jobs: Touch and Delete never wait for another job. There is at
//     most one connection more than jobs that are held, and few while jobs
//     arrive fast.
//   - A job belongs to the connection that has reserved it. When that is lost,
//     so are its jobs, and the server gives them to others.
//   - A connection that holds jobs sends something at least every 10 s: see
//     Limitations.
//   - An unused connection is closed after Client.IdleTimeout.
//
// # Ordering
//
//   - Commands about the same tube, and commands that name none, are sent in
//     the order of the calls. Between those of different tubes there is no
//     order.
//   - Commands about one job are sent in the order of the calls.
//   - Reserves of one consumer get jobs in the order of the calls, except for
//     ReserveJob and ReserveWithin with 0, which go ahead.
//   - The jobs' order is the server's: priority, then age.
//
// # Cancellation
//
//   - If a future is cancelled before its command was sent, the command is not
//     sent. A command that was sent is nevertheless carried out, or has been:
//     its error is an ErrUnanswered.
//   - Cancelling a Reserve loses no job. If others wait, the next of them gets
//     the job. If none does, the waiting connection is closed, and the server
//     at once makes ready what it has reserved for it: closing is the only way
//     to take back a reserve, and no job is held there. Only a reserve that
//     does not wait may bring a job that no Reserve waits for, on a connection
//     that holds others: it is released at once, with its priority.
//   - The resolved future of a Reserve holds a job: await it, or cancel it. A
//     job that is not taken becomes ready again after its TTR.
//
// # Lost connections
//
//   - Commands that were sent and not answered fail with an ErrUnanswered: the
//     server may have carried them out. Nothing is sent twice. Repeating a Put
//     after that may duplicate the job.
//   - Unsent commands, and Reserves, wait for the next connection, as long as
//     Client.Backoff allows tries. Then they fail with the error of the last
//     try, which is not an ErrUnanswered. A connection that ends before it has
//     answered anything counts as a try.
//   - Touch, Delete, Release and Bury fail with ErrJobLost; if they were sent,
//     the error is also an ErrUnanswered, and a Delete may have been carried
//     out.
//   - ErrJobLost with ErrNotFound is the server's response: the TTR has passed.
//   - The connection is given up if a response is outstanding and the server
//     sends nothing for Client.Timeout. A reserve that waits is sent again
//     after 30 s.
//
// # Backpressure
//
//   - Client.MaxQueue and MaxQueueBytes bound the unanswered commands together
//     with the waiting Reserves. A further one fails at once with
//     aio.ErrBacklog.
//   - Client.MaxJobSize bounds jobs in both directions. A larger job that is
//     reserved is not kept: it is buried, so that it is not reserved
//     repeatedly, and the Reserve fails with ErrJobTooBig, which names it.
//   - Lines are bounded by 224 bytes, lists and statistics by 16 MiB. Memory
//     grows with the data that has arrived, not with its announced size.
//
// # Shutdown
//
// While the loop drains (see aio.Loop.Exit):
//
//   - Reserve and ReserveWithin fail with aio.ErrExit, including waiting ones
//     and those of work in progress: nothing new is begun.
//   - Commands in progress are answered, and work in progress may begin others:
//     Put, Delete, Touch. A connection is closed once it is unused and holds no
//     job.
//   - After Loop.Grace the rest fails. Then the connections are closed, and the
//     server makes their jobs ready. To make a job ready sooner, or with a
//     delay, release it.
//
// # Errors
//
//   - Errors are *Error, which has the command, the server, and the tube or
//     job. The exceptions are aio.ErrNoLoop and aio.ErrLoopDone.
//   - Each error response of the server has an error for errors.Is:
//     ErrNotFound, ErrTimedOut, ErrDraining and so on. Those of connections
//     match aio.ErrConn, ErrRefused, ErrTimeout, ErrReset.
//   - ErrInvalid is an argument that cannot be sent. The names of tubes are
//     checked, so that none can be another command.
//   - If the server breaks the protocol, with an invalid response or one that
//     does not belong to the command, the connection ends with ErrProtocol.
//
// # Limitations
//
//   - beanstalkd, including version 1.13, may overlook that a TTR has passed
//     until the connection that holds the job sends something or ends (its
//     issues 262 and 380). So a consumer sends something every 10 s. A stopped
//     process does not, and may keep a job for longer than its TTR.
//   - beanstalkd does not send the TTR with a reserved job. Consumer.Stats asks
//     for it.
//   - A server's counters of a job (Reserves, Timeouts ...) are lost when it
//     restarts, even with a log.
//   - beanstalkd 1.12 that is killed while it writes a job to its log restores
//     the job with a body of zeros and without its end, first in its tube. Each
//     Reserve then ends its connection with ErrProtocol, until the job is
//     deleted by its ID.
//   - The protocol knows neither authentication nor encryption. Dialer.TLS is
//     for a server behind a proxy with TLS.
package beanstalk
