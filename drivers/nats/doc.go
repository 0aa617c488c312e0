// Package nats has NATS as operations of a loop (see package aio): jobs on
// JetStream, key-value buckets as futures and channels, publishing, requests
// and subscriptions. The protocol is that of github.com/nats-io/nats.go, on
// connections of aio/tcp.
//
// # Usage
//
//	client := &nats.Client{URL: "nats://a:4222,nats://b:4222"}
//	_, err := client.Publish(ctx, "news", data).Await(ctx)
//	reply, err := client.Request(ctx, "time", nil).Await(ctx)
//
//	s, err := client.Subscribe(ctx, "news", nats.SubscribeOptions{}).Await(ctx)
//	for m, err := range s.All(ctx) { ... }
//
//	b := client.Bucket(jetstream.KeyValueConfig{Bucket: "conf"})
//	rev, err := b.Put(ctx, "limit", []byte("10")).Await(ctx)
//	w, err := b.Watch(ctx, "limit").Await(ctx)
//
//	broker := &nats.Broker{Client: client, Replicas: 3}
//	id, err := broker.Put(ctx, "mail", jobs.Job{Body: body}).Await(ctx)
//	worker := &jobs.Worker{Source: broker.Source("mail"), Handle: send}
//	err := worker.Start(ctx)
//
// Programs that set options of nats.go import it by another name, natsgo say.
//
// # Connections
//
// A client has one connection in each loop, made when it is first used (kind
// "nats.conn"), with TCP connections of Client.Dialer as its children. It does
// not hold the loop open. nats.go repairs it, on another server of the cluster
// if need be; that it broke is an event, which is Served, and that it is
// repaired is logged. When the loop is empty, the connection is closed, and Run
// returns when nats.go has said so.
//
// # Jobs
//
// A Broker is a stream with the work-queue policy and a durable pull consumer
// for the queues of each Source. What package jobs asks for is done by:
//
//   - Put: a message with the ID as its Nats-Msg-Id, and the server's answer
//     that it is stored.
//   - Reserve: a pull of one job. When no Reserve waits any more, the
//     subscription for its pulls is ended, and what comes until then is given
//     back, which counts as an attempt.
//   - Touch, Delete, Release: +WPI, +ACK and -NAK with a delay, each a request
//     that the server answers, repeated until it does.
//   - Bury: the job is stored in a second stream, JOBS_BURIED for the stream
//     JOBS, under its queue's name, with the reason as the header Aio-Why. Then
//     it is terminated. A process that is killed in between leaves the job in
//     both; it is then buried again, without a second copy within 2 minutes.
//   - Attempts: JetStream's count of deliveries. It survives restarts.
//   - A Put with a delay: the header Aio-Delay, by which the Source that is
//     handed the job early gives it back for the rest. The clocks of servers
//     and workers should agree. A worker that gets such a job for the first
//     time when it is due already counts one attempt too few.
//   - A lease that has ended: JetStream does not tell leases apart, so Touch,
//     Release and Bury fail by the clock, with jobs.ErrLeaseLost. Delete is
//     sent: the job is done.
//   - Source.Close gives back what is leased.
//
// # Cancellation
//
//   - A future that is cancelled, or whose ctx ends, fails with the cause. A
//     message may have been sent.
//   - A subscription and a Watch are children of the operation of the ctx that
//     they are started with, and end with it; the end of a ctx derived from the
//     operation's does not touch them.
//   - When the loop is cancelled (aio.Loop.Cancel, a second signal, the end of
//     Grace) connections are aborted. Jobs that run then wait for the end of
//     their lease. A Worker that drains has given them back before.
//
// # Backpressure
//
//   - Publish queues up to 8 MiB, and fails with aio.ErrBacklog beyond it.
//   - A subscription's channel has room for SubscribeOptions.Buffer messages.
//     What comes when it is full is dropped, as NATS does for slow consumers:
//     an event, Subscription.Err and Dropped tell.
//   - A Watch drops nothing: JetStream waits for its reader.
//   - Puts and requests are not bounded: await their futures.
//
// # Shutdown
//
// While the loop drains, subscriptions and Watches end: the server is told, and
// the channels are closed behind the last message. A publish, a request, a put
// and a Worker are work in progress and go on. The connection is there until
// nothing is left that uses it.
//
// # Errors and panics
//
// Errors are those of nats.go and jetstream, of connections (aio.ErrConn), of
// package jobs where it has a name for them, and aio.ErrTimeout. The names that
// this package gives to some of them match them.
//
// # Limitations
//
//   - In a cluster a job that is handed out at the very moment at which a
//     Reserve is cancelled may be lost on its way between two servers. It waits
//     for the end of its lease.
//   - nats.go has goroutines: a reader, a flusher and a dispatcher of callbacks
//     for a connection, one for the answers to requests, one for a Source and
//     for a Watch. They end with the connection, the subscription or the Watch.
//     The reader and the flusher may take some microseconds more than Run.
//   - A name is looked up by the Dialer's resolver for each dial, one name for
//     each URL.
//   - WebSocket URLs, object stores and services of nats.go's are not covered.
package nats
