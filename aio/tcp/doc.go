// Package tcp is TCP, unix sockets and TLS as operations of a loop (see package aio): dialing, listening, and connections
// that are an ordinary net.Conn, call back with what arrives, or both in turn.
//
// # Usage
//
// In handler style the loop calls back:
//
//	server, err := tcp.Serve(ctx, ":9003", tcp.Handler{
//		Data: func(c *tcp.Conn, data []byte) { c.Send(data) },
//	})
//	conn, err := tcp.Send(ctx, "example.com:9003", []byte("hello"), tcp.Handler{Data: got}).Await(ctx)
//
// In stream style somebody reads and writes:
//
//	server := &tcp.Server{Stream: func(ctx context.Context, c *tcp.Conn) error {
//		for line, err := range tcp.Lines(c, 4096) { ... }
//	}}
//	err := server.Start(ctx, ":9003")
//	conn, err := tcp.Dial(ctx, "example.com:9003").Await(ctx)
//
// For select there are channels: of connections (Listener.Conns), of what arrives (Conn.Chunks), of room in the queue
// (Conn.Writable), of the end (Conn.Done). An address is "HOST:PORT", ":PORT" for all addresses, or "unix:PATH"; "tcp4:" and
// "tcp6:" before it keep to one family. A connection that was dialed or accepted holds the loop open until it is
// closed: close what you dial.
//
// What is in order, and what overlaps:
//
//   - The callbacks of a connection never overlap. Open comes first, then Data in the order of the bytes, Event for
//     each condition, and Closed last, once. Those of different connections run concurrently.
//   - The bytes of a Send, or of a SendOwned, stay together and follow those of every send that returned before.
//     Futures of sends on one connection resolve in the order of the sends.
//   - A Write comes behind all that was sent before it began, and Writes do not mix. On a plain connection the bytes of one
//     stay together; on TLS what others Send meanwhile may come between two parts of 16 KiB.
//   - What Dialer.Send sends comes before what the handler sends.
//   - CloseWrite, CloseAfterFlush and Flush count everything that was sent before.
//   - A send's future says that the kernel has the bytes, not that the peer has.
//
// # Cancellation
//
//   - Dial and Send end when ctx does, or when their future is cancelled. What connects too late is closed.
//   - A connection belongs to the operation that it was dialed or accepted for, and is aborted when that is cancelled.
//     The end of a ctx derived from that operation's, such as one with a timeout, does not touch it any more.
//   - Server.Start and Listen, too: cancelling the operation of their ctx closes them. Server.Close aborts the server's
//     connections, Listener.Close leaves the accepted ones alone.
//   - What is started with Conn.Context is the connection's child, and is cancelled when the connection is aborted by
//     a cancellation. Close does not cancel it.
//   - A blocked Read or Write is ended by its deadline and by the connection's end. Cancelling the future of a Send
//     takes nothing back.
//   - A deadline (SetDeadline) fails a Read or Write and can be moved. An idle timeout (SetTimeouts) ends the connection with
//     aio.ErrTimeout, in both styles.
//
// # Backpressure
//
//   - Send never blocks. It takes data whole while less than the high-water mark (1 MiB unless set otherwise) is queued, and
//     fails with aio.ErrBacklog otherwise, so that a queue is never longer than the mark and one send.
//   - Conn.Writable tells when there is room again. A future of Send that is awaited before the next Send does it too.
//   - While a connection's queue is at its mark or over it, its Handler is given no more data, and the peer is held up.
//   - SendOwned is never refused: wait for its future. Write waits.
//   - A callback that blocks, a reader that does not read, and a receiver that does not receive from Chunks hold up
//     their own peer, and nobody else.
//   - Server.MaxConns bounds a server's connections; all servers that leave it 0 share 80% of the files that the process
//     may open. Beyond that, connections wait in the kernel's queue. Listeners know no bound.
//   - Out of file descriptors, a server reports once, turns one waiting connection away, and tries again after
//     a pause of 5 ms to 1 s.
//   - The frames of Lines, Delimited and LengthPrefixed have a maximum, and memory grows with what has come, not
//     with what a prefix claims.
//
// # Shutdown
//
// When the loop drains (see aio.Loop.Exit):
//
//   - Servers and listeners take over what is in the kernel's queue, close, and serve that. New connections are refused.
//   - Accepted connections in handler style end when they are idle: no callback runs, nothing is queued, nothing that was
//     started with the connection's Context runs, and data has come or the connection is a second old. What can be read
//     at that moment is still delivered. So an answer that is to come from a child, such as a timer.Delay started with
//     Conn.Context, is sent.
//   - Connections in stream style, and those that were dialed, go on: select on aio.Draining. Those of a Dialer with
//     Background do not hold the loop open.
//   - What is left after Loop.Grace is aborted: its peers see a reset.
//
// Server.Shutdown does that for one server, Server.Close is for at once.
//
// Several listeners on one port (Server.ReusePort, ListenConfig.ReusePort) have a queue each, and what is in a listener's
// queue when it closes is reset, by the kernel, also while others listen on. So one that drains takes its queue over as
// always and, on Linux, has a filter drop what begins to connect (SYN) for the 200 ms before. Left over is who takes longer
// for its handshake than that: it is reset. With net.ipv4.tcp_migrate_req = 1 nobody is left over, and nothing is dropped.
// On FreeBSD who comes between the last accept and the close is reset.
//
// A process can take over its listeners from whoever starts it (Inherit: socket activation), and hand them on to its
// successor (HandOver). Both then accept from one queue, so that nobody is refused or reset when the older one drains.
//
// Closing a connection: Close is at once, and drops what is queued; CloseAfterFlush sends it first, then waits up to 5 s for
// the peer's end, so that input nobody has read does not reset what is under way; Abort is a reset. After the peer's
// EOF a connection in handler style closes itself as by CloseAfterFlush, unless Handler.HalfOpen is set; with that,
// CloseWrite closes it.
//
// # Errors and panics
//
//   - Every error is an *aio.ConnError, which says what was done, where, and why, with the file descriptor and the
//     system's error code, and matches aio.ErrRefused, ErrTimeout, ErrReset, ErrClosed, ErrDNS by errors.Is on every
//     system. The exceptions: Read's end is a bare io.EOF; a Send that is refused is an aio.ErrBacklog; without a running
//     loop it is aio.ErrNoLoop or aio.ErrLoopDone; a wait that ends by its own ctx is an *aio.AwaitError; framing has
//     ErrFrameTooLong and io.ErrUnexpectedEOF; and what the other side of a copy (ReadFrom, WriteTo) returns comes as it is.
//   - In handler style a condition is told once, to Handler.Event or, without that, to the event handler of the ctx.
//     Futures of the connection that fail with it are no lost errors. The peer's EOF is information (aio.IsInfo); ends
//     that were asked for are no events.
//   - A dial that fails is told to Handler.Event with a nil Conn, and is the error of the future.
//   - An error of Server.Stream is an event; EOF and mere cancellation are none.
//   - A panic or runtime.Goexit in a callback ends its connection with a reset, and is contained as in every operation.
//     Closed is still called.
//
// # Limitations
//
//   - On Linux a connection in handler style, plain and over TCP or a unix socket, has no goroutine and no buffer while
//     nothing comes: a poller of the loop's serves it, one for each processor but one, and its callbacks run on the
//     poller's goroutine. Callbacks that do not return within some milliseconds have the others served by another goroutine;
//     when that happens often, each callback of the server has one of its own for a while. TLS connections, and other
//     systems, have a goroutine for each connection, parked without a buffer. Where sockets offer no such wait
//     (Windows), and over a net.Conn that is no socket, a waiting connection holds 68 KiB.
//   - A connection that a poller serves has keep-alive probes every 15 s and no delay (TCP_NODELAY), as package net sets
//     them by default, also when the listener given to StartOn was made otherwise. When it is read in stream style after
//     its handler was given up, or TLS is begun on it, its socket moves to Go's netpoller and has another descriptor.
//   - TLS is begun on a connection once (StartTLS, or from the beginning), and not ended before the connection is. A
//     handshake may take 10 s.
//   - Read and SetHandler exclude each other: on a connection with a Handler Read fails.
//   - A unix socket's file that a killed process has left must be removed before Listen.
//   - Other options of listening sockets are set by making the listener with net.ListenConfig: Server.StartOn and NewListener take
//     it over.
//   - The file descriptor is for tracking. Reading, writing or closing it behind the connection's back breaks it.
//   - Names are looked up by dnsx.DefaultResolver, which caches, unless Dialer.Resolver says otherwise.
package tcp
