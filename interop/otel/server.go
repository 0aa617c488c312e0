package otelaio

import (
	"context"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"goaio.example/aio/httpx"
)

// Server makes each request to s produce a span, below that of the client's
// traceparent, and metrics. Call it before s.Start, once. It sets
// Server.RequestContext and Server.Done; functions that are set already are
// called too: the first before its own, so that a span that it begins is the
// parent, and the second after it.
func (t *Telemetry) Server(s *httpx.Server) {
	t.init()
	before, after := s.RequestContext, s.Done
	s.RequestContext = func(ctx context.Context, h httpx.RequestHead) context.Context {
		if before != nil {
			ctx = before(ctx, h)
		}
		if s.ReadyPath != "" && h.Path() == s.ReadyPath || ctx == nil {
			return ctx
		}
		return t.beginRequest(ctx, h)
	}
	s.Done = func(r httpx.RequestStats) {
		t.endRequest(&r)
		if after != nil {
			after(r)
		}
	}
}

// requestCtx is the context that a server's request begins with: the
// connection's, with the span, the baggage and the record as values.
type requestCtx struct {
	context.Context                 // with the span and the baggage
	conn            context.Context // that it is derived from
	request         *serverRequest
}

// serverRequest is a request that is counted as active.
type serverRequest struct {
	record record
	active attribute.Set
}

// requestKey is the key under which a request's ctx has its *serverRequest.
type requestKey struct{}

// Within says that the context adds values and nothing else: see aio.Op.Start.
func (c *requestCtx) Within() context.Context { return c.conn }

func (c *requestCtx) Value(key any) any {
	switch key {
	case recordKey{}:
		return &c.request.record
	case requestKey{}:
		return c.request
	}
	return c.Context.Value(key)
}

// headCarrier is a request's header for a propagator.
type headCarrier struct{ h httpx.RequestHead }

func (c headCarrier) Get(key string) string { return c.h.Field(key) }
func (c headCarrier) Set(string, string)    {}

// Keys returns the names of the header's fields.
func (c headCarrier) Keys() []string {
	var names []string
	for name := range c.h.Header() {
		names = append(names, name)
	}
	return names
}

// Values returns all values of a field.
func (c headCarrier) Values(key string) []string {
	if c.h.Field(key) == "" {
		return nil // without making an http.Header
	}
	return c.h.Header().Values(key)
}

// beginRequest is Server.RequestContext.
func (t *Telemetry) beginRequest(ctx context.Context, h httpx.RequestHead) context.Context {
	method, name := t.method(h.Method())
	q := &serverRequest{active: attribute.NewSet(t.serverAttrs(method, h.TLS())...)}
	t.metrics.active.AddSet(ctx, 1, q.active)
	values := t.prop.Extract(ctx, headCarrier{h})
	opts := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(headAttrs(h, method)...)}
	if remote := trace.SpanContextFromContext(values); t.Public && remote.IsRemote() {
		opts = append(opts, trace.WithNewRoot(), trace.WithLinks(trace.Link{SpanContext: remote}))
	}
	values, span := t.tracer.Start(values, name, opts...)
	q.record = record{span: span, root: new(budget), top: true}
	return &requestCtx{values, ctx, q}
}

// serverAttrs are attributes of metrics that are known at the beginning.
func (t *Telemetry) serverAttrs(method string, tls bool) []attribute.KeyValue {
	attrs := make([]attribute.KeyValue, 0, 8)
	attrs = append(attrs, semconv.HTTPRequestMethodKey.String(method), semconv.URLScheme(scheme(tls)))
	if t.ServerAddress != "" {
		attrs = append(attrs, semconv.ServerAddress(t.ServerAddress))
	}
	return attrs
}

// headAttrs are the attributes of a span that a sampler can look at.
func headAttrs(h httpx.RequestHead, method string) []attribute.KeyValue {
	attrs := make([]attribute.KeyValue, 0, 12)
	attrs = append(attrs,
		semconv.HTTPRequestMethodKey.String(method),
		semconv.URLScheme(scheme(h.TLS())),
		semconv.URLPath(text(h.Path())),
		semconv.NetworkProtocolVersion(version(h.Proto())))
	if method == other {
		attrs = append(attrs, semconv.HTTPRequestMethodOriginal(text(h.Method())))
	}
	if host, port := hostPort(h.Host()); host != "" {
		attrs = append(attrs, semconv.ServerAddress(text(host)))
		if port != 0 && port != defaultPort(scheme(h.TLS())) {
			attrs = append(attrs, semconv.ServerPort(port))
		}
	}
	if host, port := hostPort(h.Remote()); host != "" {
		attrs = append(attrs, semconv.ClientAddress(host), semconv.NetworkPeerAddress(host))
		if port != 0 {
			attrs = append(attrs, semconv.NetworkPeerPort(port))
		}
	}
	if agent := h.Field("User-Agent"); agent != "" {
		attrs = append(attrs, semconv.UserAgentOriginal(text(agent)))
	}
	return attrs
}

// endRequest is Server.Done.
func (t *Telemetry) endRequest(r *httpx.RequestStats) {
	method, name := t.method(r.Method)
	attrs := t.serverAttrs(method, r.TLS)
	if r.Proto != "" {
		attrs = append(attrs, semconv.NetworkProtocolVersion(version(r.Proto)))
	}
	if r.Status != 0 {
		attrs = append(attrs, semconv.HTTPResponseStatusCode(r.Status))
	}
	if r.Route != "" {
		attrs = append(attrs, semconv.HTTPRoute(route(r.Route)))
	}
	failed := serverError(r)
	if failed != "" {
		attrs = append(attrs, semconv.ErrorTypeKey.String(failed))
	}
	t.metrics.server.RecordSet(r.Context, r.Duration.Seconds(), attribute.NewSet(attrs...))
	q, _ := r.Context.Value(requestKey{}).(*serverRequest)
	if q == nil {
		return // it was refused, or is one of ReadyPath
	}
	t.metrics.active.AddSet(r.Context, -1, q.active)
	if q.record.span.IsRecording() {
		q.record.endRequest(r, name, failed)
	}
	q.record.close()
}

// endRequest has a server's span tell how the request has ended.
func (r *record) endRequest(s *httpx.RequestStats, name, failed string) {
	span := r.span
	if s.Route != "" {
		span.SetName(name + " " + route(s.Route))
		span.SetAttributes(semconv.HTTPRoute(route(s.Route)))
	}
	if s.Status != 0 {
		span.SetAttributes(semconv.HTTPResponseStatusCode(s.Status))
	}
	span.SetAttributes(semconv.HTTPRequestBodySize(int(s.BytesIn)), semconv.HTTPResponseBodySize(int(s.BytesOut)))
	if s.Outcome != httpx.OutcomeAnswered {
		span.SetAttributes(keyOutcome.String(s.Outcome.String()))
	}
	if s.Err != nil && s.Outcome != httpx.OutcomeGone {
		r.tell(s.Err)
	}
	if failed != "" {
		span.SetAttributes(semconv.ErrorTypeKey.String(failed))
		span.SetStatus(codes.Error, "") // which error.type tells
	}
}

// serverError returns error.type of a request, "" if it is no error of the
// server's: that a client has left, or sent something bad, is none.
func serverError(r *httpx.RequestStats) string {
	switch {
	case r.Status >= 500:
		return strconv.Itoa(r.Status)
	case r.Outcome == httpx.OutcomePanicked:
		return "panic"
	case r.Outcome == httpx.OutcomeAborted, r.Outcome == httpx.OutcomeAbandoned:
		return r.Outcome.String()
	}
	return ""
}
