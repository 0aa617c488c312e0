package httpx

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

// Progress is how far a request has come, in bytes of the bodies.
type Progress struct {
	Sent, SendTotal       int64 // the request's body; the total is -1 if it is not known
	Received, ReceiveSize int64 // the response's body; the size is -1 if it is not known
}

// WithProgress returns a ctx for one request, and a channel of its progress:
// the latest is kept for a reader that does not keep up. The channel is closed
// when the request is done.
func WithProgress(ctx context.Context) (context.Context, <-chan Progress) {
	progressWanted.Store(true)
	w := &progressWatch{ch: make(chan Progress, 1), now: Progress{SendTotal: -1, ReceiveSize: -1}}
	return context.WithValue(ctx, progressKey{}, w), w.ch
}

type progressKey struct{}

// progressWanted says that WithProgress was called, so that most programs need
// not look for a watch.
var progressWanted atomic.Bool

// progressWatch tells of a request's progress. A nil one does nothing.
type progressWatch struct {
	mu    sync.Mutex
	ch    chan Progress
	now   Progress
	ended bool
}

// watchOf returns what watches the request of ctx, nil without one.
func watchOf(ctx context.Context) *progressWatch {
	if !progressWanted.Load() {
		return nil
	}
	w, _ := ctx.Value(progressKey{}).(*progressWatch)
	return w
}

// update changes the progress and tells of it.
func (w *progressWatch) update(change func(*Progress)) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	change(&w.now)
	select {
	case <-w.ch: // the old one
	default:
	}
	w.ch <- w.now
}

// upload watches a request's body. Of several that are sent side by side, as of
// hedged requests, the one that has come furthest counts.
func (w *progressWatch) upload(req *http.Request, beside bool) {
	if w == nil || req.Body == nil || req.Body == http.NoBody {
		return
	}
	total := req.ContentLength
	if total == 0 {
		total = -1 // as package net/http has it
	}
	watched := func(b io.ReadCloser) io.ReadCloser {
		w.update(func(p *Progress) {
			if p.SendTotal = total; !beside {
				p.Sent = 0
			}
		})
		return &watchedBody{ReadCloser: b, w: w}
	}
	req.Body = watched(req.Body)
	if again := req.GetBody; again != nil { // for redirects and the like
		req.GetBody = func() (io.ReadCloser, error) {
			b, err := again()
			if err != nil {
				return nil, err
			}
			return watched(b), nil
		}
	}
}

// watchedBody tells of what is read of a request's body.
type watchedBody struct {
	io.ReadCloser
	w    *progressWatch
	read int64
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.read += int64(n)
		b.w.update(func(p *Progress) { p.Sent = max(p.Sent, b.read) })
	}
	return n, err
}

// again says that the request is made once more, from the start.
func (w *progressWatch) again() {
	w.update(func(p *Progress) { p.Sent, p.Received = 0, 0 })
}

// download begins to watch a response's body.
func (w *progressWatch) download(resp *http.Response) {
	w.update(func(p *Progress) { p.ReceiveSize = resp.ContentLength })
}

// received adds what was read of the response's body.
func (w *progressWatch) received(n int) {
	if n > 0 {
		w.update(func(p *Progress) { p.Received += int64(n) })
	}
}

// end closes the channel.
func (w *progressWatch) end() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		w.ended = true
		close(w.ch)
	}
}
