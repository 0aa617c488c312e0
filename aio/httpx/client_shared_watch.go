package httpx

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"goaio.example/aio/internal/alarm"
)

// sharedWatch bounds the sending of a request by HTTP/2, and the waiting for
// its answer, which package http2 does not.
type sharedWatch struct {
	ex     *outgoing
	req    *http.Request // that package http2 is given
	cancel context.CancelCauseFunc
	alarm  alarm.Alarm

	mu       sync.Mutex
	phase    int32
	since    time.Time // when the phase began, or the last progress in it was
	answered bool      // the answer's head has come
	over     bool
	why      error // what the request was cancelled with
}

// sharedWatchKey is the key of the watch in the context of its request.
type sharedWatchKey struct{}

func newSharedWatch(ex *outgoing, req *http.Request) *sharedWatch {
	w := &sharedWatch{ex: ex}
	w.alarm.Init(w)
	ctx, cancel := context.WithCancelCause(context.WithValue(req.Context(), sharedWatchKey{}, w))
	w.cancel = cancel
	w.req = req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { w.enter(atSend) },
		WroteRequest: func(i httptrace.WroteRequestInfo) {
			if i.Err == nil {
				w.enter(atHeader)
			}
			w.sent()
		},
		GotFirstResponseByte: func() { w.ex.passPhase(atSend, atHeader) },
	}))
	if req.Body == nil || req.Body == http.NoBody {
		return w
	}
	w.req.Body = &sharedUpload{ReadCloser: req.Body, w: w}
	if again := req.GetBody; again != nil {
		w.req.GetBody = func() (io.ReadCloser, error) {
			b, err := again()
			if err != nil {
				return nil, err
			}
			return &sharedUpload{ReadCloser: b, w: w}, nil
		}
	}
	return w
}

// limit returns how long a phase may make no progress, 0 for no bound.
func (w *sharedWatch) limit(phase int32) time.Duration {
	switch phase {
	case atSend:
		return orDefault(w.ex.client.Timeouts.Send, 30*time.Second)
	case atHeader:
		return orDefault(w.ex.client.Timeouts.Header, 30*time.Second)
	}
	return 0
}

// enter begins a phase.
func (w *sharedWatch) enter(phase int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over || w.answered {
		return
	}
	w.ex.setPhase(phase)
	w.phase, w.since = phase, time.Now()
	if d := w.limit(phase); d > 0 {
		w.ex.op.Alarms().Set(&w.alarm, d)
	}
}

// progress says that some of the body was read, to be sent.
func (w *sharedWatch) progress() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since = time.Now()
}

// Fire ends the request if it has made no progress.
func (w *sharedWatch) Fire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.limit(w.phase)
	if w.over || d == 0 {
		return
	}
	if left := d - time.Since(w.since); left > 0 {
		w.ex.op.Alarms().Set(&w.alarm, left)
		return
	}
	if w.why = errHeader; w.phase == atSend {
		w.why = errSend
	}
	w.cancel(w.why)
}

// head notes that the answer's head has come. A body that is still being sent
// is watched on.
func (w *sharedWatch) head() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.answered = true; w.phase != atSend {
		w.endLocked()
	}
}

// sent notes that no more of the request is sent.
func (w *sharedWatch) sent() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.phase = atHeader; w.answered {
		w.endLocked()
	}
}

// end ends the watch, since the request has failed.
func (w *sharedWatch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endLocked()
}

func (w *sharedWatch) endLocked() {
	w.over = true
	w.ex.op.Alarms().Stop(&w.alarm)
}

// cause returns what the watch has cancelled the request with, or else err.
func (w *sharedWatch) cause(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil && err != io.EOF && w.why != nil {
		return w.why
	}
	return err
}

// sharedUpload is a request's body that tells the watch of its progress.
type sharedUpload struct {
	io.ReadCloser
	w      *sharedWatch
	closed atomic.Bool
}

// Read reads. A body that has neither a byte nor an error makes no progress,
// and package http2 would ask it for ever.
func (b *sharedUpload) Read(p []byte) (int, error) {
	if b.closed.Load() {
		return 0, errNotNeeded
	}
	n, err := b.ReadCloser.Read(p)
	if n > 0 || err != nil {
		b.w.progress()
	}
	return n, err
}

// Close closes the body, once.
func (b *sharedUpload) Close() error {
	if b.closed.Swap(true) {
		return nil
	}
	b.w.sent()
	return b.ReadCloser.Close()
}

// sharedBody is the body of an answer to a request that may still be being
// sent. Package http2 does not look at the request's context while it waits for
// a window, so that the end of that closes the body.
type sharedBody struct {
	io.ReadCloser
	w *sharedWatch
}

func newSharedBody(b io.ReadCloser, w *sharedWatch) *sharedBody {
	stop := context.AfterFunc(w.req.Context(), func() { b.Close() })
	w.ex.onDone(func() { stop() })
	return &sharedBody{b, w}
}

func (b *sharedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	return n, b.w.cause(err)
}
