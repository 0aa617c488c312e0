// Package httpx is HTTP as operations of a loop: requests that are answered now or later by a [Server], and requests to
// others by a [Client], each a child of the operation that it belongs to, counted, listed, and ended together with the
// rest.
//
// # Usage
//
// [Serve] starts a server as cl-async's http-server does. The function is called with each request, whole, and the
// request is answered by [Request.Respond], in that function or later, from any goroutine:
//
//	s, err := httpx.Serve(ctx, ":8080", func(r *httpx.Request) {
//		r.RespondString(200, "hai")
//	})
//
// [ServeHandler] serves an http.Handler: the ecosystem's routers and middleware. A [Server] with its fields set has
// both, and TLS with certificates that are read again when they change, HTTP/2, limits, an access log and a readiness
// hook. [Request.Start] answers piece by piece, [Request.SSE] with server-sent events, and [Request.Upgrade] hands the
// connection over as a tcp.Conn, with all that was sent on it already. [SSE] sends server-sent events from an http.Handler.
//
// [Get], [Post], [Do] and the others make a request as cl-async's http-client does, and return the future of its response
// with the body in memory:
//
//	resp, err := httpx.Get(ctx, "https://example.com/").Await(ctx)
//
// A [Client] with its fields set has timeouts for each phase, a bound for the body, redirects, retries, hedging, a cookie
// jar, proxies, bounds for its connections, and a [Client.Guard] that sees each address before it is connected to.
// [Client.Stream] returns as soon as the header is there, with the body still to be read, and [WithProgress] gives a channel
// of how far a request has come. A Client is meant to be kept: it has a pool of connections in each loop.
//
// # Cancellation
//
// A request's context ends when its client is gone (with an *aio.ConnError as cause), when Server.RequestTimeout has
// passed (aio.ErrTimeout), when its future, its server or its loop is cancelled. [Request.Gone] tells of the first. What
// was started with that context is cancelled with it. A deferred request whose context has ended is over, and the future
// of a response that comes later fails with the cause. A function that is running goes on until it returns, and may still
// respond; the operation ends with it.
//
// The end of the ctx that a server was started with does not touch it, but for cancellation of its operation, which
// closes the listener and aborts the connections.
//
// A client's request is a child of the operation of the ctx it is made with. It ends when that ctx does, when its future
// is cancelled, or when the http.Request's own context ends; its error is then an [Error] with the cause in it. It is
// abandoned where it is: over HTTP/1.1 its connection is closed, over HTTP/2 its stream is reset. A connection that was
// being made for it is given up too. What the server has done by then is not undone. The ctx of a [Stream]'s request
// governs its body as well.
//
// # Backpressure
//
//   - Connections beyond Server.MaxConns wait in the kernel's accept queue (see package tcp).
//   - Requests beyond Server.MaxInFlight are answered with 503 and a Retry-After at once.
//   - A request's body is bounded before it is read, and its header while it is read.
//   - Respond never blocks: what it is given waits for its connection, one response at a time. StreamWriter.Write and
//     EventStream.Send wait while the client does not read, and fail when nothing has gone out for WriteTimeout. Over
//     HTTP/2 that holds for each stream: a client that holds back its window has it reset.
//   - A connection's next request is read when the one before is answered.
//   - A client's requests wait for a connection when Client.MaxConnsPerHost are in use. Their number is not bounded: see
//     aio.Loop.MaxInFlight.
//   - A response's body in memory is bounded by Client.MaxBody, after unpacking, and takes memory as it comes, whatever
//     length it announces. The body of a Stream is read from the connection as the program reads it, and not bounded.
//   - The channel of WithProgress has the latest state only, and holds nothing up.
//
// # Shutdown
//
// While the loop is leaving (aio.Loop.DrainDelay), Server.ReadyPath answers 503, and everything else is as before. When the
// loop drains, or Server.Shutdown is called,
//
//   - the listener closes, after taking what the kernel has queued;
//   - a connection that waits for a request is closed, unless one has arrived already; a new one has a second to send its
//     first;
//   - responses that are not begun yet say "Connection: close";
//   - an HTTP/2 connection says by GOAWAY which request is the last, when it has
//     begun its first one at the latest: those up to it are answered, others that
//     are on their way were not processed and may be sent again elsewhere;
//   - requests being handled, deferred ones included, are answered: none whose handler began goes without its answer
//     within the loop's Grace;
//   - streams, event streams and upgraded connections go on, and are told by Draining; an http.Handler is told by
//     aio.Draining.
//
// After Grace what is left is cancelled: contexts end, connections are aborted.
//
// A client's requests hold the loop open, and go on while it drains; so does a Stream until its body is closed, read to its
// end, or has failed. Idle connections do not hold the loop open; they are closed when it drains, and those in use when
// their request is done.
//
// # Errors and panics
//
// Start's errors come at once. The error of a response is its future's: nobody looking, it is an event. A connection that
// ends between requests, or within a header, is no event. A response whose header cannot be sent as it is fails with
// [ErrBadHeader] and the client gets 500; it is never rewritten. [ErrAbandoned] is the event of a request that was
// dropped without a response (500), or had none in time (503).
//
// A panic or runtime.Goexit in a function of the user's is answered with 500 if nothing was sent, and ends the
// connection. The panic is an event; without Loop.CatchPanics it ends the loop. http.ErrAbortHandler ends the connection
// and is nothing else.
//
// Requests that are not well-formed are refused before any function is called, and end their connection: 400 for what
// two parsers may read in two ways (section 7 of the design lists it), 431 for headers beyond the limits, 413 for bodies,
// 501 for transfer codings other than chunked, 505 for other versions. Over HTTP/2
// they end their stream, answered with 400 or reset (RFC 9113, section 8.1.1).
//
// The error of a client's request is an [*Error]: the method, the URL without password and query, the [Phase] that it
// failed in, and why. A connection that could not be made, broke, or took too long is a condition of package aio there
// (aio.ErrRefused, aio.ErrReset, aio.ErrTimeout, aio.ErrDNS, aio.ErrEOF), as from package tcp. A response that makes no
// sense is an error and no condition. Beside these there are [ErrBodyTooLarge], [ErrRedirects], [ErrBlocked] of
// GuardPublicOnly, and aio.ErrNoLoop and aio.ErrLoopDone. A response is no error, whatever its status. Only requests that
// may be repeated are, by Retry, Hedge, or on a connection that the server had just closed.
//
// # Limitations
//
// Of the client:
//
//   - It is net/http's Transport on connections of package tcp. A request in progress holds a goroutine, and each pooled
//     connection two.
//   - net/http repeats a request by itself when a pooled connection turns out to be closed before any of the response
//     came; Retry does not count that.
//   - Through a proxy, Client.Guard sees the proxy only.
//   - Timeouts.Send bounds writing to a connection, so it is shared by the requests of one HTTP/2 connection.
//   - A Client with a Transport of its own has only Timeouts.Total and Timeouts.Body.
//   - Trailers are there after the body was read. Early hints (1xx responses) are not passed on, but to an
//     httptrace.ClientTrace in the request's context.
//
// Of the server:
//
//   - The engine is net/http's server. A request that is not answered yet holds a goroutine, and so does a connection
//     that has sent one.
//   - A client that has closed its sending side cannot be told from one that is gone: a deferred response is not sent to
//     it, unless Server.HalfOpen is set.
//   - That a client is gone is noticed 50 to 100 ms after its request came at the earliest, unless the request is deferred
//     or somebody asked for Gone.
//   - While a client's next request waits on its connection, its leaving is not noticed.
//   - An upgrade that is offered and not taken up ends the connection with the response.
//   - An EventStream with a heartbeat that is dropped without Close ends when its client does.
package httpx
