package httpx

import (
	"net/http"

	"goaio.example/aio/tcp"
)

// Upgrade ends HTTP on the request's connection and returns it. The request of
// an upgrade (RFC 9110, section 7.8) is answered with 101 and header, a CONNECT
// with 200. Upgrade and Connection are set if header does not have them. What
// the client has sent behind the request is read from the connection first. The
// connection remains an operation of the loop until it is closed, and is told
// by Context and aio.Draining. The server's WriteTimeout holds on it until
// SetTimeouts is called.
//
// Upgrade fails with http.ErrNotSupported over HTTP/2 and for a request that
// does not ask for an upgrade, which can still be answered. It fails as Start
// does.
func (r *Request) Upgrade(header http.Header) (*tcp.Conn, error) {
	return r.x.side.upgrade(header)
}
