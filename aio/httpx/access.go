package httpx

import (
	"context"
	"log/slog"
)

// logAccess writes a finished request to the access log.
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
