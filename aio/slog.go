package aio

import (
	"context"
	"log/slog"
)

// LogHandler returns a handler that passes records to h and adds to each record
// the operation that its ctx belongs to: the attributes "loop" (the loop's
// name, unless that is empty) and "op", a group of the operation's "id", "name"
// and "kind". It passes on records whose ctx has no loop unchanged. In a logger
// with an open group (Logger.WithGroup) the attributes are in that group, as
// all attributes of the record.
//
//	log := slog.New(aio.LogHandler(slog.NewJSONHandler(os.Stderr, nil)))
//	log.InfoContext(ctx, "fetched", "bytes", n)
func LogHandler(h slog.Handler) slog.Handler { return opHandler{h} }

// opHandler is the handler of LogHandler.
type opHandler struct{ slog.Handler }

func (h opHandler) Handle(ctx context.Context, r slog.Record) error {
	if o := opOf(ctx); o != nil {
		r = r.Clone()
		if n := o.run.loop.Name; n != "" {
			r.AddAttrs(slog.String("loop", n))
		}
		r.AddAttrs(slog.Group("op", "id", o.ID(), "name", o.label(), "kind", o.kind.String()))
	}
	return h.Handler.Handle(ctx, r)
}

func (h opHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return opHandler{h.Handler.WithAttrs(attrs)}
}

func (h opHandler) WithGroup(name string) slog.Handler {
	return opHandler{h.Handler.WithGroup(name)}
}
