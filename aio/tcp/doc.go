// Package tcp provides TCP, unix sockets and TLS as operations of a loop
// (see package aio): dialing, listening, and connections. A [Conn] is a
// net.Conn. It can be read and written directly, or call a [Handler] as data
// arrives, and it can switch between the two.
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
// In stream style a goroutine reads and writes:
//
//	server := &tcp.Server{Stream: func(ctx context.Context, c *tcp.Conn) error {
//		for line, err := range tcp.Lines(c, 4096) { ... }
//	}}
//	err := server.Start(ctx, ":9003")
//	conn, err := tcp.Dial(ctx, "example.com:9003").Await(ctx)
//
// Pipe connects two connections with each other, as a proxy does.
//
// In either style, incoming data can be split into lines, or into delimited
// or length-prefixed frames. Lines, Delimited and LengthPrefixed are
// sequences for stream style; LineFraming, DelimiterFraming and
// LengthFraming make a Handler that is called with each frame:
//
//	h := tcp.LineFraming(4096).Handler(tcp.Handler{}, func(c *tcp.Conn, line []byte) { ... })
//	server, err := tcp.Serve(ctx, ":9003", h)
//
// For select there are channels: of connections (Listener.Conns), of
// arriving data (Conn.Chunks), of room in the queue (Conn.Writable), of the
// end (Conn.Done). An address is "HOST:PORT", ":PORT" for all addresses, or
// "unix:PATH"; the prefixes "tcp4:" and "tcp6:" select one family. A dialed
// or accepted connection keeps the loop running until it is closed. The
// caller must close the connections it dials.
//
// A connection may change its style. For example, read a header in stream
// style, then call SetHandler; or call Hijack within a callback, or
// SetHandler(Handler{}) outside one, and Read. No byte is lost: Unread puts
// back what was read and not used, and it is read next. The peer's end is
// reported to the new reader even if the old one has seen it.
//
// # Ordering
//
//   - The callbacks of a Handler never overlap. Open comes first, then Data in
//     the order of the bytes, Event for each condition, and Closed last, once.
//     Callbacks of different connections run concurrently.
//   - The bytes of a Send, or of a SendOwned, stay together and follow those of
//     every send that returned before. Futures of sends on one connection
//     resolve in the order of the sends.
//   - A Write comes after all that was sent before it began, and Writes do not
//     mix. On a plain connection the bytes of one Write stay together; on TLS,
//     other sends may come between two parts of 16 KiB.
//   - What Dialer.Send sends comes before what the handler sends.
//   - CloseWrite, CloseAfterFlush and Flush count everything that was sent
//     before.
//   - Cork delays what is sent after it, and keeps the order.
//   - A send's future says that the kernel has the bytes, not that the peer
//     has.
//
// # Cancellation
//
//   - Dial and Send end when ctx does, or when their future is cancelled. A
//     connection that is made too late is closed.
//   - A connection belongs to the operation that it was dialed or accepted for,
//     and is aborted when that operation is cancelled. The end of a ctx derived
//     from the operation's, such as one with a timeout, no longer touches it.
//   - Cancelling the operation of the ctx of Server.Start or Listen closes the
//     server or listener. Server.Close aborts the server's connections;
//     Listener.Close leaves accepted ones alone.
//   - Operations that are started with Conn.Context are the connection's
//     children. They are cancelled when the connection is aborted by a
//     cancellation. Close does not cancel them.
//   - A deadline and the connection's end end a blocked Read or Write.
//     Cancelling the future of a Send does not take the data back.
//   - A deadline (SetDeadline) fails a Read or Write and can be moved. An idle
//     timeout (SetTimeouts) ends the connection, in both styles, with a
//     condition that matches aio.ErrTimeout and ErrIdle. The read timeout
//     counts only while the connection is read: it stands still during a
//     callback and while reading is paused.
//
// # Callbacks that block
//
// A callback may block, in a database call, a lock or a file read. It delays
// only its own connection. On Linux one goroutine serves many connections;
// callbacks that are known from experience to block are made in separate
// goroutines. If one blocks unexpectedly, another goroutine takes over the
// other connections within 10 ms, or 2 ms if that has happened in the last
// second. Conn.WillBlock announces that a callback will block, which saves that
// delay; it is never necessary.
//
// Conn.AfterHangUp tells a callback that the peer has gone meanwhile.
//
// # Backpressure
//
//   - Send never blocks. It accepts data while less than the high-water mark (1
//     MiB by default) is queued, and otherwise fails with aio.ErrBacklog. So a
//     queue is never longer than the mark plus one send.
//   - Conn.Writable tells when there is room again. Awaiting the future of each
//     Send before the next also bounds the queue.
//   - While a connection's queue is at its mark or above, its Handler gets no
//     data, and the peer is held up.
//   - PauseReading holds the peer up until ResumeReading, for example while a
//     response is outstanding.
//   - SendOwned is never refused: wait for its future. Write waits.
//   - A callback that blocks, a reader that does not read, and a receiver that
//     does not receive from Chunks hold up their own peer only.
//   - Server.MaxConns bounds a server's connections. All servers that leave it
//     0 share 80% of the files that the process may open. Connections beyond
//     the bound wait in the kernel's queue. Listeners are unbounded.
//   - If a server runs out of file descriptors, it reports this once, turns one
//     waiting connection away, and tries again after a pause of 5 ms to 1 s.
//   - The frames of Lines, Delimited and LengthPrefixed, and those of a
//     Framing's Handler, have a maximum. Memory grows with what has arrived,
//     not with what a prefix claims.
//
// # Shutdown
//
// When the loop drains (see aio.Loop.Exit):
//
//   - Servers and listeners accept the connections in the kernel's queue,
//     close, and serve them. New connections are refused.
//   - Accepted connections in handler style end when they are idle: no callback
//     runs, nothing is queued, no operation started with the connection's
//     Context runs, neither SetBusy nor PauseReading is in effect, a Framing
//     keeps no part of a frame, and data has arrived or the connection is a
//     second old. What can be read at that moment is still delivered. So the
//     response of a child, such as a timer.Delay started with Conn.Context, is
//     sent.
//   - An accepted TLS connection whose peer is silent in the handshake ends
//     after a second, too.
//   - Connections in stream style, those that were dialed, and those of a Pipe
//     go on: select on aio.Draining. Connections of a Dialer with Background do
//     not hold the loop open.
//   - With Server.DrainReads or Conn.DrainReads a Read no longer waits. It
//     reads available data, and then fails with aio.ErrExit, so that code that
//     reads in stream style ends. An incomplete frame of Lines, Delimited and
//     LengthPrefixed delays that, as does SetBusy.
//   - What is left after Loop.Grace is aborted: its peers see a reset.
//
// Server.Shutdown drains one server. Server.Close ends one at once.
//
// Several listeners on one port (Server.ReusePort, ListenConfig.ReusePort) have
// a queue each. The kernel resets what is in a listener's queue when it closes,
// even while others listen on. So a listener that drains accepts what is in its
// queue and, on Linux, sets a filter that drops connection requests (SYN) for
// the 200 ms before. A client whose handshake takes longer than that is reset.
// With net.ipv4.tcp_migrate_req = 1 no client is reset, and nothing is dropped.
// On FreeBSD a client that connects between the last accept and the close is
// reset.
//
// A process can take its listeners over from its parent (Inherit: socket
// activation) and hand them on to its successor (HandOver). Both then accept
// from one queue, so that no client is refused or reset when the older process
// drains. The successor only needs to call Server.StartInherited.
//
// A server or listener on a unix socket removes the socket's file when it
// closes, unless another file has taken its path by then.
//
// Closing a connection: Close is immediate and drops what is queued.
// CloseAfterFlush sends it first, then waits up to 5 s for the peer's end, so
// that unread input does not reset the connection while data is in transit.
// Abort is a reset. After the peer's EOF a connection in handler style closes
// itself as by CloseAfterFlush, unless Handler.HalfOpen is set. A HalfOpen
// connection goes on until CloseWrite or Close, or until its peer resets it or
// is gone, which is noticed without sending.
//
// # Errors and panics
//
//   - Every error is an *aio.ConnError, which says what failed, where, and why,
//     with the file descriptor and the system's error code. It matches
//     aio.ErrRefused, ErrTimeout, ErrReset, ErrClosed and ErrDNS by errors.Is
//     on every system. The exceptions: Read returns a bare io.EOF at the end; a
//     refused Send returns an aio.ErrBacklog; without a running loop the error
//     is aio.ErrNoLoop or aio.ErrLoopDone; a wait that ends by its ctx returns
//     an *aio.AwaitError; framing has ErrFrameTooLong and io.ErrUnexpectedEOF;
//     and what the other side of a copy (ReadFrom, WriteTo) returns is returned
//     unchanged.
//   - In handler style a condition is reported once, to Handler.Event or, if
//     that is nil, to the event handler of the ctx. Futures of the connection
//     that fail with it are not lost errors. The peer's EOF is information
//     (aio.IsInfo).
//   - Ends that the program asked for are not events: neither Close, Abort and
//     Shutdown, nor the queued sends that fail because of them.
//   - When sending fails because the peer has gone, a handler, like a reader,
//     first gets the data that the peer had sent, and then the condition.
//   - A dial that fails is reported to Handler.Event with a nil Conn, and is
//     the error of the future.
//   - An error of Server.Stream is an event; EOF, mere cancellation and the
//     error of Read because of DrainReads are not.
//   - A panic or runtime.Goexit in a callback ends its connection with a reset,
//     and is contained as in every operation. Closed is still called.
//
// # Limitations
//
//   - On Linux a plain connection in handler style, over TCP or a unix socket,
//     has no goroutine and no buffer while nothing arrives: a poller that
//     belongs to the loop serves it. There is one poller for each processor but
//     one, and at least one. TLS connections, and other systems, have a
//     goroutine for each connection, parked without a buffer. Where sockets
//     offer no such wait (Windows), and over a net.Conn that is not a socket, a
//     waiting connection holds 68 KiB.
//   - Where a write cannot be tried without blocking (Windows, and a net.Conn
//     that is not a socket), Send queues everything, and a Close that follows
//     drops what a goroutine has not written yet: use CloseAfterFlush.
//   - A peer that vanishes without a word is noticed by keep-alive probes after
//     150 s (see Dialer.KeepAlive). Probes are not sent while it owes an
//     acknowledgement of data: then the system gives up after some 15 minutes
//     on Linux. Idle timeouts end the connection earlier, if they are set.
//   - A connection that a poller serves has keep-alive probes every 15 s and no
//     delay (TCP_NODELAY), as package net sets them by default, even if the
//     listener given to StartOn has other settings. When it is read in stream
//     style, or TLS begins on it, its socket moves to Go's netpoller and has
//     another descriptor.
//   - TLS begins on a connection once (StartTLS, or from the start), and does
//     not end before the connection does. A handshake may take 10 s unless
//     Dialer.TLSTimeout says otherwise.
//   - Read and SetHandler exclude each other: on a connection with a Handler
//     Read fails.
//   - The file of a unix socket that a killed process has left must be removed
//     before Listen.
//   - Other options of listening sockets are set by making the listener with
//     net.ListenConfig: Server.StartOn and NewListener take it over.
//   - The file descriptor is for tracking. Reading, writing or closing it
//     directly breaks the connection.
//   - Names are looked up by dnsx.DefaultResolver, which caches, unless
//     Dialer.Resolver is set.
package tcp
