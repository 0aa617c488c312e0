package mongo

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/v2/event"

	"goaio.example/aio"
)

// health is which servers do not answer the driver's monitors.
type health struct {
	mu   sync.Mutex
	down map[string]bool // by address
}

// turn notes a server's state, and reports whether that has changed.
func (h *health) turn(addr string, down bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down[addr] == down {
		return false
	}
	if h.down == nil {
		h.down = make(map[string]bool)
	}
	h.down[addr] = down
	return true
}

// monitor makes an event of a server that ceases to answer, and a line of the
// log of one that answers again. then is told besides.
func (l *link) monitor(then *event.ServerMonitor) *event.ServerMonitor {
	m := new(event.ServerMonitor)
	if then != nil {
		*m = *then
	}
	failed, succeeded := m.ServerHeartbeatFailed, m.ServerHeartbeatSucceeded
	m.ServerHeartbeatFailed = func(e *event.ServerHeartbeatFailedEvent) {
		addr := address(e.ConnectionID)
		if l.op.Context().Err() == nil && l.health.turn(addr, true) {
			l.op.Report(fmt.Errorf("mongo: %w", aio.NewConnError("monitor", "tcp", addr, -1, broken(e.Failure))))
		}
		if failed != nil {
			failed(e)
		}
	}
	m.ServerHeartbeatSucceeded = func(e *event.ServerHeartbeatSucceededEvent) {
		if addr := address(e.ConnectionID); l.health.turn(addr, false) {
			l.logger().InfoContext(l.op.Context(), "mongo: the server answers again", "server", addr)
		}
		if succeeded != nil {
			succeeded(e)
		}
	}
	return m
}

// broken returns the error of a connection that should not have ended: the
// peer's EOF is more than information.
func broken(err error) error {
	if errors.Is(err, aio.ErrEOF) || errors.Is(err, io.EOF) {
		return fmt.Errorf("%w (%v)", aio.ErrReset, err)
	}
	return err
}

func (l *link) logger() *slog.Logger {
	if l.loop.Logger != nil {
		return l.loop.Logger
	}
	return slog.Default()
}

// address returns the address in the driver's name for a connection,
// "127.0.0.1:27017[-5]".
func address(conn string) string {
	if i := strings.LastIndex(conn, "[-"); i >= 0 {
		return conn[:i]
	}
	return conn
}
