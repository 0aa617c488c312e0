package httpx

import (
	"context"
	"log/slog"
)

// logAccess tells the access log of a request that is done.
func (x *inbound) logAccess() {
	log := x.s.AccessLog
	if log == nil || !log.Enabled(context.Background(), slog.LevelInfo) {
		return
	}
	attrs := append(x.attrs(),
		slog.Int("status", int(x.rw.status)),
		slog.Int("in", len(x.body)),
		slog.Int64("out", x.rw.bytes),
		slog.Duration("took", x.Op().Age()),
		slog.String("agent", quoted(x.raw.UserAgent())),
	)
	log.LogAttrs(context.Background(), slog.LevelInfo, "request", attrs...)
}
