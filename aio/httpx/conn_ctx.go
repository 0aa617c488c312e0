package httpx

import (
	"context"
	"net/http"
	"time"

	"goaio.example/aio/tcp"
)

// connCtx is the context from which the contexts of a connection's requests
// derive: the connection's context, with the values that net/http provides.
type connCtx struct {
	c  *tcp.Conn
	hs *http.Server // the value of http.ServerContextKey
}

// Within returns the connection's context; see aio.Op.Start.
func (x *connCtx) Within() context.Context     { return x.c.Context() }
func (x *connCtx) Deadline() (time.Time, bool) { return x.c.Context().Deadline() }
func (x *connCtx) Done() <-chan struct{}       { return x.c.Context().Done() }
func (x *connCtx) Err() error                  { return x.c.Context().Err() }

func (x *connCtx) Value(key any) any {
	switch key {
	case http.ServerContextKey:
		return x.hs
	case http.LocalAddrContextKey:
		return x.c.LocalAddr()
	}
	return x.c.Context().Value(key)
}
