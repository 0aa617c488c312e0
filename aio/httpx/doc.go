// Package httpx provides HTTP client and server implementations whose requests
// are operations of a loop (package aio). A [Server] answers requests now or
// later, and a [Client] makes them. Each request is a child of the operation
// that it belongs to. The loop counts it, lists it, and ends it together with
// the rest.
//
// # Usage
//
// [Serve] starts a server as cl-async's http-server does. The server calls the
// function with each request once the request has come whole, and
// [Request.Respond] answers it, in that function or later, from any goroutine:
//
//	s, err := httpx.Serve(ctx, ":8080", func(r *httpx.Request) {
//		r.RespondString(200, "hai")
//	})
//
// [ServeHandler] serves an http.Handler, and so the routers and middleware that
// are written for net/http. A [Server] with its fields set also has TLS with
// certificates that are read again when they change, HTTP/2, limits, an access
// log and a readiness hook.
//
// [Request.Start] answers piece by piece. [Request.SSE] answers with
// server-sent events, and [SSE] does so in an http.Handler. [Request.Upgrade]
// ends HTTP on the connection and returns it as a tcp.Conn.
//
// [Get], [Post], [Do] and the others make a request as cl-async's http-client
// does. They return the future of its response, with the body in memory:
//
//	resp, err := httpx.Get(ctx, "https://example.com/").Await(ctx)
//
// A [Client] with its fields set has a timeout for each phase, a bound for the
// body, redirects, retries, hedging, a cookie jar, proxies, and bounds for its
// connections. Its [Client.Guard] sees each address before it is connected to.
// [Client.Stream] returns as soon as the header is there, with the body still
// to be read. [Client.Events] receives server-sent events in a channel, and
// comes back with the last event's ID when the connection ends;
// [Client.EventsFunc] calls a function for each of them. [WithProgress] gives a
// channel that tells how far a request has come. A Client has a pool of
// connections in each loop, so it should be kept and used again. It is an
// http.RoundTripper: a library that wants an http.Client can be given one whose
// Transport is a Client.
//
// # Requests over HTTP/1.1
//
// The client speaks HTTP/1.1 by itself, without net/http's Transport, and
// HTTP/2 by golang.org/x/net/http2. Over TLS the server chooses (ALPN). A
// request that asks for an upgrade offers HTTP/1.1 only.
//
// A request is one operation. Without a proxy and TLS, on Linux, neither the
// request nor its connection holds a goroutine: the callbacks of the connection
// gather the response and resolve the future. A goroutine takes over where
// something has to be waited for or unpacked: for a redirect, a repetition, a
// hedged request, Client.Wrap, cookies, gzip, a body that is an io.Reader, a Stream, and
// over HTTP/2. An idle connection with TLS has a goroutine, parked without a
// buffer.
//
// A request takes the idle connection that was used last. If there is none, one
// is dialed for it. It gets the first connection that is free, whoever that was
// dialed for, and what is dialed in vain is kept as idle. With
// Client.MaxConnsPerHost requests get connections in the order in which they
// were made. Over HTTP/2 requests share a connection as long as the server
// allows more of them (SETTINGS_MAX_CONCURRENT_STREAMS); then another one is
// dialed, up to MaxConnsPerHost.
//
// A kept connection may turn out to be closed. The request then goes to another
// one by itself, if nothing of the response has come, and if the method is GET,
// HEAD, OPTIONS or TRACE, or there is an Idempotency-Key, or nothing of the
// request was sent. A body must be there again for that
// (http.Request.GetBody). Retry does not count it. So a POST is never carried
// out twice, and may fail when the server closes an idle connection at that
// moment. The same holds over HTTP/2 for a connection that is closed with
// requests on it. What the server says that it has not processed, by a GOAWAY
// or REFUSED_STREAM, is made again whatever the method (RFC 9113, section 8.7).
//
// A stream of server-sent events is one operation over as many connections as
// it takes. Under the same conditions it has no goroutine while nothing comes,
// nor while it waits to come back: the connection's callbacks parse the events
// and call the function of EventsFunc.
//
// An httptrace.ClientTrace in ctx, or in the http.Request's own context, is
// told of all that it has hooks for. Its hooks must not block.
//
// Responses are parsed as strictly as requests to a Server are. A response
// fails the request if
//
//   - a line of its header ends otherwise than with CRLF, is no field, or
//     continues the one before;
//   - its first line is not HTTP/1 and a status from 100 to 999, with one space
//     between each;
//   - it has Content-Lengths that differ, or one that is not 1 to 18 digits;
//   - it has a Transfer-Encoding other than chunked, more than one, or one in
//     HTTP/1.0;
//   - its chunked body is malformed (see Errors and panics);
//   - its header is larger than 256 KiB, the informational responses before it
//     included, or has more than 2,000 fields, or there are more than 32
//     informational ones;
//   - it is a 101 that the request has not asked for.
//
// Over HTTP/2 the bounds of the header and of informational responses are the
// same.
//
// Secrets stay where they belong. No text of an error, name of an operation or
// text of a Response has the password or the query of a URL. Credentials in a
// request's header do not follow a redirect to another host, as with net/http,
// nor one from https to http on the same host.
//
// A connection is not used again behind a response with both a Content-Length
// and a Transfer-Encoding (the latter counts), behind one that was followed by
// any bytes, and when bytes come that no request has asked for: they must not
// be taken for the response to another request.
//
// # Serving HTTP/1
//
// The server implements HTTP/1.0 and HTTP/1.1 without net/http's server. It
// calls Server.Handle in the callback of the connection (see package tcp), when
// the request's body is there. It calls Server.Handler in that callback as well
// if the body has come with the header or there is none. Otherwise Handler is
// called in a goroutine, and about 64 KiB of the body are taken from the client
// before the handler reads them. Both functions may block.
//
// A request costs its record and its header as it came. One that Handle has
// left without a response has no goroutine. Neither has a connection between
// two requests, where the system allows that: see the limitations of package
// tcp. An http.Handler, as a function that runs until it has answered, holds
// the goroutine that calls it.
//
// Respond hands the response to the connection at once, also while Handle goes
// on. When another request has come together with this one, their responses are
// gathered and sent together, for at most 1 ms and 32 KiB. The connection's
// next request is begun when Handle has returned and the response was handed
// over.
//
// A client that sends "Expect: 100-continue" and waits is told to go on when an
// http.Handler first reads the body, or before Handle is called, unless the
// body is too large. If the handler answers without reading, the client is not
// told and the connection ends. WriteHeader sends an informational response at
// once: a status from 100 to 199, but not 101.
//
// What an http.Handler has not read of a body when it returns is dropped. The
// connection is kept if at most 256 KiB are still to come, and ends otherwise.
// It also ends if the handler's http.Request.Body is an [http.MaxBytesReader]
// that has met its bound. A handler may read the body while it writes the
// response.
//
// Hijack, as [http.ResponseController] has it, and Request.Upgrade take a
// connection over. What the client has sent behind the request's header, and
// was not read as its body, is read from the connection next. The connection
// remains an operation of the loop until it is closed: aio.Draining and
// Request.Draining tell that it should end. A request that offers an upgrade,
// and is answered otherwise, keeps its connection.
//
// # Serving HTTP/2
//
// net/http's server serves HTTP/2, over TLS and, with Server.H2C, without it. A
// request that is not answered yet holds a goroutine, and so does its
// connection. Upgrade and Hijack fail with [http.ErrNotSupported].
//
// # Differences from net/http's server
//
// An http.Handler on HTTP/1 finds what it finds on net/http's server, with
// these exceptions. The package's tests compare the two.
//
// The server is stricter, so that no two programs understand the same bytes in
// different ways:
//
//   - Requests are refused that net/http accepts: see Errors and panics.
//     Server.MaxHeaderFields bounds the number of fields.
//   - A malformed chunked body is refused before the handler is called, if the
//     fault has come with the header.
//   - A response whose header cannot be sent as it is becomes a 500, where
//     net/http rewrites the value or drops the field. An invalid status is
//     treated likewise: WriteHeader does not panic.
//   - A response's Content-Length that is no number is left out, and so is a
//     Transfer-Encoding of the handler's other than identity. net/http sends
//     both.
//   - A response's body never exceeds its Content-Length, also not through
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
//     given. [http.MaxBytesHandler], which gives the handler a request of its
//     own, ends it only if more than 256 KiB are left.
//   - A client whose body has come is not told to send it, and a client of
//     HTTP/1.0 gets no informational responses.
//   - When a connection was taken over, reading the request's body fails, and
//     what was sent as a body is read from the connection.
//   - A CONNECT that is answered, or a 101, and not taken over, ends the
//     connection: what follows it need not be HTTP.
//   - The ResponseWriter is no http.CloseNotifier, which is deprecated.
//   - The context of a request that has ended, and was not asked for Done
//     before, does not end with it. It answers as that of the connection.
//   - [http.ServerContextKey] has an http.Server that is not started. ConnState
//     and ConnContext have no counterpart.
//
// # Observing requests
//
// [Server.Done] is told of each request when it is over, in both styles and
// over both versions of HTTP: method, route, status, sizes, duration and
// [Outcome]. The route is the pattern of an http.ServeMux, or what
// [Request.SetRoute] or [SetRoute] was given. Requests that the server answers
// by itself are among them, and so are headers that it refuses, of which
// nothing but the status is known. What the client has sent is in a
// [RequestStats] as it came. A server without Done measures nothing.
//
// [Server.RequestContext] sees the header before a request's operation begins,
// and gives its context values: the span of a trace that the client has begun,
// or a logger. Server.AccessLog writes a log without either.
//
// # Cancellation
//
// The context of a request to a Server ends
//
//   - when its client is gone, with an *aio.ConnError as the cause;
//   - when Server.RequestTimeout has passed, with aio.ErrTimeout;
//   - when its future, its server or its loop is cancelled.
//
// What was started with that context is cancelled with it. [Request.Gone] tells
// of the first. A deferred request whose context has ended is over, and the
// future of a response that comes later fails with the cause. A function that
// is running goes on until it returns, and may still respond.
//
// The server watches for the client's leaving only if somebody can notice it:
// when the request was deferred, Gone was called, its context was asked for
// Done or Err, or something was started with that. On Linux the client's
// leaving is noticed at once from then on. Elsewhere it is noticed as
// [tcp.Conn.AfterHangUp] says. The end of the client's sending side counts as
// its leaving, unless Server.HalfOpen is set.
//
// The end of the ctx that a server was started with does not touch the server.
// Cancelling the ctx's operation closes the listener and aborts the
// connections.
//
// A client's request is a child of the operation of the ctx it is made with. It
// ends when that ctx does, when its future is cancelled, or when the
// http.Request's own context ends. Its error is then an [Error] with the cause
// in it. The request is abandoned where it is: over HTTP/1.1 its connection is
// aborted, over HTTP/2 its stream is reset. A connection that is being made for
// it is given up too, unless another request waits for one. What the server has
// done by then is not undone. The ctx of a [Stream]'s request governs its body
// as well.
//
// Each wait of a request has an end, as [Timeouts] says: also that for a proxy,
// for one of Client.MaxConnsPerHost, for a window of HTTP/2, and for the
// io.Reader of a request's body. A Read of the body that does not return is
// left behind, as an operation of its own ("http.upload") that is listed and
// holds the loop open; the body is closed, which ends a Read of most types.
//
// # Backpressure
//
//   - Connections beyond Server.MaxConns wait in the kernel's accept queue (see
//     package tcp).
//   - Requests beyond Server.MaxInFlight are answered with 503 and a
//     Retry-After at once.
//   - A request's header is bounded while it comes. So is the body for Handle,
//     by Server.MaxBody. An http.Handler bounds its bodies itself.
//   - Respond never blocks. Its response waits for the connection, which has
//     one request at a time.
//   - A connection whose client does not read the responses is not read from.
//   - StreamWriter.Write, EventStream.Send and the Write of an http.Handler
//     wait while the client does not read. They fail when nothing has gone out
//     for Server.WriteTimeout. Over HTTP/2 that holds for each stream: a client
//     that holds back its window has the stream reset.
//   - A client's requests wait for a connection when Client.MaxConnsPerHost are
//     in use: as long as it takes while others get connections, and for
//     Timeouts.Wait while none does. Their number is not bounded: see
//     aio.Loop.MaxInFlight. Their rate is bounded by Client.Limiter.
//   - A response's body in memory is bounded by Client.MaxBody, after
//     unpacking. It takes memory as it comes, whatever length it announces. The
//     body of a Stream is read from the connection as the program reads it, at
//     most about 128 KiB ahead of that, and is not bounded.
//   - A stream of events is not read while the function of EventsFunc runs, or
//     16 events wait in the channel of an EventReader. Reconnect.MaxEvent
//     bounds an event.
//   - The channel of WithProgress has the latest state only, and holds nothing
//     up.
//
// # Shutdown
//
// While the loop is leaving (aio.Loop.DrainDelay), Server.ReadyPath answers
// 503, and everything else is as before. When the loop drains, or
// Server.Shutdown is called,
//
//   - the listener closes, after taking what the kernel has queued;
//   - a connection that waits for its first request has a second from its
//     beginning to send it;
//   - a connection that has had a request is given 250 ms for another one,
//     which its client may have sent before it could know;
//   - responses that are not begun yet say "Connection: close";
//   - an HTTP/2 connection says by GOAWAY which request is the last, when it
//     has begun its first one at the latest: those up to it are answered,
//     others that are on their way were not processed and may be sent again
//     elsewhere;
//   - requests being handled, deferred ones included, are answered: none whose
//     handler began goes without its answer within the loop's Grace;
//   - streams, event streams and connections that were taken over go on, and
//     are told by Draining; an http.Handler is told by aio.Draining.
//
// After Grace what is left is cancelled: contexts end, and connections are
// aborted.
//
// A client's requests hold the loop open, and go on while it drains. So does a
// Stream until its body is closed, read to its end, or has failed. The body of
// a RoundTrip's 101 does until it is closed. A stream of events holds the loop
// open too, but ends when it drains. Idle connections do not hold the loop
// open. They are closed when it drains, and those in use when their request is
// done.
//
// # Errors and panics
//
// Start returns the errors of starting. The error of a response is its
// future's, and an event if the program does not look at it. A connection that
// ends between requests, or within a header, is no event. A response whose
// header cannot be sent as it is fails with [ErrBadHeader] and the client gets
// 500. It is never rewritten.
//
// A panic or runtime.Goexit in a function of the user's is answered with 500 if
// there is no response yet, and ends the connection. One that comes after
// Respond leaves that response as it is, and only ends the connection behind
// it. The panic is an event. Without Loop.CatchPanics it ends the loop.
// [http.ErrAbortHandler] ends the connection and is nothing else.
//
// The server itself answers
//
//   - 408 when nothing more of a body has come for Server.BodyTimeout: before
//     Handle is called, and for a handler whose Read failed and that has sent
//     nothing;
//   - 417 to an Expect other than 100-continue;
//   - 500 to a request that was dropped without a response, with [ErrAbandoned]
//     as the event;
//   - 503 to a request that Handle has left without a response for
//     Server.ResponseTimeout, with ErrAbandoned; to one that has taken longer
//     than Server.RequestTimeout; and beyond Server.MaxInFlight.
//
// A header that has not come within Server.HeaderTimeout ends the connection
// without a response.
//
// Requests that are not well-formed are refused before any function is called,
// and their connection ends. HTTP/1 is parsed as RFC 9112 has it, without the
// leniency that lets two parsers on the way read a request differently. The
// header is refused with 400 if
//
//   - a line ends otherwise than with CRLF, or an empty line comes before the
//     first, other than up to two behind the body of a POST;
//   - the first line is not a method, a target and a version, with one space
//     between each;
//   - the target does not fit the method. It is a path with perhaps a query, in
//     the characters of RFC 3986 and "[" and "]" in the query; an http or https
//     URL without user information; host and port, which CONNECT must have; or
//     "*", which only OPTIONS may have;
//   - a field has no name, a name that is no token, or white space before its
//     colon; or a line begins with white space, which continued the one before
//     once;
//   - a value has a control byte other than a tab;
//   - there is not exactly one Host (HTTP/1.0 may do without), or it is not a
//     host with perhaps a port;
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
//   - 505 for another major version than 1.
//
// A body is refused with
//
//   - 400 if a chunk's size is not 1 to 15 hexadecimal digits, a line between
//     the chunks does not end with CRLF or is longer than 256 bytes, these
//     lines are much longer than the data, or a field of the trailer is
//     malformed;
//   - 413 if it is larger than Server.MaxBody, for Handle only;
//   - 431 if the trailer is beyond the bounds of a header.
//
// A fault of a body that is found while an http.Handler reads it fails the
// Read, and has the client refused with the status above if the handler sends
// nothing. Over HTTP/2 the same rules hold as far as they apply. A refused
// request ends its stream, answered with 400 or reset (RFC 9113, section
// 8.1.1).
//
// The error of a client's request is an [*Error]. It has the method, the URL
// without password and query, the [Phase] that the request failed in, and the
// reason. A connection that could not be made, broke, or took too long is a
// condition of package aio there, as from package tcp: aio.ErrRefused,
// aio.ErrReset, aio.ErrTimeout, aio.ErrDNS, aio.ErrEOF. A response that makes
// no sense is an error and no condition. Beside these there are
// [ErrBodyTooLarge], [ErrRedirects], [EventStreamError], [ErrEventTooLarge],
// the [ErrBlocked] of GuardPublicOnly, aio.ErrNoLoop and aio.ErrLoopDone. A
// response is no error, whatever its status. Retry and Hedge repeat only
// requests that may be repeated, and so does the client when the server has
// just closed a kept connection.
//
// # Differences from net/http's Transport
//
// The package's tests compare the two, over HTTP/1.1 without and with TLS and
// over HTTP/2. Beside what is refused (see above) these are the differences:
//
//   - Spaces in the path and query of the request's URL are escaped. net/http
//     sends them as they are.
//   - The error of a request whose context ends is the cause of that, over
//     HTTP/2 too, and the body of its response is closed at once: what has come
//     and was not read is dropped.
//   - A body that was closed before its end leaves a connection that can be
//     used again, if all of it had come.
//   - A connection that is closed without TLS's close_notify cuts a body off
//     that has no length. net/http takes it for the body's end.
//   - Over HTTP/2 a request's body that is shorter than its ContentLength fails
//     the request, and GETs are made again on another connection if theirs is
//     closed, as over HTTP/1.1.
//   - A response to Do that ends HTTP on its connection, which is a 101 or a
//     2xx to CONNECT, has no body, and the connection is closed. See Stream.
//   - The Connection field of a response that closes its connection is left in
//     Header. A response without a reason has a Status without a space behind
//     the number, also if the server has sent one.
//
// # Limitations
//
// Of the client:
//
//   - Connections with TLS, through a SOCKS5 proxy or a tunnel, and all on
//     systems other than Linux have a goroutine each.
//   - Client.Proxy is called by Do, and must not block.
//   - Through a proxy, Client.Guard sees the proxy only.
//   - Over HTTP/2, a response that breaks off with its connection, which many
//     share, fails its request. See Retry.
//   - A Client whose Transport is set has only Timeouts.Total and
//     Timeouts.Body.
//   - Trailers are there after the body was read. Early hints (1xx responses)
//     are passed on only to an httptrace.ClientTrace.
//   - A response whose body breaks off is asked for again by Retry only if the
//     client reads it (Do, not Stream).
//   - http.Request.Cancel, which is deprecated, is not looked at.
//
// Of the server:
//
//   - A client that has closed its sending side cannot be told from one that is
//     gone. A deferred response is not sent to it, unless Server.HalfOpen is
//     set.
//   - A client that leaves while an http.Handler runs that does not ask its
//     context is not noticed. Its Write fails.
//   - On systems other than Linux the leaving of a client that has sent more
//     behind its request is not noticed.
//   - An EventStream with a heartbeat that is dropped without Close ends when
//     its client does.
package httpx
