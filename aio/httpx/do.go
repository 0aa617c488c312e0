package httpx

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"

	"goaio.example/aio"
)

// kindOut is a request of a client in progress.
var kindOut = aio.NewKind("http.request.out")

// Do makes a request with the DefaultClient. See Client.Do.
func Do(ctx context.Context, req *http.Request) *aio.Future[*Response] {
	return DefaultClient.Do(ctx, req)
}

// Get makes a GET request with the DefaultClient.
func Get(ctx context.Context, url string) *aio.Future[*Response] { return DefaultClient.Get(ctx, url) }

// Head makes a HEAD request with the DefaultClient.
func Head(ctx context.Context, url string) *aio.Future[*Response] {
	return DefaultClient.Head(ctx, url)
}

// Post makes a POST request with the DefaultClient.
func Post(ctx context.Context, url, contentType string, body []byte) *aio.Future[*Response] {
	return DefaultClient.Post(ctx, url, contentType, body)
}

// Put makes a PUT request with the DefaultClient.
func Put(ctx context.Context, url, contentType string, body []byte) *aio.Future[*Response] {
	return DefaultClient.Put(ctx, url, contentType, body)
}

// Patch makes a PATCH request with the DefaultClient.
func Patch(ctx context.Context, url, contentType string, body []byte) *aio.Future[*Response] {
	return DefaultClient.Patch(ctx, url, contentType, body)
}

// Delete makes a DELETE request with the DefaultClient.
func Delete(ctx context.Context, url string) *aio.Future[*Response] {
	return DefaultClient.Delete(ctx, url)
}

// Get makes a GET request. See Do.
func (c *Client) Get(ctx context.Context, url string) *aio.Future[*Response] {
	return c.short(ctx, http.MethodGet, url, "", nil)
}

// Head makes a HEAD request. See Do.
func (c *Client) Head(ctx context.Context, url string) *aio.Future[*Response] {
	return c.short(ctx, http.MethodHead, url, "", nil)
}

// Post makes a POST request with a body, which must not be changed until the future has resolved. See Do.
func (c *Client) Post(ctx context.Context, url, contentType string, body []byte) *aio.Future[*Response] {
	return c.short(ctx, http.MethodPost, url, contentType, body)
}

// Put makes a PUT request with a body, which must not be changed until the future has resolved. See Do.
func (c *Client) Put(ctx context.Context, url, contentType string, body []byte) *aio.Future[*Response] {
	return c.short(ctx, http.MethodPut, url, contentType, body)
}

// Patch makes a PATCH request with a body, which must not be changed until the future has resolved. See Do.
func (c *Client) Patch(ctx context.Context, url, contentType string, body []byte) *aio.Future[*Response] {
	return c.short(ctx, http.MethodPatch, url, contentType, body)
}

// Delete makes a DELETE request. See Do.
func (c *Client) Delete(ctx context.Context, url string) *aio.Future[*Response] {
	return c.short(ctx, http.MethodDelete, url, "", nil)
}

// short makes a request of its parts.
func (c *Client) short(ctx context.Context, method, url, contentType string, body []byte) *aio.Future[*Response] {
	var r io.Reader
	if body != nil {
		r = bytes.NewReader(body)
	}
	req, err := http.NewRequest(method, url, r)
	if err != nil {
		watchOf(ctx).end()
		return failed[*Response](ctx, &Error{Method: method, URL: cutCredentials(url), Phase: PhaseRequest, Err: parseError(url, err)})
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return c.Do(ctx, req)
}

// Do makes a request and returns the future of its response, with the body read into memory, up to MaxBody. The request's
// method, URL, headers and body are as package net/http has them; Host is taken from the URL unless it, or a Host header, is set. Its own
// context's values and end apply beside ctx's, and req must not be changed until the future has resolved. A response is a
// response, whatever its status. The error is an *Error, which says in what phase the request failed and matches the
// conditions of package aio, or ErrNoLoop or ErrLoopDone.
func (c *Client) Do(ctx context.Context, req *http.Request) *aio.Future[*Response] {
	ex := c.newOutgoing(ctx, req)
	return startCall(ctx, requestName(req), ex.done, func(ctx context.Context) (*Response, error) {
		defer ex.done()
		resp, err := ex.do(ctx)
		if err != nil {
			return nil, err
		}
		return ex.buffer(resp)
	})
}

// requestName names a request in listings, without its query, which may be secret.
func requestName(req *http.Request) string {
	path := "/"
	if req.URL != nil && req.URL.Path != "" {
		path = req.URL.Path
	}
	return strings.ToValidUTF8(methodOf(req)+" "+path, "?")
}

func methodOf(req *http.Request) string {
	if req.Method == "" {
		return http.MethodGet
	}
	return req.Method
}

// call is a request in progress.
type call[T any] struct{ aio.Promise[T] }

// OpCancel does nothing: the goroutine of the call sees the end of its ctx.
func (p *call[T]) OpCancel(error) {}
func (p *call[T]) OpDrain()       {}
func (p *call[T]) OpIdle()        {}
func (p *call[T]) OpName() string { return "" }

// startCall runs fn as a request's operation. Without a loop, it calls refused instead.
func startCall[T any](ctx context.Context, name string, refused func(), fn func(ctx context.Context) (T, error)) *aio.Future[T] {
	p := new(call[T])
	if p.Start(ctx, kindOut, name, p) != nil {
		refused()
		return p.Future()
	}
	p.Op().Go(func() {
		if v, err := fn(p.Context()); err != nil {
			p.Reject(err)
		} else {
			p.Resolve(v)
		}
	}, func(err error) { p.Reject(err) })
	return p.Future()
}

// failed returns the future of a request that could not be made.
func failed[T any](ctx context.Context, err error) *aio.Future[T] {
	return startCall(ctx, "request", func() {}, func(context.Context) (T, error) {
		var zero T
		return zero, err
	})
}
