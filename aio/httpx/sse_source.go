package httpx

import (
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
	"goaio.example/aio/internal/http1"
)

// kindEvents is the kind of a client's stream of server-sent events.
var kindEvents = aio.NewKind("http.events")

// eventSource is a stream of server-sent events over successive connections. It
// is one operation.
//
//	connected ──the connection has ended──▶ waiting ──the alarm──▶ connected
//	any ──ended, cancelled, failed for good──▶ over
//
// If a connection ends while its bytes are parsed, or while fn is running, the
// end is handled afterwards. So fn is called for one event at a time, and not
// after the stream is over.
type eventSource struct {
	aio.Promise[struct{}]
	client *Client
	req    *http.Request
	fn     func(ServerEvent)
	after  func()        // called at the end; may be nil
	stop   chan struct{} // closed when the stream must end
	meter  *progressMeter
	unbind func() bool // unregisters from the request's own context; may be nil
	alarm  alarm.Alarm

	mu       sync.Mutex
	state    sourceState
	conn     *eventConn // the connection, in state connected
	busy     bool       // bytes of conn are being parsed, or fn is being called
	pending  *connEnd   // the end of conn, if it has ended while busy
	stopped  bool
	cause    error // why the stream was stopped
	last     string
	retry    time.Duration // the server's latest retry field
	failures int           // successive ones
}

type sourceState uint8

const (
	sourceConnected sourceState = iota
	sourceWaiting
	sourceOver
)

// connEnd says how a stream's connection has ended.
type connEnd struct {
	err   error // nil: at the response's end
	final bool  // do not reconnect
	after time.Duration
}

func newEventSource(c *Client, req *http.Request, fn func(ServerEvent)) *eventSource {
	s := &eventSource{client: c, req: req, fn: fn, stop: make(chan struct{}), last: req.Header.Get("Last-Event-ID")}
	s.alarm.Init(s)
	return s
}

// open begins the stream.
func (s *eventSource) open(ctx context.Context) *aio.Future[struct{}] {
	s.meter = meterOf(ctx)
	if err := s.Start(ctx, kindEvents, "", s); err != nil {
		s.mu.Lock()
		s.state = sourceOver
		s.mu.Unlock()
		s.release()
		if s.after != nil {
			s.after()
		}
		return s.Future()
	}
	own := s.req.Context()
	switch {
	case own.Done() == nil:
	case own.Err() != nil: // the function of AfterFunc would run later
		s.Op().Cancel(context.Cause(own))
	default:
		s.unbind = context.AfterFunc(own, func() { s.Op().Cancel(context.Cause(own)) })
	}
	if s.Op().Draining() {
		s.end(nil)
	}
	if s.req.GetBody != nil { // GetBody is a function of the user's
		s.Op().Go(s.connect, s.died)
	} else {
		s.connect()
	}
	return s.Future()
}

// OpName names the stream.
func (s *eventSource) OpName() string { return "events of " + requestName(s.req) }

// OpCancel ends the stream.
func (s *eventSource) OpCancel(cause error) { s.end(cause) }

// OpDrain ends the stream, which would otherwise go on forever.
func (s *eventSource) OpDrain() { s.end(nil) }

// end ends the stream from this side.
func (s *eventSource) end(cause error) {
	s.mu.Lock()
	if s.stopped || s.state == sourceOver {
		s.mu.Unlock()
		return
	}
	s.stopped, s.cause = true, cause
	close(s.stop)
	c, waiting := s.conn, s.state == sourceWaiting
	if waiting {
		s.state = sourceOver
	}
	s.mu.Unlock()
	switch {
	case waiting:
		alarm.Of(s.Op()).Stop(&s.alarm)
		s.finish(s.wrapped(cause))
	case c != nil:
		c.ex.end(orClosed(cause))
	}
}

// errEventsClosed is the error of the connection of a stream that is closed.
var errEventsClosed = errors.New("httpx: the event stream is closed")

func orClosed(cause error) error {
	if cause == nil {
		return errEventsClosed
	}
	return cause
}

// wrapped returns the error of a stream that was ended while it waited.
func (s *eventSource) wrapped(cause error) error {
	if cause == nil {
		return nil
	}
	return &Error{methodOf(s.req), cutCredentials(s.req.URL.String()), PhaseDial, cause}
}

// finish resolves the stream, which is over.
func (s *eventSource) finish(err error) {
	s.release()
	if err != nil {
		s.Reject(err)
	} else {
		s.Resolve(struct{}{})
	}
	if s.after != nil {
		s.after()
	}
}

// release releases everything that the stream holds. The caller may use the
// request again when the future has resolved.
func (s *eventSource) release() {
	if s.unbind != nil {
		s.unbind()
	}
	s.meter.end()
	// otherwise a connection has closed it
	if s.req.Body != nil && s.req.GetBody != nil {
		s.req.Body.Close()
	}
}

// connect makes the next connection.
func (s *eventSource) connect() {
	c := &eventConn{src: s}
	// it reports no progress
	c.ex.init(context.Background(), s.client, s.req, s.Op())
	c.ex.endless = true
	s.mu.Lock()
	last, stopped, cause := s.last, s.stopped, s.cause
	s.conn = c
	s.mu.Unlock()
	if stopped {
		if cause != nil {
			cause = c.ex.wrap(cause)
		}
		s.connEnded(c, connEnd{err: cause, final: true})
		return
	}
	req, err := s.request(last)
	c.ex.req = req
	if err != nil {
		s.connEnded(c, connEnd{err: c.ex.wrap(err), final: true})
		return
	}
	c.parser = newEventParser(s.client.Reconnect.maxEvent(), last)
	c.begin()
}

// request returns the request for the next connection.
func (s *eventSource) request(last string) (*http.Request, error) {
	req := s.req.WithContext(context.WithoutCancel(s.req.Context()))
	h := req.Header.Clone()
	if h == nil {
		h = make(http.Header)
	}
	if h["Accept"] == nil {
		h.Set("Accept", "text/event-stream")
	}
	if h["Accept-Encoding"] == nil { // compressed events arrive late
		h.Set("Accept-Encoding", "identity")
	}
	if h["Cache-Control"] == nil {
		h.Set("Cache-Control", "no-cache")
	}
	h.Del("Last-Event-ID")
	// a field cannot contain other values
	if last != "" && http1.ValidValue(last) {
		h.Set("Last-Event-ID", last)
	}
	req.Header = h
	var err error
	if req.GetBody != nil {
		req.Body, err = req.GetBody()
	}
	return req, err
}

// connEnded is called when a connection has ended. It schedules the next one,
// or ends the stream.
func (s *eventSource) connEnded(c *eventConn, end connEnd) {
	s.mu.Lock()
	switch {
	case s.conn != c:
		s.mu.Unlock()
		return
	case s.busy:
		if s.pending == nil {
			s.pending = &end
		}
		s.mu.Unlock()
		return
	}
	s.conn, s.pending = nil, nil
	wait, again, err := s.nextLocked(c, end)
	if again {
		s.state = sourceWaiting
	} else {
		s.state = sourceOver
	}
	s.mu.Unlock()
	c.ex.done()
	if !again {
		s.finish(err)
		return
	}
	alarm.Of(s.Op()).Set(&s.alarm, wait)
	s.mu.Lock()
	over := s.state == sourceOver // it was ended meanwhile
	s.mu.Unlock()
	if over {
		alarm.Of(s.Op()).Stop(&s.alarm)
	}
}

// nextLocked decides what follows a connection: another one after a wait, or
// the end of the stream with an error. The lock is held.
func (s *eventSource) nextLocked(c *eventConn, end connEnd) (wait time.Duration, again bool, err error) {
	r := &s.client.Reconnect
	if c.parser != nil {
		if c.parser.again >= 0 {
			s.retry = c.parser.again
		}
		if c.parser.begun {
			s.failures = 0
		}
		s.last = c.parser.last
	}
	s.failures++
	switch {
	case s.stopped && s.cause == nil:
		return 0, false, nil
	case s.stopped, end.final, r.Attempts < 0, r.Attempts > 0 && s.failures > r.Attempts, !c.ex.repeatable():
		return 0, false, end.err
	}
	return r.wait(s.failures, max(s.retry, end.after)), true, nil
}

// Fire makes the next connection if it is due.
func (s *eventSource) Fire() {
	s.mu.Lock()
	if s.state != sourceWaiting {
		s.mu.Unlock()
		return
	}
	s.state = sourceConnected
	s.mu.Unlock()
	s.Op().Go(s.connect, s.died)
}

// died ends the stream after a panic in a function of the user's.
func (s *eventSource) died(err error) {
	s.mu.Lock()
	c := s.conn
	s.busy, s.pending = false, nil
	s.mu.Unlock()
	if c != nil {
		c.ex.end(err)
		s.connEnded(c, connEnd{err: err, final: true})
	}
}

// enter marks the source as busy with bytes of a connection. It reports false
// if it does not want them any more.
func (s *eventSource) enter(c *eventConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != c || s.stopped {
		return false
	}
	s.busy = true
	return true
}

// leave undoes enter. If the connection has ended meanwhile, it handles the
// end.
func (s *eventSource) leave(c *eventConn) {
	s.mu.Lock()
	if s.conn != c { // fn panicked
		s.mu.Unlock()
		return
	}
	s.busy = false
	end := s.pending
	s.mu.Unlock()
	if end != nil {
		s.connEnded(c, *end)
	}
}

// deliver calls fn for an event of a connection. It returns an error if no more
// events are wanted.
func (s *eventSource) deliver(c *eventConn, e *ServerEvent) error {
	s.mu.Lock()
	if s.conn != c || s.stopped || s.pending != nil {
		s.mu.Unlock()
		return errEventsClosed
	}
	s.last = e.ID
	s.mu.Unlock()
	err := s.Op().Call(func() { s.fn(*e) }, s.died)
	if err != nil {
		s.died(err)
	}
	return err
}

func (s *eventSource) lastEventID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// maxEvent returns the limit for an event.
func (r *Reconnect) maxEvent() int {
	switch {
	case r.MaxEvent == 0:
		return 1 << 20
	case r.MaxEvent < 0:
		return math.MaxInt
	}
	return r.MaxEvent
}

// wait returns how long to wait before the nth attempt to reconnect.
func (r *Reconnect) wait(n int, asked time.Duration) time.Duration {
	b := r.Backoff
	if b.Attempts, b.Elapsed = -1, -1; b.Initial == 0 {
		b.Initial = time.Second
	}
	limit := r.MaxWait
	switch {
	case limit == 0:
		limit = 5 * time.Minute
	case limit < 0:
		limit = math.MaxInt64
	}
	n = min(n, 1000) // a Backoff has reached its maximum by then
	for try, d := range b.Delays() {
		if try > n {
			return min(max(d, 0)+min(asked, limit), limit)
		}
	}
	return min(asked, limit)
}

// triesAgain reports whether the stream reconnects after a response with
// status.
func (r *Reconnect) triesAgain(status int) bool { return slices.Contains(r.Statuses, status) }
