package otelaio

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"goaio.example/aio"
)

// record is the span of an operation, as the operation's ctx has it.
type record struct {
	span trace.Span
	id   uint64 // of the operation; 0 for a server's request
	root *budget
	top  bool // it is a local root, which tells what of its budget was exceeded

	mu   sync.Mutex
	told error // the last error that was recorded
}

// budget counts the spans below a local root.
type budget struct{ spans, dropped atomic.Int64 }

// spend counts a span. It reports false, and counts one that is dropped, if
// there are most already.
func (b *budget) spend(most int64) bool {
	if b.spans.Add(1) <= most {
		return true
	}
	b.dropped.Add(1)
	return false
}

// budget returns the budget of the record's root, nil without a record.
func (r *record) budget() *budget {
	if r == nil {
		return nil
	}
	return r.root
}

// recordKey is the key under which a ctx has the record of the operation with a
// span that is nearest.
type recordKey struct{}

// recordOf returns the record of ctx, nil without one. ctx may be nil.
func recordOf(ctx context.Context) *record {
	if ctx == nil {
		return nil
	}
	r, _ := ctx.Value(recordKey{}).(*record)
	return r
}

// asContext returns a context with the span and the record as values, nil for
// no record.
func (r *record) asContext() context.Context {
	if r == nil {
		return nil
	}
	return &recordCtx{trace.ContextWithSpan(context.Background(), r.span), r}
}

// recordCtx is a context with a record.
type recordCtx struct {
	context.Context
	r *record
}

func (c *recordCtx) Value(key any) any {
	if key == (recordKey{}) {
		return c.r
	}
	return c.Context.Value(key)
}

// end ends the span of an operation with its result.
func (r *record) end(err error) {
	switch {
	case err == nil:
	case isCancelled(err):
		r.span.SetAttributes(keyCancelled.Bool(true))
	default:
		r.fail(err)
	}
	r.close()
}

// fail has the span say that it has failed.
func (r *record) fail(err error) {
	r.tell(err)
	r.span.SetAttributes(errorType(err))
	r.span.SetStatus(codes.Error, text(err.Error()))
}

// close ends the span.
func (r *record) close() {
	if n := r.root.dropped.Load(); r.top && n > 0 {
		r.span.SetAttributes(keyDropped.Int64(n))
	}
	r.span.End()
}

// tell records an error, unless it is the one that was recorded last.
func (r *record) tell(err error, opts ...trace.EventOption) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if same(err, r.told) {
		return
	}
	r.told = err
	var p *aio.PanicError
	if errors.As(err, &p) {
		opts = append(opts, trace.WithAttributes(semconv.ExceptionStacktrace(text(string(p.Stack)))))
	}
	r.span.RecordError(err, opts...)
}

// same is a == b for errors, false for those that cannot be compared.
func same(a, b error) bool {
	return a != nil && b != nil && reflect.TypeOf(a).Comparable() && reflect.ValueOf(a).Comparable() && a == b
}

// isCancelled reports whether err says that somebody did not want the result
// any more.
func isCancelled(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, aio.ErrExit) || errors.Is(err, aio.ErrStopped)
}

// event records an event of a loop's in the span of the operation that it is
// about or, if that has none, of the nearest one around that has. A span that
// has ended takes nothing any more.
func (t *Telemetry) event(e *aio.Event) {
	r := recordOf(e.Context)
	if r == nil || !r.span.IsRecording() {
		return
	}
	opts := []trace.EventOption{
		trace.WithTimestamp(e.Time),
		trace.WithAttributes(
			keyName.String(text(e.Op.Name)), keyKind.String(e.Op.Kind.String()), keyID.Int64(int64(e.Op.ID)), keyLost.Bool(e.Lost)),
	}
	var p *aio.PanicError
	if aio.IsInfo(e.Err) && !errors.As(e.Err, &p) {
		r.span.AddEvent(text(e.Err.Error()), opts...)
		return
	}
	r.tell(e.Err, opts...)
}
