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
	status, sent := x.side.sent()
	attrs := append(x.attrs(),
		slog.Int("status", status),
		slog.Int("in", len(x.body)),
		slog.Int64("out", sent),
		slog.Duration("took", x.Op().Age()),
		slog.String("agent", quoted(x.side.field("User-Agent"))),
	)
	log.LogAttrs(context.Background(), slog.LevelInfo, "request", attrs...)
}
