package httpx

import (
	"context"
	"io"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"goaio.example/aio"
)

// sharedUpload is a request's body that package http2 sends. It reports its
// progress to the exchange. It is an operation from its first Read until it is
// closed and no Read is in progress, because a Read that does not return is
// left behind.
type sharedUpload struct {
	op     aio.Op
	w      *sharedExchange
	body   io.ReadCloser
	length int64 // -1: not known
	sum    int64 // bytes read; only Read touches it
	// the server has not been asked yet whether it wants the body; only Read
	// touches it
	asks    bool
	wanted  chan struct{} // closed by goOn
	stopped chan struct{} // closed by Close

	mu      sync.Mutex
	asked   bool // goOn was called
	started bool // op is
	reading bool
	closed  bool // Close was called
	done    bool // the body's own Close has returned
}

// Read reads from the body. It fails if the body returns neither a byte nor an
// error, since package http2 would call Read forever. It recovers from a panic
// of the body and fails the request, because package http2 calls Read in a
// goroutine that it starts.
func (u *sharedUpload) Read(p []byte) (n int, err error) {
	if err := u.enter(); err != nil {
		return 0, err
	}
	defer u.leave()
	if u.asks && !u.isWanted() {
		return 0, errNotNeeded
	}
	u.asks = false
	// also after a Goexit, which would make package http2 hang
	failed := func(err error) { u.w.fail(err) }
	if died := u.op.Call(func() { n, err = u.body.Read(p) }, failed); died != nil {
		failed(died)
		return 0, died
	}
	if n > 0 || err != nil {
		u.w.progress()
	}
	// package http2 would send a short body as it is
	if u.sum += int64(n); err == io.EOF && u.length >= 0 && u.sum < u.length {
		err = wrongLength(u.length, u.sum)
	}
	return n, err
}

// isWanted waits before the first Read, for a limited time, until the server
// wants the body. It reports false if the body is not to be sent.
func (u *sharedUpload) isWanted() bool {
	if tr := httptrace.ContextClientTrace(u.w.req.Context()); tr != nil && tr.Wait100Continue != nil {
		u.w.hook(tr.Wait100Continue)
	}
	late := time.NewTimer(continueTime)
	defer late.Stop()
	select {
	case <-u.wanted:
	case <-late.C:
	case <-u.stopped:
		return false
	}
	return true
}

// goOn is called when the server wants the body.
func (u *sharedUpload) goOn() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.asked {
		u.asked = true
		close(u.wanted)
	}
}

// enter begins a Read.
func (u *sharedUpload) enter() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return errNotNeeded
	}
	if !u.started {
		if err := u.op.Start(u.w.ex.op.Context(), kindUpload, "", u); err != nil {
			return err
		}
		u.started = true
	}
	u.reading = true
	return nil
}

// leave ends a Read.
func (u *sharedUpload) leave() {
	u.mu.Lock()
	u.reading = false
	over := u.done
	u.mu.Unlock()
	if over {
		u.op.End(nil)
	}
}

// Close closes the body, once. It waits for the body's own Close only if
// nothing was read: package http2 delays the end of the request until Close
// returns.
func (u *sharedUpload) Close() error {
	u.mu.Lock()
	first := !u.closed
	u.closed = true
	started := u.started
	if first {
		close(u.stopped)
	}
	u.mu.Unlock()
	switch {
	case !first:
		return nil
	case !started:
		u.w.sentBy(u)
		return u.body.Close()
	}
	u.w.sentBy(u)
	u.op.Go(func() {
		u.body.Close()
		u.end()
	}, func(error) { u.end() })
	return nil
}

// end marks the body as closed.
func (u *sharedUpload) end() {
	u.mu.Lock()
	u.done = true
	over := !u.reading
	u.mu.Unlock()
	if over {
		u.op.End(nil)
	}
}

// untouched reports whether nothing was read from the body.
func (u *sharedUpload) untouched() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return !u.started && !u.closed
}

// OpCancel does nothing: the end of the request closes the body.
func (u *sharedUpload) OpCancel(error) {}

// OpName names the upload.
func (u *sharedUpload) OpName() string { return "body of " + requestName(u.w.own) }

// sharedBody is the body of a response. The request stays on its connection
// until the body ends.
type sharedBody struct {
	io.ReadCloser
	w      *sharedExchange
	ended  atomic.Bool // it was read to its end, or failed
	closed atomic.Bool
}

// newSharedBody returns the body of a response. Package http2 does not watch
// the request's context while it waits for a window for the request's body, so
// the end of that context closes the response's body.
func newSharedBody(body io.ReadCloser, w *sharedExchange) *sharedBody {
	b := &sharedBody{ReadCloser: body, w: w}
	if w.upload != nil {
		stop := context.AfterFunc(w.req.Context(), b.close)
		w.ex.onDone(func() { stop() })
	}
	return b
}

func (b *sharedBody) Read(p []byte) (int, error) {
	if b.closed.Load() && b.w.cause(errBodyClosed) == errBodyClosed { //nolint:errorlint // it is not wrapped
		return 0, errBodyClosed
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.ended.Store(true)
		b.w.leave()
	}
	return n, b.w.cause(err)
}

// Close closes the body. Package http2 also waits for the end of the request's
// own body, unless the context has ended.
func (b *sharedBody) Close() error {
	b.w.cancel(errBodyClosed)
	b.close()
	return nil
}

// kindClose is the kind of the operation that closes a response's body over
// HTTP/2.
var kindClose = aio.NewKind("http.close")

// close closes the body, once. Closing returns what was not read to the
// connection's window by writing to the connection. That blocks while the
// server does not read, so it is done in an operation for which no caller
// waits.
func (b *sharedBody) close() {
	if b.closed.Swap(true) {
		return
	}
	if b.ended.Load() {
		b.ReadCloser.Close() // returns no error
		b.w.leave()
		return
	}
	c := &sharedClose{b: b}
	c.op.AsBackground()
	if c.op.Start(b.w.last.host.pool.top, kindClose, "", c) != nil {
		return // the loop has ended, and the connection with it
	}
	c.op.Go(func() {
		b.ReadCloser.Close()
		c.end()
	}, func(error) { c.end() })
}

// sharedClose is an operation that closes a body.
type sharedClose struct {
	op aio.Op
	b  *sharedBody
}

func (c *sharedClose) end() {
	c.b.w.leave()
	c.op.End(nil)
}

// OpCancel does nothing: the end of the connection ends it.
func (c *sharedClose) OpCancel(error) {}

// OpName names the operation.
func (c *sharedClose) OpName() string { return "close the answer to " + requestName(c.b.w.own) }
