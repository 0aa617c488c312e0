package otelaio

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"goaio.example/aio"
)

// Loop has the operations of l make spans, its events span events, and its
// figures metrics. Call it before l.Run, once. It sets Observer.Span, and
// panics if that is set; functions of Observer.Event and Took that are set are
// called before its own.
func (t *Telemetry) Loop(l *aio.Loop) {
	t.init()
	o := &l.Observe
	if o.Span != nil {
		panic("otelaio: Loop.Observe.Span is set already")
	}
	o.Span = t.span
	event := o.Event
	o.Event = func(e aio.Event) {
		if event != nil {
			event(e)
		}
		t.event(&e)
	}
	if t.Durations {
		took, mine := o.Took, t.metrics.durations()
		o.Took = func(kind aio.Kind, d time.Duration) {
			if took != nil {
				took(kind, d)
			}
			mine(kind, d)
		}
	}
	t.metrics.watch(l)
}

// span is Observer.Span.
func (t *Telemetry) span(ctx, parent context.Context, op aio.Ref) (context.Context, func(error)) {
	r := t.begin(ctx, parent, op)
	if op.Kind() == kindLookup {
		return r.asContext(), t.lookup(ctx, op.Name(), r)
	}
	if r == nil {
		return nil, nil
	}
	return r.asContext(), r.end
}

// lookup returns what ends a lookup, with its span, which may be nil.
func (t *Telemetry) lookup(ctx context.Context, name string, r *record) func(error) {
	if !t.metrics.lookup.Enabled(ctx) {
		if r == nil {
			return nil
		}
		return r.end
	}
	begin := time.Now()
	if r != nil {
		ctx = r.asContext()
	}
	return func(err error) {
		if r != nil {
			r.end(err)
		}
		t.metrics.lookedUp(ctx, time.Since(begin), t.LookupNames, name, err)
	}
}

// begin begins the operation's span. It returns nil if it gets none.
func (t *Telemetry) begin(ctx, parent context.Context, op aio.Ref) *record {
	around := trace.SpanFromContext(ctx)
	sc := around.SpanContext()
	switch {
	case sc.IsSampled() || around.IsRecording():
	case sc.IsValid() || !t.Roots:
		return nil
	}
	if !t.pick(op) {
		return nil
	}
	// What is around is the span of an operation, or one of the program's or of
	// another process, which is the parent in any case.
	up := recordOf(ctx)
	var links []trace.Link
	if up != nil && up.span.SpanContext().SpanID() != sc.SpanID() {
		up = nil
	} else if tree := recordOf(parent); up != nil && tree != nil && tree != up {
		links = []trace.Link{{SpanContext: sc}}
		up, ctx = tree, parent
	}
	root := up.budget()
	if root != nil && !root.spend(t.budget) {
		return nil
	}
	r := &record{id: op.ID(), root: root, top: root == nil}
	if r.top {
		r.root = new(budget)
	}
	name := op.Name()
	attrs := []attribute.KeyValue{keyKind.String(op.Kind().String()), keyID.Int64(int64(r.id))}
	if op.Kind() == kindLookup {
		attrs = append(attrs, questionName(name))
	}
	_, r.span = t.tracer.Start(ctx, text(name), trace.WithLinks(links...), trace.WithAttributes(attrs...))
	return r
}
