// Package otelaio makes OpenTelemetry's spans and metrics of loops and of HTTP
// servers and clients.
//
//	import otelaio "goaio.example/interop/otel"
//
//	t := &otelaio.Telemetry{} // the global providers and propagator
//	t.Loop(loop)              // before loop.Run
//	t.Server(server)          // before server.Start
//	t.Client(client)          // before the client is used
//
// # Contract
//
// A request to a server is a span of the kind server, a child of the one that
// its traceparent names (W3C Trace Context), with what Telemetry.Propagator
// reads beside it: tracestate, baggage. It is in the context of the request's
// operation, and so in that of everything that is started with that, in both
// styles of httpx.Server and over both versions of HTTP.
//
// A request that a client sends is a span of the kind client, whose traceparent
// goes out in its header: one for each redirect, repetition and hedged request.
// It ends with the response's body.
//
// An operation that Telemetry.Select selects is a span of the kind internal,
// named as the operation, if it begins within a trace that is sampled. The
// others pass the span around them on. So operations outside of requests make
// no spans, unless the program begins one around them, or Telemetry.Roots is
// set; and those below one request make at most Telemetry.MaxSpans.
//
// The parent of an operation's span is the span that its ctx has: of the
// operation around it, or one that the program has begun there. Where the
// operation belongs below another operation than the one whose ctx it was
// started with, because that one has ended, or through aio.Detach, the span of
// the operation around it is the parent, and there is a link to the other. If
// no operation around it has a span, the starter's stays the parent. A parent
// may end before its children.
//
// An error that an operation ends with is an exception of its span and sets the
// status; a panic has its stack. Being cancelled is no error, but the attribute
// goaio.cancelled. An event of the loop (aio.Event) is an exception of the span
// of its operation, or of the nearest one around that has a span, as long as
// that has not ended; information, such as EOF, is an event of the span.
//
// # Metrics
//
// They follow the semantic conventions, version 1.43.0, with the conventions'
// units and bounds of buckets:
//
//	http.server.request.duration   s          histogram
//	http.server.active_requests    {request}  up-down counter
//	http.client.request.duration   s          histogram
//	dns.lookup.duration            s          histogram, after Loop
//
// And of each loop, by goaio.operation.kind and goaio.loop.name:
//
//	goaio.operation.active    {operation}  up-down counter
//	goaio.operation.started   {operation}  counter
//	goaio.operation.ended     {operation}  counter, goaio.operation.state is ok, failed, cancelled or panicked
//	goaio.operation.io        By           counter, network.io.direction is receive or transmit
//	goaio.operation.duration  s            histogram, with Telemetry.Durations
//
// A loop's figures are read when metrics are collected, also after its Run.
//
// The number of time series is bounded, whatever peers send. Methods that are
// not known are "_OTHER"; http.route is the pattern of the request's route, and
// is missing if none matched; a server's metrics have no server.address unless
// Telemetry.ServerAddress is set; a client's have at most Telemetry.MaxHosts;
// error.type is a status, a condition such as "timeout", or the type of an
// error. Headers that the server refuses count as method "_OTHER", with a
// duration of 0. Requests of Server.ReadyPath count, and make no span.
//
// # Secrets and hostile input
//
// No attribute has the query or the user information of a URL, a header field
// but User-Agent, or a body. Texts of errors are recorded as they are. What
// comes from peers is cut to 1 KiB and made valid UTF-8.
//
// A traceparent is the client's input. With a sampler that follows it
// (sdk/trace.ParentBased) clients decide which requests are sampled: set
// Telemetry.Public where they are not trusted. OpenTelemetry's propagator of
// baggage tells its error handler of each malformed header, which logs it: see
// otel.SetErrorHandler.
//
// # Cost
//
// A spawn and its await take about 1 us without an observer. With Loop they
// take 1.06 times as long outside of traces, without another allocation. They
// take 3.4 times as long with Telemetry.Durations, and 5.7 times as long, with
// 17 allocations more, if each operation is a span that the SDK hands to an
// exporter in batches. The figures are those of bench (go run . -run observe),
// measured on two cores that other programs used at the same time.
package otelaio
