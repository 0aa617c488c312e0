package httpx

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
)

// bound makes the response's body fail when it makes no progress, and reports
// its progress.
func (ex *outgoing) bound(resp *http.Response) {
	ex.meter.download(resp)
	if endsHTTP(resp) { // what follows is not a body
		return
	}
	limit, why := orDefault(ex.client.Timeouts.Body, 30*time.Second), errStalled
	if ex.endless {
		limit, why = ex.silence(), errSilent
	}
	ex.stall = newStall(ex, limit, why)
	resp.Body = &boundBody{resp.Body, ex, ex.stall}
}

// boundBody is a response's body that bounds the time of each Read.
type boundBody struct {
	io.ReadCloser
	ex    *outgoing
	stall *stall
}

func (b *boundBody) Read(p []byte) (int, error) {
	b.stall.enter()
	n, err := b.ReadCloser.Read(p)
	b.stall.leave()
	b.ex.meter.received(n)
	if err != nil && err != io.EOF {
		err = b.ex.wrap(err)
	}
	return n, err
}

// stall is an alarm for a Read that waits too long. It is set once and, when it
// fires, again for the rest of the time: most bodies end before. Reads of one
// body do not overlap.
type stall struct {
	ex    *outgoing
	limit time.Duration // 0: none
	why   error         // what the request fails with
	alarm alarm.Alarm
	// when the current Read began, in nanoseconds since epoch; 0: no Read is
	// waiting
	since atomic.Int64
	epoch time.Time
	over  atomic.Bool
}

// newStall returns an alarm for a body, and sets it.
func newStall(ex *outgoing, limit time.Duration, why error) *stall {
	s := &stall{ex: ex, limit: limit, why: why}
	if limit > 0 {
		s.epoch = time.Now()
		s.alarm.Init(s)
		alarm.Of(ex.op).Set(&s.alarm, limit)
	}
	return s
}

func (s *stall) enter() {
	if s.limit > 0 {
		s.since.Store(int64(time.Since(s.epoch)) + 1)
	}
}

func (s *stall) leave() {
	if s.limit > 0 {
		s.since.Store(0)
	}
}

// stop stops the alarm. It may be called on a nil stall.
func (s *stall) stop() {
	if s == nil {
		return
	}
	s.over.Store(true)
	if s.limit > 0 {
		alarm.Of(s.ex.op).Stop(&s.alarm)
	}
}

// Fire ends the request if a Read has waited too long.
func (s *stall) Fire() {
	left := s.limit
	if since := s.since.Load(); since > 0 {
		left -= time.Since(s.epoch) - time.Duration(since-1)
	}
	if left <= 0 {
		s.ex.end(s.why)
		return
	}
	alarm.Of(s.ex.op).Set(&s.alarm, left)
	if s.over.Load() { // meanwhile
		alarm.Of(s.ex.op).Stop(&s.alarm)
	}
}

// A Stream is a response whose body is still to be read. The operation of its
// request goes on, and holds the loop open, until the body is closed, read to
// its end, or fails.
type Stream struct {
	Status int // such as 200
	Proto  string
	Header http.Header
	// Body must be closed. The client's Timeouts bound it, MaxBody does not.
	// The body of a 101 (Switching Protocols), and over HTTP/1.1 of a 2xx to
	// CONNECT, is an io.ReadWriteCloser that carries the connection's further
	// data. Timeouts.Total and the request's contexts bound it. It is also a
	// net.Conn with a method CloseWrite() error, unless the client has a
	// Transport whose body is not one.
	Body io.ReadCloser
	// Std is the response as net/http's type, with the same body.
	Std *http.Response
}

// Stream makes a request and returns a future that resolves when the response's
// header has arrived. Everything else is as for Do.
func (c *Client) Stream(ctx context.Context, req *http.Request) *aio.Future[*Stream] {
	op := new(aio.Op)
	ex := new(outgoing)
	ex.init(ctx, c, req, op)
	if err := op.Start(ctx, kindOut, "", &streamCall{ex: ex}); err != nil {
		ex.done()
		return aio.Failed[*Stream](err)
	}
	return aio.Go(op.Context(), "header of "+requestName(req), func(ctx context.Context) (*Stream, error) {
		stop := context.AfterFunc(ctx, func() { op.Cancel(context.Cause(ctx)) })
		defer stop()
		return ex.stream()
	})
}

// stream makes the request, whose operation goes on until the body ends.
func (ex *outgoing) stream() (*Stream, error) {
	end := func() {
		ex.done()
		// the caller gets the error from the future or from the body
		ex.op.End(nil)
	}
	open := false
	defer func() {
		if !open {
			end()
		}
	}()
	resp, err := ex.do()
	if err != nil {
		return nil, err
	}
	s := &Stream{resp.StatusCode, resp.Proto, resp.Header, nil, resp}
	body := tunnelOf(resp, end)
	var closes func() error // for a cancellation
	switch {
	case body != nil && ex.once:
		s.Body, err = ex.outlive(resp)
		resp.Body = s.Body
		return s, err
	case body != nil:
		s.Body = body
	default:
		b := &streamBody{ReadCloser: resp.Body, done: end}
		s.Body, closes = b, b.end
	}
	open = true
	if resp.Body = s.Body; closes == nil {
		closes = s.Body.Close
	}
	ex.op.OnCancel(func(error) { closes() })
	return s, nil
}

// streamCall is the driver of a Stream's operation.
type streamCall struct{ ex *outgoing }

// OpName names the request.
func (p *streamCall) OpName() string { return requestName(p.ex.req) }

// OpCancel ends the request.
func (p *streamCall) OpCancel(cause error) { p.ex.end(cause) }

// streamBody ends its request's operation when it is closed or at its end.
type streamBody struct {
	io.ReadCloser
	done   func()
	closed atomic.Bool // by the user
}

func (b *streamBody) Read(p []byte) (int, error) {
	if b.closed.Load() {
		return 0, errBodyClosed
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.done()
	}
	return n, err
}

func (b *streamBody) Close() error {
	b.closed.Store(true)
	return b.end()
}

// end closes the body.
func (b *streamBody) end() error {
	err := b.ReadCloser.Close()
	b.done()
	return err
}
