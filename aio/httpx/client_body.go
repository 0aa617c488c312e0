package httpx

import (
	"context"
	"io"
	"net/http"
	"time"

	"goaio.example/aio"
)

// bound makes the response's body fail when it makes no progress, and tells of its progress.
func (ex *outgoing) bound(resp *http.Response) {
	b := &boundBody{ReadCloser: resp.Body, ex: ex}
	ex.watch.download(resp)
	if b.limit = orDefault(ex.client.Timeouts.Body, 30*time.Second); b.limit > 0 {
		b.stalled = time.AfterFunc(b.limit, func() { ex.cancel(errStalled) })
		b.stalled.Stop()
		ex.onDone(func() { b.stalled.Stop() })
	}
	resp.Body = b
}

// boundBody is a response's body that is bounded in the time that a Read waits.
type boundBody struct {
	io.ReadCloser
	ex      *outgoing
	limit   time.Duration
	stalled *time.Timer
}

func (b *boundBody) Read(p []byte) (int, error) {
	if b.stalled != nil {
		b.stalled.Reset(b.limit)
		defer b.stalled.Stop()
	}
	n, err := b.ReadCloser.Read(p)
	b.ex.watch.received(n)
	if err != nil && err != io.EOF {
		err = b.ex.wrap(err)
	}
	return n, err
}

// Stream is a response whose body is still to be read. It is part of its request's operation, which goes on until the
// body is closed, or read to its end, or fails: until then it holds the loop open.
type Stream struct {
	Status int // such as 200
	Proto  string
	Header http.Header
	// Body must be closed. It is bounded by the client's Timeouts, and not by MaxBody.
	Body io.ReadCloser
	// Std is the response as package net/http has it, with the same body.
	Std *http.Response
}

// Stream makes a request and returns the future of its response, once the header has come. See Do for the rest.
func (c *Client) Stream(ctx context.Context, req *http.Request) *aio.Future[*Stream] {
	ex := c.newOutgoing(ctx, req)
	op, err := aio.Begin(ctx, kindOut, requestName(req))
	if err != nil {
		ex.done()
		return aio.Failed[*Stream](err)
	}
	end := func() {
		ex.done()
		op.End(nil) // whoever has the future, or reads the body, has the error
	}
	return aio.Go(op.Context(), "header of "+requestName(req), func(ctx context.Context) (*Stream, error) {
		stop := context.AfterFunc(ctx, func() { op.Cancel(context.Cause(ctx)) })
		defer stop()
		open := false
		defer func() {
			if !open {
				end()
			}
		}()
		resp, err := ex.do(op.Context())
		if err != nil {
			return nil, err
		}
		open = true
		resp.Body = &streamBody{resp.Body, end}
		op.OnCancel(func(error) { resp.Body.Close() })
		return &Stream{resp.StatusCode, resp.Proto, resp.Header, resp.Body, resp}, nil
	})
}

// streamBody ends its request's operation when it is closed or at its end.
type streamBody struct {
	io.ReadCloser
	done func()
}

func (b *streamBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.done()
	}
	return n, err
}

func (b *streamBody) Close() error {
	err := b.ReadCloser.Close()
	b.done()
	return err
}
