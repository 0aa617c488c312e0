package httpx

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"

	"goaio.example/aio"
)

// A RequestHead describes a request before its body is read, for
// Server.RequestContext. Everything in it is the client's input. It is valid
// until the function that receives it returns.
type RequestHead struct{ x *inbound }

// Method returns the method, which may be any token.
func (h RequestHead) Method() string { return h.x.side.method() }

// Path returns the path as it was sent, with its escapes, without the query.
func (h RequestHead) Path() string { return h.x.side.path() }

// Query returns what follows the "?" of the target.
func (h RequestHead) Query() string { return h.x.side.query() }

// Host returns the host that the request is for, possibly with a port.
func (h RequestHead) Host() string { return h.x.side.host() }

// Proto returns the protocol, such as "HTTP/1.1".
func (h RequestHead) Proto() string { return h.x.side.proto() }

// TLS reports whether the connection has TLS.
func (h RequestHead) TLS() bool { return h.x.s.tcp.TLS != nil }

// Remote returns the client's address.
func (h RequestHead) Remote() string { return h.x.side.remote() }

// Field returns the first value of a header field, "" if there is none. It does
// not build an http.Header.
func (h RequestHead) Field(name string) string { return h.x.side.field(name) }

// Header returns the header. It must not be changed.
func (h RequestHead) Header() http.Header { return h.x.side.header() }

// errForeignContext is the panic if Server.RequestContext returns a context
// that is not derived from the one that it was given.
var errForeignContext = errors.New("httpx: the context of Server.RequestContext is not derived from the one that it was given")

// requestContext returns the context that the exchange's operation is started
// with, derived from the connection's. It returns a panic in
// Server.RequestContext, which is reported once there is an operation.
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
		if v := recover(); v != nil { // otherwise it is a runtime.Goexit
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
