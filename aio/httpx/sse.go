package httpx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"goaio.example/aio/timer"
)

// ErrBadEvent is the error of a ServerEvent that cannot be sent: with a line's end or a NUL in its ID or its type.
var ErrBadEvent = errors.New("httpx: bad server-sent event")

// ServerEvent is a server-sent event (HTML standard, section 9.2).
type ServerEvent struct {
	ID    string        // what a client that comes back gives as its last one; "" leaves the one before
	Type  string        // "" is "message"
	Data  string        // any text; its lines are sent one by one, and "\r\n" and "\r" arrive as "\n"
	Retry time.Duration // how long a client waits before it comes back; 0 leaves it as it was
}

// EventStream sends server-sent events, from Request.SSE. Its methods may be called from any goroutine.
type EventStream struct {
	w    *StreamWriter
	beat time.Duration

	mu    sync.Mutex
	timer *timer.Timer
	last  time.Time // when something was sent
	over  bool
}

// SSE begins a stream of server-sent events. header may be nil. While nothing is sent for heartbeat a comment is, so that
// what is in between keeps the connection, and a client that is gone is noticed; 0 means 15 s, negative none. Errors are
// those of Start.
func (r *Request) SSE(header http.Header, heartbeat time.Duration) (*EventStream, error) {
	h := header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set("Content-Type", "text/event-stream")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-cache")
	}
	w, err := r.Start(http.StatusOK, h)
	if err != nil {
		return nil, err
	}
	s := &EventStream{w: w, beat: durationOr(heartbeat, 15*time.Second), last: time.Now()}
	s.setTimer(s.beat)
	return s, nil
}

// LastEventID returns the ID of the last event that a client which comes back has seen, "" for a new one.
func (r *Request) LastEventID() string { return r.x.raw.Header.Get("Last-Event-ID") }

// setTimer has a heartbeat sent d from now, if nothing else is before.
func (s *EventStream) setTimer(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.beat > 0 && !s.over {
		s.timer = timer.Delay(s.w.Context(), d, s.heartbeat)
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

// Send sends an event. It waits while the client does not read. Errors are ErrBadEvent, and those of StreamWriter.Write.
func (s *EventStream) Send(e ServerEvent) error {
	if strings.ContainsAny(e.ID, "\r\n\x00") || strings.ContainsAny(e.Type, "\r\n\x00") {
		return fmt.Errorf("%w: a line's end or NUL in the ID %q or the type %q", ErrBadEvent, clip(e.ID), clip(e.Type))
	}
	var b strings.Builder
	if e.ID != "" {
		b.WriteString("id: " + e.ID + "\n")
	}
	if e.Type != "" {
		b.WriteString("event: " + e.Type + "\n")
	}
	if e.Retry > 0 {
		b.WriteString("retry: " + strconv.FormatInt(e.Retry.Milliseconds(), 10) + "\n")
	}
	if e.Data != "" || e.Type != "" {
		for line := range strings.SplitSeq(lineEnds.Replace(e.Data), "\n") {
			b.WriteString("data: " + line + "\n")
		}
	}
	b.WriteString("\n")
	return s.write(b.String())
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// write sends text at once.
func (s *EventStream) write(text string) error {
	err := s.w.locked(func(p *plainWriter) error {
		if _, err := p.WriteString(text); err != nil {
			return err
		}
		return p.FlushError()
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = time.Now()
	return err
}

// Close ends the stream. It fails with aio.ErrClosed if it has ended already.
func (s *EventStream) Close() error {
	s.mu.Lock()
	s.over = true
	t := s.timer
	s.mu.Unlock()
	if t != nil {
		t.Stop()
	}
	return s.w.Close()
}

// Context returns the request's context.
func (s *EventStream) Context() context.Context { return s.w.Context() }

// Gone is Request.Gone.
func (s *EventStream) Gone() <-chan struct{} { return s.w.Gone() }

// Draining is Request.Draining: the stream should be closed then.
func (s *EventStream) Draining() <-chan struct{} { return s.w.Draining() }
