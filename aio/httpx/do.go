package httpx

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"strings"

	"goaio.example/aio"
)

// kindOut is the kind of a client's request.
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

// Post makes a POST request with the given body, which must not be changed
// until the future has resolved. See Do.
func (c *Client) Post(ctx context.Context, url, contentType string, body []byte) *aio.Future[*Response] {
	return c.short(ctx, http.MethodPost, url, contentType, body)
}

// Put makes a PUT request with the given body, which must not be changed until
// the future has resolved. See Do.
func (c *Client) Put(ctx context.Context, url, contentType string, body []byte) *aio.Future[*Response] {
	return c.short(ctx, http.MethodPut, url, contentType, body)
}

// Patch makes a PATCH request with the given body, which must not be changed
// until the future has resolved. See Do.
func (c *Client) Patch(ctx context.Context, url, contentType string, body []byte) *aio.Future[*Response] {
	return c.short(ctx, http.MethodPatch, url, contentType, body)
}

// Delete makes a DELETE request. See Do.
func (c *Client) Delete(ctx context.Context, url string) *aio.Future[*Response] {
	return c.short(ctx, http.MethodDelete, url, "", nil)
}

// short makes a request from its parts.
func (c *Client) short(ctx context.Context, method, url, contentType string, body []byte) *aio.Future[*Response] {
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		meterOf(ctx).end()
		return failed(ctx, &Error{Method: method, URL: cutCredentials(url), Phase: PhaseRequest, Err: parseError(url, err)})
	}
	if contentType != "" {
		req.Header["Content-Type"] = []string{contentType}
	}
	return c.do(ctx, req, body)
}

// Do makes a request and returns the future of its response, with the body read
// into memory, up to MaxBody. The request's method, URL, headers and body are
// as in net/http. Host is taken from the URL unless it, or a Host header, is
// set. The values and the end of the request's own context apply in addition to
// ctx's. req must not be changed until the future has resolved. Every response
// is a result, whatever its status. The error is an *Error, which says in what
// phase the request failed and matches the conditions of package aio, or it is
// ErrNoLoop or ErrLoopDone.
func (c *Client) Do(ctx context.Context, req *http.Request) *aio.Future[*Response] {
	return c.do(ctx, req, nil)
}

// do is Do with a body that req itself does not have.
func (c *Client) do(ctx context.Context, req *http.Request, body []byte) *aio.Future[*Response] {
	p := new(call)
	p.ex.init(ctx, c, req, p.Op())
	p.ex.small = body
	if p.Start(ctx, kindOut, "", p) != nil {
		p.ex.done()
		return p.Future()
	}
	if !p.ex.direct() {
		p.goOn()
		return p.Future()
	}
	p.trip.trace = httptrace.ContextClientTrace((*outgoingValues)(&p.ex))
	// nothing of the user's is called
	if c.Proxy == nil && p.trip.trace == nil {
		p.begin()
	} else if err := p.Op().Call(p.begin, p.died); err != nil {
		p.died(err)
	}
	return p.Future()
}

// whole makes the request and reads the response's body.
func (ex *outgoing) whole() (*Response, error) {
	ex.gathers = true
	resp, err := ex.do()
	if err != nil {
		return nil, err
	}
	return &Response{resp.StatusCode, resp.Proto, resp.Header, resp.Trailer, ex.body, resp.Request.URL}, nil
}

// requestName returns a request's name for listings, without its query, which
// may be secret.
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

// failed returns the future of a request that could not be made.
func failed(ctx context.Context, err error) *aio.Future[*Response] {
	p := aio.NewPromise[*Response](ctx, kindOut, "request")
	p.Reject(err)
	return p.Future()
}
