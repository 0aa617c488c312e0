package httpx

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"goaio.example/aio"
)

// net/http bounds how long an HTTP/2 connection makes no progress. It does not
// bound the time of one stream, whose client may hold back its flow-control
// window.

var (
	// errStreamGone is the cause if the client gave up an HTTP/2 request.
	errStreamGone = aio.NewConnError("read", "tcp", "", -1, errors.New("the client gave up the request"))
	// errStreamStalled is the cause if the client did not read the response to
	// an HTTP/2 request.
	errStreamStalled = aio.NewConnError("write", "tcp", "", -1, os.ErrDeadlineExceeded)
)

// pace bounds how long the request's stream makes no progress.
func (x *h2Exchange) pace(lim *limits) {
	rc := http.NewResponseController(x.rw.rw)
	x.intake = &pacedBody{ReadCloser: x.raw.Body, rc: rc, max: lim.body}
	x.raw.Body = x.intake
	x.rw.rw = &pacedWriter{ResponseWriter: x.rw.rw, x: x, rc: rc, body: x.intake, max: lim.write}
}

// streamGone notes that the request's stream has ended before its response.
// net/http reports this by a context and by the error of a write, in any order.
func (x *h2Exchange) streamGone() {
	cause := errStreamGone
	if x.rw.rw.(*pacedWriter).late() {
		cause = errStreamStalled
	}
	x.clientGone(cause)
}

// pacedBody bounds the wait for more of an HTTP/2 request's body while it is
// read.
type pacedBody struct {
	io.ReadCloser
	rc   *http.ResponseController
	max  time.Duration // 0: no bound
	read atomic.Int64  // bytes

	mu  sync.Mutex
	own time.Time // the deadline set by SetReadDeadline
	by  time.Time // the deadline of the Read in progress
	// net/http is about to take the stream back: rc must not be used
	over bool
}

func (b *pacedBody) Read(p []byte) (int, error) {
	if b.max > 0 {
		b.bound(time.Now().Add(b.max))
	}
	n, err := b.ReadCloser.Read(p)
	b.read.Add(int64(n))
	// After an error no deadline has an effect. Otherwise no time counts
	// between Reads: net/http fails the whole body when a deadline passes.
	if err == nil && b.max > 0 {
		b.bound(time.Time{})
	}
	return n, err
}

// bound sets the deadline of a Read; a zero one is none.
func (b *pacedBody) bound(by time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.by = by
	b.apply() // has no effect on a stream that has ended
}

// setDeadline sets the deadline besides that of each Read.
func (b *pacedBody) setDeadline(t time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.own = t
	return b.apply()
}

// end ends the setting of deadlines. A goroutine that the handler has left
// behind may still read, and gets net/http's error.
func (b *pacedBody) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
}

// apply makes the earlier deadline hold. The lock is held.
func (b *pacedBody) apply() error {
	if b.over {
		return nil
	}
	t := b.own
	if !b.by.IsZero() && (t.IsZero() || b.by.Before(t)) {
		t = b.by
	}
	return b.rc.SetReadDeadline(t)
}

// pacedWriter bounds how long sending an HTTP/2 response's body may make no
// progress. It sets a deadline only for calls that may block: net/http buffers
// the first bytes.
type pacedWriter struct {
	http.ResponseWriter
	x        *h2Exchange
	rc       *http.ResponseController
	body     *pacedBody    // of the request
	max      time.Duration // 0: no bound
	gathered int           // bytes buffered by net/http
	own      time.Time     // the handler's own deadline
	// deadline of the call in progress, in Unix nanoseconds; 0: none
	by      atomic.Int64
	stalled atomic.Bool // that deadline has passed
}

// gatherSize is how many bytes net/http buffers before it sends them.
const gatherSize = 4 << 10

// Unwrap provides http.ResponseController with the methods that this writer
// lacks.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write sends a part of the body, in pieces, so that the bound applies to
// progress.
func (w *pacedWriter) Write(p []byte) (n int, err error) {
	if w.gathered+len(p) <= gatherSize {
		w.gathered += len(p)
		n, err = w.ResponseWriter.Write(p)
		return n, w.result(err)
	}
	for n < len(p) && err == nil {
		part := p[n:min(n+piece, len(p))]
		w.gather(len(part))
		err = w.within(func() error {
			m, err := w.ResponseWriter.Write(part)
			n += m
			return err
		})
	}
	return n, err
}

// gather counts n written bytes as net/http's bufio.Writer buffers them.
func (w *pacedWriter) gather(n int) {
	switch {
	case w.gathered+n <= gatherSize:
		w.gathered += n
		return
	case w.gathered > 0:
		n -= gatherSize - w.gathered // fills the buffer up
	}
	if w.gathered = n; n > gatherSize { // goes out without being buffered
		w.gathered = 0
	}
}

// FlushError sends buffered bytes. A header alone does not wait for the window.
func (w *pacedWriter) FlushError() error {
	if w.gathered == 0 {
		return w.result(w.rc.Flush())
	}
	w.gathered = 0
	return w.within(w.rc.Flush)
}

// SetReadDeadline sets a deadline for reading the body, in addition to the bound
// of each Read.
func (w *pacedWriter) SetReadDeadline(t time.Time) error { return w.body.setDeadline(t) }

// SetWriteDeadline sets the handler's deadline. The writer's own bound still
// applies.
func (w *pacedWriter) SetWriteDeadline(t time.Time) error {
	w.own = t
	return w.rc.SetWriteDeadline(t)
}

// within calls fn with a deadline, unless the handler's own is earlier.
func (w *pacedWriter) within(fn func() error) error {
	by := time.Now().Add(w.max)
	if w.max == 0 || !w.own.IsZero() && w.own.Before(by) {
		return w.result(fn())
	}
	w.by.Store(by.UnixNano())
	w.rc.SetWriteDeadline(by) // has no effect on a stream that has ended
	err := w.result(fn())
	w.by.Store(0)
	w.rc.SetWriteDeadline(w.own)
	return err
}

// result returns the error of a write that failed with err, and ends the
// request if its stream is gone.
func (w *pacedWriter) result(err error) error {
	if err == nil || w.x.raw.Context().Err() == nil && err.Error() != disconnected {
		return err
	}
	if w.late() {
		w.stalled.Store(true)
		err = errStreamStalled
	}
	w.x.streamGone()
	return err
}

// disconnected is net/http's error of a write to a connection that is gone,
// which it does not export. The request's context may end a moment later.
const disconnected = "client disconnected"

// late reports whether the stream has ended because a call took too long.
func (w *pacedWriter) late() bool {
	by := w.by.Load()
	return w.stalled.Load() || by != 0 && time.Now().UnixNano() >= by
}

// last bounds how long net/http may take to send the buffered bytes after the
// handler has returned.
func (w *pacedWriter) last() {
	if by := time.Now().Add(w.max); w.gathered > 0 && w.max > 0 && (w.own.IsZero() || by.Before(w.own)) {
		w.rc.SetWriteDeadline(by)
	}
}

// cut resets the stream.
func (w *pacedWriter) cut() { w.rc.SetWriteDeadline(time.Unix(1, 0)) }
