// Package httpx provides HTTP client and server implementations whose
// requests are operations of a loop (package aio). A [Client] sends
// requests. A [Server] may answer a request after its handler has returned.
// Each request is a child of the operation that it belongs to. The loop
// counts it, lists it, and ends it together with its other operations.
//
// # Usage
//
// [Serve] starts a server as cl-async's http-server does. The server calls the
// function with each request once all of it has arrived, and [Request.Respond]
// answers it, in that function or later, from any goroutine:
//
//	s, err := httpx.Serve(ctx, ":8080", func(r *httpx.Request) {
//		r.RespondString(200, "hai")
//	})
//
// [ServeHandler] serves an http.Handler, and so the routers and middleware
// that are written for net/http. The fields of [Server] configure TLS (with
// certificates that are reloaded when they change), HTTP/2, limits, an
// access log and a readiness hook. A response has a Date, but no Server
// header unless the handler sets one.
//
// [Request.Start] answers piece by piece. [Request.SSE] answers with
// server-sent events, and [SSE] does so in an http.Handler. [Request.Upgrade]
// ends HTTP on the connection and returns it as a tcp.Conn.
//
// [Get], [Post], [Do] and similar functions send a request, as cl-async's
// http-client does, and return a future for the response, whose body is read
// into memory:
//
//	resp, err := httpx.Get(ctx, "https://example.com/").Await(ctx)
//
// A [Client] with its fields set has a timeout for each phase, a limit for the
// body, redirects, retries, hedging, a cookie jar, proxies, and limits for its
// connections. Its [Client.Guard] checks each address before the client
// connects to it. [Client.Stream] returns when the header has arrived, with the
// body still to be read. [Client.Events] receives server-sent events in a
// channel, and reconnects with the last event's ID when the connection ends;
// [Client.EventsFunc] calls a function for each of them. [WithProgress] returns
// a channel that reports the progress of a request. A Client has a pool of
// connections in each loop, so it should be reused. It is an http.RoundTripper:
// a library that wants an http.Client can be given one whose Transport is a
// Client.
//
// # Requests over HTTP/1.1
//
// The client implements HTTP/1.1 itself, without net/http's Transport, and uses
// golang.org/x/net/http2 for HTTP/2. Over TLS the server chooses (ALPN). A
// request that asks for an upgrade offers only HTTP/1.1.
//
// A request is one operation. Without a proxy and TLS, on Linux, neither the
// request nor its connection holds a goroutine: the callbacks of the connection
// gather the response and resolve the future. A goroutine takes over where
// something must be awaited or unpacked: for a redirect, a retry, a hedged
// request, Client.Wrap, cookies, gzip, a body that is an io.Reader, a Stream,
// and over HTTP/2. An idle connection with TLS has a goroutine, parked without
// a buffer.
//
// A request takes the idle connection that was used last. If there is none, the
// client dials one. The request gets the first connection that becomes free, no
// matter which request it was dialed for; a connection that no request needs is
// kept as idle. With Client.MaxConnsPerHost requests get connections in the
// order in which they were made. Over HTTP/2 requests share a connection as
// long as the server allows more of them (SETTINGS_MAX_CONCURRENT_STREAMS);
// then another one is dialed, up to MaxConnsPerHost.
//
// An idle connection may turn out to be closed when it is reused. The client
// then moves the request to another connection, if nothing of the response has
// arrived, and if the method is GET, HEAD, OPTIONS or TRACE, or there is an
// Idempotency-Key, or nothing of the request was sent. A request with a body
// must have GetBody for that. This does not count as a retry. So a POST is
// never carried out twice, and may fail when the server closes an idle
// connection at that moment. The same holds over HTTP/2 for a connection that
// is closed with requests on it. A request that the server has not processed,
// according to a GOAWAY or REFUSED_STREAM, is repeated whatever its method (RFC
// 9113, section 8.7).
//
// A stream of server-sent events is one operation over successive connections.
// Under the same conditions it has no goroutine while nothing arrives, or while
// it waits to reconnect: the connection's callbacks parse the events and call
// the function given to EventsFunc.
//
// All hooks of an httptrace.ClientTrace in ctx, or in the http.Request's own
// context, are called. They must not block.
//
// Responses are parsed as strictly as requests to a Server are. A response
// fails the request if
//
//   - a line of its header does not end with CRLF, is not a field, or continues
//     the line before it;
//   - its first line is not HTTP/1 and a status from 100 to 999, with one space
//     between each;
//   - it has Content-Lengths that differ, or one that is not 1 to 18 digits;
//   - it has a Transfer-Encoding other than chunked, more than one, or one in
//     HTTP/1.0;
//   - its chunked body is malformed (see Errors and panics);
//   - its header is larger than 256 KiB, including the informational responses
//     before it, or has more than 2,000 fields, or there are more than 32
//     informational responses;
//   - it is a 101 that the request did not ask for.
//
// Over HTTP/2 the bounds of the header and of informational responses are the
// same.
//
// Secrets do not leak. The text of an error, the name of an operation and the
// text of a Response never contain the password or the query of a URL.
// Credentials in a request's header do not follow a redirect to another host,
// as with net/http, or one from https to http on the same host.
//
// A connection is not reused after a response with both a Content-Length and a
// Transfer-Encoding (which takes precedence), after a response that was
// followed by any bytes, or if bytes arrive while no request is waiting: they
// must not be taken for the response to another request.
//
// # Serving HTTP/1
//
// The server implements HTTP/1.0 and HTTP/1.1 without net/http's server. It
// calls Server.Handle in the callback of the connection (see package tcp), when
// the request's body has arrived. It also calls Server.Handler in that callback
// if the body has arrived with the header or there is none. Otherwise it calls
// Handler in a goroutine, and receives about 64 KiB of the body before the
// handler reads them. Both functions may block.
//
// A request takes the memory of its record and its raw header. A request that
// Handle has left without a response has no goroutine. A connection between two
// requests has none either, where the system allows that: see the limitations
// of package tcp. An http.Handler runs until it has answered, so it holds the
// goroutine that calls it.
//
// Respond hands the response to the connection at once, even while Handle is
// running. If another request has arrived together with this one, their
// responses are gathered and sent together, for at most 1 ms and 32 KiB. The
// connection's next request begins when Handle has returned and the response
// was handed over.
//
// The server sends a 100 to a client that waits for one ("Expect:
// 100-continue") when an http.Handler first reads the body, or before Handle is
// called, unless the body is too large. If the handler answers without reading,
// the server sends no 100 and the connection ends. WriteHeader sends an
// informational response at once: a status from 100 to 199, but not 101.
//
// What an http.Handler has not read of a body when it returns is dropped. The
// connection is kept if at most 256 KiB are still to come, and ends otherwise.
// It also ends if the handler's http.Request.Body is an [http.MaxBytesReader]
// whose limit was exceeded. A handler may read the body while it writes the
// response.
//
// Hijack, called through [http.ResponseController], and Request.Upgrade take a
// connection over. What the client has sent after the request's header, and was
// not read as its body, is read from the connection next. The connection
// remains an operation of the loop until it is closed: aio.Draining and
// Request.Draining tell when it should end. A request that offers an upgrade,
// and gets another response, keeps its connection.
//
// # Serving HTTP/2
//
// net/http's server serves HTTP/2, over TLS and, with Server.H2C, without it. A
// request holds a goroutine until it is answered, and so does its connection.
// Upgrade and Hijack fail with [http.ErrNotSupported].
//
// # Differences from net/http's server
//
// Over HTTP/1, an http.Handler sees the same behavior as on net/http's server,
// with these exceptions. The package's tests compare the two.
//
// The server is stricter, so that no two programs understand the same bytes in
// different ways:
//
//   - Requests are refused that net/http accepts: see Errors and panics.
//     Server.MaxHeaderFields bounds the number of fields.
//   - A malformed chunked body is refused before the handler is called, if the
//     malformed part has arrived with the header.
//   - A response whose header cannot be sent as it is becomes a 500, where
//     net/http rewrites the value or drops the field. So does one with an
//     invalid status: WriteHeader does not panic.
//   - A response's Content-Length that is not a number is left out, and so is a
//     handler's Transfer-Encoding other than identity. net/http sends both.
//   - A response's body never exceeds its Content-Length, even through
//     ReadFrom. A 205 has no body, and no trailer has a Content-Length.
//   - A field that the server would set itself is recognized in any spelling of
//     its name. Connection is a list of tokens in any case.
//
// The other exceptions:
//
//   - A panic is answered with 500 if nothing was sent, since a client can tell
//     that from a broken connection. net/http closes the connection.
//   - A request's body can always be read while the response is written.
//     EnableFullDuplex does nothing.
//   - An http.MaxBytesReader ends the connection whatever ResponseWriter it was
//     given. [http.MaxBytesHandler], which passes the handler a copy of the
//     request, ends it only if more than 256 KiB are left.
//   - A client whose body has arrived gets no 100, and a client of HTTP/1.0
//     gets no informational responses.
//   - After a connection was taken over, reading the request's body fails, and
//     what was sent as a body is read from the connection.
//   - The response to a CONNECT, and a 101, end the connection unless it is
//     taken over: what follows need not be HTTP.
//   - The ResponseWriter is not an http.CloseNotifier, which is deprecated.
//   - If Done was not called on a request's context before the request's end,
//     the context does not end with the request. It then behaves as the
//     connection's context.
//   - [http.ServerContextKey] has an http.Server that is not started. ConnState
//     and ConnContext have no counterpart.
//
// # Observing requests
//
// [Server.Done] is called for each finished request, in both styles and over
// both versions of HTTP, with method, route, status, sizes, duration and
// [Outcome]. The route is the pattern of an http.ServeMux, or the argument of
// [Request.SetRoute] or [SetRoute]. Done is also called for requests that the
// server itself answers, and for headers that it refuses, of which only the
// status is known. A [RequestStats] contains the client's input unchanged. A
// server without Done measures nothing.
//
// [Server.RequestContext] sees the header before a request's operation begins,
// and adds values to its context: the span of a trace that the client has
// begun, or a logger. Server.AccessLog writes a log without either.
//
// # Cancellation
//
// The context of a request to a Server ends
//
//   - when its client is gone, with an *aio.ConnError as the cause;
//   - when Server.RequestTimeout has passed, with aio.ErrTimeout;
//   - when its future, its server or its loop is cancelled.
//
// Operations that were started with that context are cancelled with it.
// [Request.Gone] reports only the first. A deferred request is over when its
// context ends, and the future of a later response fails with the cause. A
// function that is running goes on until it returns, and may still respond.
//
// The server watches whether the client leaves only if that can make a
// difference: if the request was deferred, Gone was called, Done or Err was
// called on its context, or an operation was started with that context. From
// then on, the server notices on Linux at once when the client leaves. On other
// systems it notices as [tcp.Conn.AfterHangUp] says. If the client ends its
// sending side, it counts as gone, unless Server.HalfOpen is set.
//
// The end of the ctx that a server was started with does not affect the server.
// Cancelling the ctx's operation closes the listener and aborts the
// connections.
//
// A client's request is a child of the operation of the ctx it is made with. It
// ends when that ctx does, when its future is cancelled, or when the
// http.Request's own context ends. Its error is then an [Error] that wraps the
// cause. The request is abandoned in whatever phase it is: over HTTP/1.1 its
// connection is aborted, over HTTP/2 its stream is reset. A connection that is
// being made for it is given up too, unless another request waits for one. What
// the server has done by then is not undone. The ctx of a [Stream]'s request
// also governs its body.
//
// [Timeouts] bounds every wait of a request, including those for a proxy, for
// one of Client.MaxConnsPerHost connections, for a window of HTTP/2, and for
// the io.Reader of a request's body. A Read of the body that does not return is
// left behind as a separate operation ("http.upload"), which is listed and
// holds the loop open. The body is closed, which ends a Read of most types.
//
// # Backpressure
//
//   - Connections beyond Server.MaxConns wait in the kernel's accept queue (see
//     package tcp).
//   - Requests beyond Server.MaxInFlight are answered at once with 503 and a
//     Retry-After.
//   - The limits of a request's header apply while it arrives. So does
//     Server.MaxBody, which bounds the body for Handle. An http.Handler bounds
//     its bodies itself.
//   - Respond never blocks. Its response waits for the connection, which has
//     one request at a time.
//   - The server does not read from a connection whose client does not read the
//     responses.
//   - StreamWriter.Write, EventStream.Send and the Write of an http.Handler
//     wait while the client does not read. They fail when sending has made no
//     progress for Server.WriteTimeout. Over HTTP/2 that applies to each
//     stream: if a client holds back its window, the stream is reset.
//   - A client's requests wait for a connection when Client.MaxConnsPerHost are
//     in use: for any time while other requests get connections, and for
//     Timeouts.Wait while none does. Their number is not bounded: see
//     aio.Loop.MaxInFlight. Their rate is bounded by Client.Limiter.
//   - A response's body in memory is bounded by Client.MaxBody, after
//     unpacking. It takes memory as it arrives, whatever its announced length.
//     The body of a Stream is read from the connection as the program reads it,
//     at most about 128 KiB ahead of that, and is not bounded.
//   - A stream of events is not read while the function of EventsFunc runs, or
//     16 events wait in the channel of an EventReader. Reconnect.MaxEvent
//     bounds an event.
//   - The channel of WithProgress has only the latest state, and delays
//     nothing.
//
// # Shutdown
//
// While the loop is leaving (aio.Loop.DrainDelay), Server.ReadyPath answers
// 503, and everything else continues. When the loop drains, or Server.Shutdown
// is called,
//
//   - the listener closes, after taking what the kernel has queued;
//   - a new connection has one second from its beginning to send its first
//     request;
//   - a connection that has had a request has 250 ms for another one, which its
//     client may have sent before it could know;
//   - responses that have not begun say "Connection: close";
//   - an HTTP/2 connection sends a GOAWAY with its last request, at the latest
//     when its first one has begun: requests up to the last are answered, and
//     others that are in transit are not processed and may be sent again
//     elsewhere;
//   - requests being handled, including deferred ones, are answered: none whose
//     handler has begun goes unanswered within the loop's Grace;
//   - streams, event streams and connections that were taken over go on, and
//     learn of the drain from Draining; an http.Handler learns of it from
//     aio.Draining.
//
// After Grace the rest is cancelled: contexts end, and connections are aborted.
//
// A client's requests hold the loop open, and go on while it drains. So does a
// Stream until its body is closed, read to its end, or has failed, and the body
// of a RoundTrip's 101 until it is closed. A stream of events holds the loop
// open too, but ends when it drains. Idle connections do not hold the loop
// open. They are closed when it drains, and connections in use when their
// request is done.
//
// # Errors and panics
//
// Start returns the errors of starting. The error of a response is its
// future's, and an event if the program does not look at it. A connection that
// ends between requests, or within a header, is not an event. A response whose
// header cannot be sent as it is fails with [ErrBadHeader] and the client gets
//  500. It is never rewritten.
//
// After a panic or runtime.Goexit in a function of the user's, the server
// answers with 500 if there is no response yet, and ends the connection. If the
// function has called Respond, its response is sent before the connection ends.
// The panic is an event. Without Loop.CatchPanics it ends the loop.
// [http.ErrAbortHandler] only ends the connection.
//
// The server itself answers
//
//   - 408 when nothing more of a body has arrived for Server.BodyTimeout:
//     before Handle is called, and for a handler whose Read failed and that has
//     sent nothing;
//   - 417 to an Expect other than 100-continue;
//   - 500 to a request that was dropped without a response, with [ErrAbandoned]
//     as the event;
//   - 503 to a request that Handle has left without a response for
//     Server.ResponseTimeout, with ErrAbandoned; to one that has taken longer
//     than Server.RequestTimeout; and beyond Server.MaxInFlight.
//
// A header that has not arrived within Server.HeaderTimeout ends the connection
// without a response.
//
// Requests that are not well-formed are refused before any function is called,
// and their connection ends. HTTP/1 is parsed according to RFC 9112, without
// the leniency that lets two parsers on the path read a request differently.
// The header is refused with 400 if
//
//   - a line does not end with CRLF, or an empty line comes before the first,
//     except up to two after the body of a POST;
//   - the first line is not a method, a target and a version, with one space
//     between each;
//   - the target does not fit the method. It is a path with an optional query,
//     in the characters of RFC 3986 and "[" and "]" in the query; an http or
//     https URL without user information; host and port, which CONNECT must
//     have; or "*", which only OPTIONS may have;
//   - a field has no name, a name that is not a token, or white space before
//     its colon; or a line begins with white space (obsolete line folding);
//   - a value has a control byte other than a tab;
//   - there is not exactly one Host (HTTP/1.0 needs none), or it is not a host
//     with an optional port;
//   - there is more than one Content-Length, even of equal value, or one that
//     is not 1 to 18 digits;
//   - there is more than one Transfer-Encoding, one beside a Content-Length, or
//     one in HTTP/1.0;
//   - a chunked request announces a Content-Length, Transfer-Encoding or
//     Trailer in its trailer;
//   - it ends before its empty line.
//
// It is refused with
//
//   - 431 if it is longer than Server.MaxHeaderBytes, or has more fields than
//     Server.MaxHeaderFields;
//   - 501 for a Transfer-Encoding other than chunked;
//   - 505 for a major version other than 1.
//
// A body is refused with
//
//   - 400 if a chunk's size is not 1 to 15 hexadecimal digits, a line between
//     the chunks does not end with CRLF or is longer than 256 bytes, these
//     lines are much longer than the data, or a field of the trailer is
//     malformed;
//   - 413 if it is larger than Server.MaxBody, for Handle only;
//   - 431 if the trailer exceeds the limits of a header.
//
// If a body turns out to be malformed while an http.Handler reads it, the Read
// fails, and the client gets the status above if the handler sends nothing.
// Over HTTP/2 the same rules hold where they apply. A refused request ends its
// stream, answered with 400 or reset (RFC 9113, section 8.1.1).
//
// The error of a client's request is an [*Error]. It has the method, the URL
// without password and query, the [Phase] that the request failed in, and the
// reason. If a connection could not be made, broke, or took too long, the error
// matches a condition of package aio, as in package tcp: aio.ErrRefused,
// aio.ErrReset, aio.ErrTimeout, aio.ErrDNS, aio.ErrEOF. A malformed response is
// an error but not a condition. The other errors are [ErrBodyTooLarge],
// [ErrRedirects], [EventStreamError], [ErrEventTooLarge], the [ErrBlocked] of
// GuardPublicOnly, aio.ErrNoLoop and aio.ErrLoopDone. A response is not an
// error, whatever its status. Retry and Hedge repeat only requests that may be
// repeated, and so does the client when the server has just closed a kept
// connection.
//
// # Differences from net/http's Transport
//
// The package's tests compare the two, over HTTP/1.1 without and with TLS and
// over HTTP/2. Apart from the stricter parsing (see above) these are the
// differences:
//
//   - Spaces in the path and query of the request's URL are escaped. net/http
//     sends them as they are.
//   - The error of a request whose context ends is the context's cause, over
//     HTTP/2 too, and the body of its response is closed at once: data that has
//     arrived and was not read is dropped.
//   - After a body was closed before its end, the connection can be reused if
//     all of the body had arrived.
//   - If a TLS connection is closed without close_notify, a body without a
//     length is cut off. net/http takes this for the body's end.
//   - Over HTTP/2 a request's body that is shorter than its ContentLength fails
//     the request, and GETs are repeated on another connection if theirs is
//     closed, as over HTTP/1.1.
//   - A response to Do that ends HTTP on its connection, which is a 101 or a
//     2xx to CONNECT, has no body, and the connection is closed. See Stream.
//   - The Connection field of a response that closes its connection is left in
//     Header. A response without a reason has a Status without a space after
//     the number, even if the server has sent one.
//
// # Limitations
//
// Of the client:
//
//   - Connections with TLS, through a SOCKS5 proxy or a tunnel, and all on
//     systems other than Linux have a goroutine each.
//   - Client.Proxy is called by Do, and must not block.
//   - Through a proxy, Client.Guard sees only the proxy.
//   - Over HTTP/2, a broken connection fails all requests that share it and
//     whose response has begun. See Retry.
//   - A Client whose Transport is set has only Timeouts.Total and
//     Timeouts.Body.
//   - Trailers are set after the body was read. Early hints (1xx responses) are
//     passed on only to an httptrace.ClientTrace.
//   - Retry repeats a request whose response's body breaks off only if the
//     client reads it (Do, not Stream).
//   - http.Request.Cancel, which is deprecated, has no effect.
//
// Of the server:
//
//   - A client that has closed its sending side cannot be distinguished from
//     one that is gone. A deferred response is not sent to it, unless
//     Server.HalfOpen is set.
//   - The server does not notice that a client leaves while an http.Handler
//     runs that does not use its context. The handler's Write fails.
//   - On systems other than Linux, the server does not notice that a client has
//     left if the client has sent more after its request.
//   - An EventStream with a heartbeat that is dropped without Close ends when
//     its client leaves.
package httpx
