package httpx

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"

	"goaio.example/aio"
)

// RequestHead is what a request says before its body, for
// Server.RequestContext. All of it is the client's input. A RequestHead is for
// use until the function that is given it returns.
type RequestHead struct{ x *inbound }

// Method returns the method, which may be any token.
func (h RequestHead) Method() string { return h.x.side.method() }

// Path returns the path as it was sent, with its escapes, without the query.
func (h RequestHead) Path() string { return h.x.side.path() }

// Query returns what is behind the "?" of the target, without it.
func (h RequestHead) Query() string { return h.x.side.query() }

// Host returns the host that the request is for, perhaps with a port.
func (h RequestHead) Host() string { return h.x.side.host() }

// Proto returns the protocol: "HTTP/1.1".
func (h RequestHead) Proto() string { return h.x.side.proto() }

// TLS reports whether the connection has TLS.
func (h RequestHead) TLS() bool { return h.x.s.tcp.TLS != nil }

// Remote returns the client's address.
func (h RequestHead) Remote() string { return h.x.side.remote() }

// Field returns the first value of a header field, "" without one. It does not
// make an http.Header.
func (h RequestHead) Field(name string) string { return h.x.side.field(name) }

// Header returns the header. It must not be changed.
func (h RequestHead) Header() http.Header { return h.x.side.header() }

// errForeignContext is the panic of a Server.RequestContext that returns a
// context that is not derived from the one that it was given.
var errForeignContext = errors.New("httpx: the context of Server.RequestContext is not derived from the one that it was given")

// requestContext returns the context that the exchange's operation is started
// with, under the connection's. A panic in Server.RequestContext is returned,
// to be told of when there is an operation.
func (x *inbound) requestContext(conn context.Context) (ctx context.Context, died *aio.PanicError) {
	hook := x.s.RequestContext
	if hook == nil {
		return conn, nil
	}
	ok := false
	defer func() {
		if ok {
			return
		}
		if v := recover(); v != nil { // else it is a runtime.Goexit
			ctx, died = conn, &aio.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	ctx = hook(conn, RequestHead{x})
	if ctx == nil || aio.LoopOf(ctx) != aio.LoopOf(conn) {
		panic(errForeignContext)
	}
	ok = true
	return ctx, nil
}
