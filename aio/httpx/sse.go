package httpx

import (
	"context"
	"net/http"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/timer"
)

// EventStream sends server-sent events. Request.SSE and SSE return one. Its
// methods may be called from any goroutine.
type EventStream struct {
	to   eventSink
	beat time.Duration

	mu    sync.Mutex
	timer interface{ Stop() bool }
	last  time.Time // when something was sent
	over  bool
}

// eventSink is the response that an EventStream writes.
type eventSink interface {
	// send writes text and flushes it. It fails with the cause of Context,
	// or with aio.ErrClosed after Close.
	send(text string) error
	// Close ends the stream, after a send that is under way.
	Close() error
	Context() context.Context
	Gone() <-chan struct{}
	Draining() <-chan struct{}
	lastEventID() string
}

// defaultBeat is the heartbeat of a stream that asks for the default.
const defaultBeat = 15 * time.Second

// SSE begins a stream of server-sent events. header may be nil. When nothing
// was sent for heartbeat, a comment is sent, so that proxies keep the
// connection and a client that is gone is noticed. 0 means 15 s, and a negative
// value none. Errors are those of Start.
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

// LastEventID returns the ID of the last event that a client which comes back
// has seen, "" for a new one.
func (r *Request) LastEventID() string { return r.x.side.field("Last-Event-ID") }

// lastEventID returns the ID of the last event that the client has seen.
func lastEventID(r *http.Request) string { return r.Header.Get("Last-Event-ID") }

// setEventHeader makes h the header of an event stream.
func setEventHeader(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-cache")
	}
}

// newEventStream returns a stream whose header is sent, and starts its
// heartbeat.
func newEventStream(to eventSink, heartbeat time.Duration) *EventStream {
	s := &EventStream{to: to, beat: durationOr(heartbeat, defaultBeat), last: time.Now()}
	s.setTimer(s.beat)
	return s
}

// setTimer has a heartbeat sent d from now, if nothing else is before. The
// timer is an operation where there is a loop.
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
		s.timer = time.AfterFunc(d, func() { s.heartbeat(ctx) }) // has no error
	}
}

// heartbeat sends a comment if it is time to.
func (s *EventStream) heartbeat(context.Context) error {
	s.mu.Lock()
	left := s.beat - time.Since(s.last)
	s.mu.Unlock()
	if left <= 0 {
		if s.write(":\n\n") != nil {
			return nil // the client is gone, which the request's ctx says
		}
		left = s.beat
	}
	s.setTimer(left)
	return nil
}

// Send sends an event at once. It waits while the client does not read, for a
// bounded time: see StreamWriter.Write and SSE. It fails with ErrBadEvent, with
// the cause of Context when that has ended, and with aio.ErrClosed after Close.
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

// Close ends the stream. It waits for a Send that is under way. If the stream
// has ended already it fails with the cause of Context or aio.ErrClosed.
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

// LastEventID returns the ID of the last event that a client which comes back
// has seen, "" for a new one.
func (s *EventStream) LastEventID() string { return s.to.lastEventID() }

// Gone is Request.Gone. On a stream from SSE it is closed when the request's
// context has ended.
func (s *EventStream) Gone() <-chan struct{} { return s.to.Gone() }

// Draining is Request.Draining: the stream should be closed then. It is nil,
// and so never closed, on a server that does not belong to a loop.
func (s *EventStream) Draining() <-chan struct{} { return s.to.Draining() }
