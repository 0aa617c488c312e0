package httpx

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

// Progress says how much of the bodies of a request and its response was
// transferred, in bytes.
type Progress struct {
	// The request's body. SendTotal is -1 if its size is not known.
	Sent, SendTotal int64
	// The response's body. ReceiveSize is -1 if its size is not known.
	Received, ReceiveSize int64
}

// WithProgress returns a context for one request, and a channel of its
// progress. A slow reader gets only the latest state. The channel is closed
// when the request is done.
func WithProgress(ctx context.Context) (context.Context, <-chan Progress) {
	progressWanted.Store(true)
	w := &progressMeter{ch: make(chan Progress, 1), now: Progress{SendTotal: -1, ReceiveSize: -1}}
	return context.WithValue(ctx, progressKey{}, w), w.ch
}

type progressKey struct{}

// progressWanted is set once WithProgress was called, so that most programs
// need not look for a meter.
var progressWanted atomic.Bool

// progressMeter reports a request's progress. All methods may be called on nil.
type progressMeter struct {
	mu    sync.Mutex
	ch    chan Progress
	now   Progress
	ended bool
}

// meterOf returns the progressMeter in ctx, nil if there is none.
func meterOf(ctx context.Context) *progressMeter {
	if !progressWanted.Load() {
		return nil
	}
	w, _ := ctx.Value(progressKey{}).(*progressMeter)
	return w
}

// update changes the progress and reports it.
func (w *progressMeter) update(change func(*Progress)) {
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
	case <-w.ch: // drops the old state
	default:
	}
	w.ch <- w.now
}

// upload measures a request's body. If several bodies are sent concurrently, as
// for hedged requests, the one that has come furthest counts.
func (w *progressMeter) upload(req *http.Request, beside bool) {
	if w == nil || req.Body == nil || req.Body == http.NoBody {
		return
	}
	total := req.ContentLength
	if total == 0 {
		total = -1 // as in net/http
	}
	metered := func(b io.ReadCloser) io.ReadCloser {
		w.update(func(p *Progress) {
			if p.SendTotal = total; !beside {
				p.Sent = 0
			}
		})
		return &meteredBody{ReadCloser: b, w: w}
	}
	req.Body = metered(req.Body)
	if again := req.GetBody; again != nil { // for redirects and the like
		req.GetBody = func() (io.ReadCloser, error) {
			b, err := again()
			if err != nil {
				return nil, err
			}
			return metered(b), nil
		}
	}
}

// meteredBody reports what is read of a request's body.
type meteredBody struct {
	io.ReadCloser
	w    *progressMeter
	read int64
}

func (b *meteredBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.read += int64(n)
		b.w.update(func(p *Progress) { p.Sent = max(p.Sent, b.read) })
	}
	return n, err
}

// again resets the progress for another attempt.
func (w *progressMeter) again() {
	w.update(func(p *Progress) { p.Sent, p.Received = 0, 0 })
}

// download starts to measure a response's body.
func (w *progressMeter) download(resp *http.Response) {
	w.update(func(p *Progress) { p.ReceiveSize = resp.ContentLength })
}

// received counts n bytes read of the response's body.
func (w *progressMeter) received(n int) {
	if n > 0 {
		w.update(func(p *Progress) { p.Received += int64(n) })
	}
}

// end closes the channel.
func (w *progressMeter) end() {
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
