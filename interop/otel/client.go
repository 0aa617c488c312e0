package otelaio

import (
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"goaio.example/aio/httpx"
)

// Client has each request that c sends make a span, carry it to the server in
// its header, and make metrics. Call it before c is used, once. It sets
// Client.Wrap; a function that is set already is called too, and what it adds
// to a request comes behind the headers of the trace.
func (t *Telemetry) Client(c *httpx.Client) {
	t.init()
	inner := c.Wrap
	c.Wrap = func(next http.RoundTripper) http.RoundTripper {
		if inner != nil {
			next = inner(next)
		}
		return &tripper{t: t, next: next}
	}
}

// tripper makes the requests of one operation of a client.
type tripper struct {
	t    *Telemetry
	next http.RoundTripper
	sent atomic.Int32 // requests
}

// exchange is a request that a client has sent.
type exchange struct {
	t     *Telemetry
	req   *http.Request // with the span in its ctx
	span  trace.Span
	begun time.Time
	attrs []attribute.KeyValue // of the metric, beside the status
	once  sync.Once
}

// RoundTrip sends a request.
func (p *tripper) RoundTrip(r *http.Request) (*http.Response, error) {
	x := p.t.beginExchange(r, int(p.sent.Add(1)-1))
	resp, err := p.next.RoundTrip(x.req)
	if err != nil {
		x.end(0, err)
		return resp, err
	}
	x.answered(resp)
	return resp, nil
}

// beginExchange begins the span of a request, which was sent n times before.
func (t *Telemetry) beginExchange(r *http.Request, n int) *exchange {
	x := &exchange{t: t, begun: time.Now()}
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	attr, name := t.method(method)
	host, port := hostPort(r.URL.Host)
	if port == 0 {
		port = defaultPort(r.URL.Scheme)
	}
	attrs := make([]attribute.KeyValue, 0, 8)
	attrs = append(attrs,
		semconv.HTTPRequestMethodKey.String(attr), semconv.URLScheme(r.URL.Scheme),
		semconv.ServerAddress(text(host)), semconv.ServerPort(port), semconv.URLFull(urlOf(r)))
	if attr == other {
		attrs = append(attrs, semconv.HTTPRequestMethodOriginal(text(method)))
	}
	if n > 0 {
		attrs = append(attrs, semconv.HTTPRequestResendCount(n))
	}
	ctx, span := t.tracer.Start(r.Context(), name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...))
	// a RoundTripper leaves its request as it is
	x.span, x.req = span, r.Clone(ctx)
	if x.req.Header == nil {
		x.req.Header = make(http.Header)
	}
	t.prop.Inject(ctx, propagation.HeaderCarrier(x.req.Header))
	k := t.hosts.pass(hostKey{host, port})
	x.attrs = append(x.attrs, attrs[0], attrs[1], semconv.ServerAddress(text(k.host)))
	if k.port != 0 {
		x.attrs = append(x.attrs, semconv.ServerPort(k.port))
	}
	return x
}

// urlOf returns a request's URL without what may be a secret: user information
// and the query.
func urlOf(r *http.Request) string {
	u := *r.URL
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	if u.RawQuery != "" {
		u.RawQuery = "REDACTED"
	}
	if u.Opaque != "" {
		u.Opaque = "REDACTED"
	}
	return text(u.String())
}

// answered notes the header of the response, and ends the exchange with the
// body or, if there is none, or one that HTTP ends with, at once.
func (x *exchange) answered(resp *http.Response) {
	v := semconv.NetworkProtocolVersion(version(resp.Proto))
	x.attrs = append(x.attrs, v)
	x.span.SetAttributes(v, semconv.HTTPResponseStatusCode(resp.StatusCode))
	tunnel := resp.StatusCode == http.StatusSwitchingProtocols || x.req.Method == http.MethodConnect && resp.StatusCode/100 == 2
	if tunnel || resp.Body == nil || resp.Body == http.NoBody {
		x.end(resp.StatusCode, nil)
		return
	}
	resp.Body = &body{ReadCloser: resp.Body, x: x, status: resp.StatusCode, unpacked: resp.Uncompressed}
}

// end ends the exchange, with a status unless it has none.
func (x *exchange) end(status int, err error) { x.once.Do(func() { x.finish(status, err) }) }

func (x *exchange) finish(status int, err error) {
	if status != 0 {
		x.attrs = append(x.attrs, semconv.HTTPResponseStatusCode(status))
	}
	switch {
	case err != nil:
		failed := errorType(err)
		x.attrs = append(x.attrs, failed)
		x.span.SetAttributes(failed)
		if isCancelled(err) {
			break // nobody wants the response any more
		}
		x.span.RecordError(err)
		x.span.SetStatus(codes.Error, text(err.Error()))
	case status >= 400:
		failed := semconv.ErrorTypeKey.String(strconv.Itoa(status))
		x.attrs = append(x.attrs, failed)
		x.span.SetAttributes(failed)
		x.span.SetStatus(codes.Error, "") // which the status tells
	}
	x.t.metrics.client.RecordSet(x.req.Context(), time.Since(x.begun).Seconds(), attribute.NewSet(x.attrs...))
	x.span.End()
}

// body is a response's body that ends its exchange: at its end, with its error,
// or when it is closed before.
type body struct {
	io.ReadCloser
	x        *exchange
	status   int
	unpacked bool // what is read is not what was sent
	read     atomic.Int64
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read.Add(int64(n))
	switch err {
	case nil:
	case io.EOF:
		b.end(nil)
	default:
		b.end(err)
	}
	return n, err
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.end(nil)
	return err
}

func (b *body) end(err error) {
	if err == nil && !b.unpacked {
		b.x.span.SetAttributes(semconv.HTTPResponseBodySize(int(b.read.Load())))
	}
	b.x.end(b.status, err)
}
