// Package live shows a loop while it runs, and while it ends: what is in
// flight, what holds the loop open, what waits for what, rates and events, as a
// page in a browser, in JSON, and as metrics for Prometheus. Command
// goaio.example/cmd/aiolive shows the same in a terminal.
//
// # Usage
//
// One line in main serves the page at an address of this machine:
//
//	page, err := live.Serve(ctx, "127.0.0.1:6060")
//
// A [Server] with its fields set has a token, TLS, and buttons to cancel an
// operation or to drain the loop. [Handler], and a [Page] with its fields set,
// go into a server that is there already, below any path that ends in a slash:
//
//	mux.Handle("/debug/live/", live.Handler(loop))
//
// [Metrics] is also a handler by itself.
//
// The tree of operations is folded: more than 5 operations of one kind below
// one parent are one row, with their number and the age of the oldest, until
// the row is opened. It has at most 500 rows. A search finds operations by a
// part of their name or kind, or by ID. With aio.Loop.Sites, each operation
// tells the call that has started it. The stack of an operation is shown when
// asked for, since that stops the world.
//
// The page is HTML that does without JavaScript. Where that can run it renews
// the page, by server-sent events, until the button Pause is pressed.
//
// # Cancellation
//
// The ctx given to Serve names the loop. Its end does not end the server: the
// page shows a loop that is cancelled until nothing is left. Server.Close ends
// it earlier. A stream ends when its client is gone.
//
// # Backpressure
//
// What streams with the same parameters show is made once for all of them. A
// client that reads slowly gets fewer frames, and none queue. Between two looks
// at all operations nothing is done for at least a second, and for 40 times as
// long as a look takes: 2.5% of a processor. While the loop drains, it is a
// quarter of a second and 10 times as long. Looks do not overlap. With very
// many operations, the tree and the tables are thus renewed less often than the
// rest, and say how old they are. A look holds no lock for long: the children
// of an operation are read 256 at a time.
//
// The history, 200 events and 300 samples of the rates, is kept while a client
// watches, and for 30 s after that. At most 1 KiB of a name or an error is kept
// and sent. While no client watches, there is no goroutine, timer or tap. A
// Server has at most 100 connections.
//
// # Shutdown
//
// A Server runs in its own loop, which ends last: it is not an operation of the
// loop that it shows, does not hold that open, and is not drained with it. When
// all has ended or was given up, pages are sent what was left, and the server
// ends. That takes some milliseconds; a browser that keeps a connection open,
// or does not read, can make it a fifth of a second. Run returns after that. If
// the loop has given something up, which leaves no time, Run does not wait for
// more than 15 ms, and the server may end after it.
//
// The streams of a Page in the loop's own server end when that drains: use a
// Server to see the drain. On net/http's server they end with the loop, so that
// http.Server.Shutdown waits for that.
//
// # Errors and panics
//
// A Server that cannot listen says so in Start. A panic in it is logged, and
// does not concern the loop that it shows.
//
// # Security
//
//   - A page without a Token answers only requests from loopback addresses and
//     unix sockets, and a Server without one listens only there ([ErrToken]).
//     Other users of the machine can reach a loopback address, but not a unix
//     socket with a file: Start makes that the owner's.
//   - It is asked for by localhost, an IP address, or a name in Page.Hosts.
//     Other requests get 421, so that a page whose name was made to lead here
//     (DNS rebinding) reads nothing. There are no CORS headers.
//   - It is read-only without AllowControl. What changes something, or stops
//     the world, is a POST, and refused when it comes from another site. So are
//     requests that a page of another site makes unseen, where browsers tell:
//     they cannot read the page, but have operations looked at.
//   - A browser is given a cookie for the token. It does not tell the token,
//     but is as good for this page until the token changes, and browsers send
//     it to other ports of the host too. A token in a URL leaves that at once;
//     it is in no name of an operation and no log.
//   - Names of operations are peers' input. They are escaped in HTML, with what
//     could hide or reorder text shown as [Visible] has it. The policy (CSP) of
//     a page lets nothing run but its own script, and nothing be loaded.
//   - The page shows names and errors, which may have what the program puts
//     there: paths of requests, addresses, queries. It shows no headers and no
//     bodies.
//   - A proxy on the machine makes requests of others local. Set Token behind
//     one.
//   - Without TLS a token is sent as it is.
//
// # Cost
//
// On a machine with 2 processors that others used as well, a program with
// 100,000 operations used 1.4% of one processor while three browsers watched,
// and 0.0% while no one did ("go run ./watched" in interop/browser). Reading
// 1,000,000 children of one operation in 3,907 pieces, ten times, held its lock
// for 12 us at the median and 44 us at the 99th percentile, and for 0.2 ms of
// processor time at most; 69 of 39,070 times took more than 1 ms by the clock,
// because the system had given the processor to others (BenchmarkSnapshot of
// package aio).
//
// Run returned 3 to 6 ms after the last operation had ended while one to three
// browsers watched, and within 0.2 ms otherwise.
//
// Metrics.Observe costs some 0.3 us for each operation, without an allocation.
// Without it, metrics cost nothing until they are asked for.
//
// # Limitations
//
//   - At 1,000,000 operations a look takes 1 to 3 s of CPU time, so that the
//     tree is renewed about every minute or two. The rates are renewed each
//     second.
//   - An operation is found by its ID only after its ID was shown.
//   - The rates begin when a client watches.
//   - One stack is shown: that of the goroutine that runs the operation's
//     function.
package live
