package httpx

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"goaio.example/aio/internal/alarm"
)

// sharedExchange bounds the time for sending a request over HTTP/2 and for
// waiting for its response, which package http2 does not. It also records
// how far the request had come if its connection is lost.
type sharedExchange struct {
	ex     *outgoing
	own    *http.Request // as it was given
	req    *http.Request // as given to package http2
	cancel context.CancelCauseFunc
	alarm  alarm.Alarm

	mu sync.Mutex
	// the connection that has the request; nil once it is over
	conn *sharedConn
	last *sharedConn // the connection that had it last
	// its body, the latest if there were several; may be nil
	upload   *sharedUpload
	wrote    bool // some of it may have been sent on last
	begun    bool // something of the response has arrived
	interim  int  // interim responses before it
	heads    int  // bytes of them
	phase    int32
	since    time.Time // when the phase began, or last made progress
	answered bool      // the response's head has arrived
	over     bool
	why      error // why the request was cancelled
}

// sharedExchangeKey is the key of the exchange in the context of its request.
type sharedExchangeKey struct{}

// newSharedExchange returns the exchange of req, which is sent in the form of
// sent.
func newSharedExchange(ex *outgoing, req, sent *http.Request) *sharedExchange {
	w := &sharedExchange{ex: ex, own: req}
	w.alarm.Init(w)
	ctx, cancel := context.WithCancelCause(context.WithValue(req.Context(), sharedExchangeKey{}, w))
	w.cancel = cancel
	w.req = sent.WithContext(w.trace(ctx))
	if req.Body == nil || req.Body == http.NoBody {
		return w
	}
	w.req.Body = w.sends(req.Body)
	if again := req.GetBody; again != nil {
		w.req.GetBody = func() (io.ReadCloser, error) {
			b, err := again()
			if err != nil {
				return nil, err
			}
			return w.sends(b), nil
		}
	}
	return w
}

// sends returns a body for package http2 to send.
func (w *sharedExchange) sends(b io.ReadCloser) *sharedUpload {
	u := &sharedUpload{
		w: w, body: b, length: bodyLength(w.own), asks: expectsContinue(w.own),
		wanted: make(chan struct{}), stopped: make(chan struct{}),
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.upload = u
	return u
}

// join records which connection has the request.
func (w *sharedExchange) join(c *sharedConn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn, w.last, w.wrote = c, c, false
}

// leave records that no connection has the request any more.
func (w *sharedExchange) leave() {
	w.mu.Lock()
	c := w.conn
	w.conn = nil
	w.mu.Unlock()
	if c != nil {
		c.s.release(c)
	}
}

func (w *sharedExchange) wroteHeaders() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrote = true
}

func (w *sharedExchange) answerBegins() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun = true
	w.last.proved.Store(true)
	w.ex.passPhase(atSend, atHeader)
}

// stale reports whether a request that has failed is made again: the host no
// longer speaks HTTP/2, or the server has closed the connection, no head of an
// answer has come, and repeating the request does no harm.
func (w *sharedExchange) stale(err error, tries *sharedTries) bool {
	if errors.Is(err, errNotShared) {
		return tries.another()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.last
	switch {
	case c == nil, !c.lost.Load(), w.interim > 0, w.why != nil, w.own.Context().Err() != nil:
		return false
	case w.wrote && !idempotent(w.own):
		return false
	}
	// The connection's end may overtake the head that has begun to come.
	return c.proved.Load() && !w.begun || tries.another()
}

// again returns the request to repeat, or the error that prevents it, which is
// err or that of GetBody.
func (w *sharedExchange) again(err error) (*http.Request, error) {
	w.mu.Lock()
	u := w.upload
	w.mu.Unlock()
	switch {
	case u == nil, u == w.req.Body && u.untouched():
		return w.own, nil
	case w.own.GetBody == nil:
		return nil, err
	}
	u.Close()
	body, failed := w.own.GetBody()
	if failed != nil {
		return nil, failed
	}
	again := *w.own
	again.Body = body
	return &again, nil
}

// limit returns how long a phase may make no progress; 0 means no bound.
func (w *sharedExchange) limit(phase int32) time.Duration {
	switch phase {
	case atSend:
		return orDefault(w.ex.client.Timeouts.Send, 30*time.Second)
	case atHeader:
		return orDefault(w.ex.client.Timeouts.Header, 30*time.Second)
	}
	return 0
}

// enter begins a phase.
func (w *sharedExchange) enter(phase int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over || w.answered {
		return
	}
	w.ex.setPhase(phase)
	w.phase, w.since = phase, time.Now()
	if d := w.limit(phase); d > 0 {
		alarm.Of(w.ex.op).Set(&w.alarm, d)
	}
}

// progress notes that some of the body was read for sending.
func (w *sharedExchange) progress() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since = time.Now()
}

// Fire ends the request if it made no progress.
func (w *sharedExchange) Fire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.limit(w.phase)
	if w.over || d == 0 {
		return
	}
	if left := d - time.Since(w.since); left > 0 {
		alarm.Of(w.ex.op).Set(&w.alarm, left)
		return
	}
	if w.why == nil {
		if w.why = errHeader; w.phase == atSend {
			w.why = errSend
		}
	}
	w.cancel(w.why)
}

// head notes that the response's head has arrived. The alarm goes on if the
// body is still being sent.
func (w *sharedExchange) head() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.answered = true; w.phase != atSend {
		w.endLocked()
	}
}

// sent notes that nothing more of the request will be sent.
func (w *sharedExchange) sent() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.phase = atHeader; w.answered {
		w.endLocked()
	}
}

// fail ends the request with an error of this side.
func (w *sharedExchange) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.why == nil {
		w.why = err
	}
	w.cancel(w.why)
}

// sentBy is sent for the body u. It does nothing if u belongs to an earlier
// attempt.
func (w *sharedExchange) sentBy(u *sharedUpload) {
	w.mu.Lock()
	latest := w.upload == u
	w.mu.Unlock()
	if latest {
		w.sent()
	}
}

// end ends the exchange, because the request has failed.
func (w *sharedExchange) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endLocked()
}

func (w *sharedExchange) endLocked() {
	w.over = true
	alarm.Of(w.ex.op).Stop(&w.alarm)
}

// cause returns why the exchange cancelled the request, or err if it did not.
func (w *sharedExchange) cause(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil && err != io.EOF && w.why != nil {
		return w.why
	}
	return err
}
