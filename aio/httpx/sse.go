package httpx

import (
	"context"
	"net/http"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/timer"
)

// An EventStream sends server-sent events. Request.SSE and SSE return one. It
// is safe for concurrent use.
type EventStream struct {
	to   eventSink
	beat time.Duration

	mu    sync.Mutex
	timer interface{ Stop() bool }
	last  time.Time // when something was sent
	over  bool
}

// eventSink is the response to which an EventStream writes.
type eventSink interface {
	// send writes text and flushes it. Its error is the cause of Context, or
	// aio.ErrClosed after Close.
	send(text string) error
	// Close ends the stream, after a send in progress.
	Close() error
	Context() context.Context
	Gone() <-chan struct{}
	Draining() <-chan struct{}
	lastEventID() string
}

// defaultBeat is the default interval of heartbeats.
const defaultBeat = 15 * time.Second

// SSE begins a stream of server-sent events. header may be nil. If nothing was
// sent for the duration heartbeat, the stream sends a comment, so that proxies
// keep the connection and the server notices when the client is gone. 0 means
// 15 s, and a negative value no heartbeat. Errors are those of Start.
func (r *Request) SSE(header http.Header, heartbeat time.Duration) (*EventStream, error) {
	h := header.Clone()
	if h == nil {
		h = http.Header{}
	}
	setEventHeader(h)
	w, err := r.Start(http.StatusOK, h)
	if err != nil {
		return nil, err
	}
	return newEventStream(w, heartbeat), nil
}

// LastEventID returns the ID of the last event that a reconnecting client has
// received, "" for a new client.
func (r *Request) LastEventID() string { return r.x.side.field("Last-Event-ID") }

// lastEventID returns the ID of the last event that the client has received.
func lastEventID(r *http.Request) string { return r.Header.Get("Last-Event-ID") }

// setEventHeader sets the fields of an event stream in h.
func setEventHeader(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-cache")
	}
}

// newEventStream returns a stream whose header has been sent, and starts its
// heartbeat.
func newEventStream(to eventSink, heartbeat time.Duration) *EventStream {
	s := &EventStream{to: to, beat: durationOr(heartbeat, defaultBeat), last: time.Now()}
	s.setTimer(s.beat)
	return s
}

// setTimer schedules a heartbeat d from now. The timer is an operation if there
// is a loop.
func (s *EventStream) setTimer(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.beat <= 0 || s.over {
		return
	}
	ctx := s.to.Context()
	if aio.LoopOf(ctx) != nil {
		s.timer = timer.Delay(ctx, d, s.heartbeat)
	} else {
		s.timer = time.AfterFunc(d, func() { s.heartbeat(ctx) }) // never fails
	}
}

// heartbeat sends a comment if one is due.
func (s *EventStream) heartbeat(context.Context) error {
	s.mu.Lock()
	left := s.beat - time.Since(s.last)
	s.mu.Unlock()
	if left <= 0 {
		if s.write(":\n\n") != nil {
			return nil // the client is gone, which the request's context shows
		}
		left = s.beat
	}
	s.setTimer(left)
	return nil
}

// Send sends an event at once. It blocks while the client does not read, for a
// bounded time: see StreamWriter.Write and SSE. Its error is ErrBadEvent, the
// cause of Context when that has ended, or aio.ErrClosed after Close.
func (s *EventStream) Send(e ServerEvent) error {
	text, err := e.text()
	if err != nil {
		return err
	}
	return s.write(text)
}

// write sends text at once.
func (s *EventStream) write(text string) error {
	err := s.to.send(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = time.Now()
	return err
}

// Close ends the stream. It waits for a Send in progress. If the stream has
// ended already, it returns the cause of Context or aio.ErrClosed.
func (s *EventStream) Close() error {
	s.mu.Lock()
	s.over = true
	t := s.timer
	s.mu.Unlock()
	if t != nil {
		t.Stop()
	}
	return s.to.Close()
}

// Context returns the request's context.
func (s *EventStream) Context() context.Context { return s.to.Context() }

// LastEventID returns the ID of the last event that a reconnecting client has
// received, "" for a new client.
func (s *EventStream) LastEventID() string { return s.to.lastEventID() }

// Gone is Request.Gone. On a stream returned by SSE it is closed when the
// request's context has ended.
func (s *EventStream) Gone() <-chan struct{} { return s.to.Gone() }

// Draining is Request.Draining: the stream should be closed then. It is nil,
// and so never closed, on a server that does not belong to a loop.
func (s *EventStream) Draining() <-chan struct{} { return s.to.Draining() }
