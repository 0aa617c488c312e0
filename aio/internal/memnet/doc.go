// Package memnet is a network in memory whose connections behave like TCP
// connections on loopback. It is for tests: nothing leaves the process, no
// other program can take a port, and every state that matters to a program (a
// full buffer, a half-closed peer, a reset, a dial that never completes) can be
// produced at will.
//
// # Usage
//
// A [Network] holds the addresses; [Network.Listen] and [Network.DialContext]
// work like their namesakes in package net. [Pipe] gives two connected ends
// without a listener. [Faulty] wraps a connection, of this package or any
// other, and makes chosen calls fail, shrink or linger.
//
//	var n memnet.Network
//	l, err := n.Listen("db.internal:5432")
//	...
//	c, err := n.DialContext(ctx, "tcp", "db.internal:5432")
//
// # Time
//
// The package starts no goroutine. It waits only on channels and on timers of
// package time, so all of it works inside a testing/synctest bubble, and a
// goroutine that waits here is durably blocked. Objects made inside a bubble
// must be used only inside that bubble.
//
// # Like TCP
//
//   - Bytes, not messages: a Read may return part of a Write or parts of
//     several.
//   - Each direction has a bounded buffer. Write blocks while it is full.
//   - Each direction ends separately: after [Conn.CloseWrite] the peer reads
//     what is buffered, then io.EOF, and may still write.
//   - After [Conn.Close] the peer reads what is buffered, then io.EOF. Its
//     first Write succeeds and is lost; the following ones fail with EPIPE.
//   - Close with unread data in the buffer resets the connection instead.
//   - A reset ([Conn.Abort], or SetLinger(0) and Close) fails the peer's reads
//     and writes with ECONNRESET.
//   - A dial succeeds when the connection is in the accept queue. It need not
//     have been accepted yet.
//
// # Unlike TCP
//
//   - A reset discards what the peer has not yet read, as RFC 9293 says. Linux
//     lets the peer read it first, other systems do not; a program that is
//     correct here is correct on all of them. A peer that has only the end left
//     to read still gets its io.EOF.
//   - Every call after a reset returns its error. Linux returns it once, then
//     EOF and EPIPE.
//   - After [Conn.CloseRead] bytes that arrive are discarded; on Linux they can
//     still be read.
//   - There is no name lookup: a name is an address like any other, and one
//     without a listener refuses. "localhost" is 127.0.0.1.
//   - Bytes take no time and none are lost or reordered. Only connecting can
//     have a [Network] Latency, and [Faulty] can delay calls.
//
// # Errors
//
// Every error is a *net.OpError, as those of package net, except io.EOF and the
// EAGAIN of [Conn.TryRead], [Conn.TryWrite] and [Listener.TryAccept], which
// come bare. Match them with errors.Is: net.ErrClosed, os.ErrDeadlineExceeded,
// syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNREFUSED, syscall.EADDRINUSE,
// or the error of the context.
package memnet
