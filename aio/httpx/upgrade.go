package httpx

import (
	"net/http"

	"goaio.example/aio/tcp"
)

// Upgrade ends HTTP on the request's connection and returns it: the request of an Upgrade (RFC 9110, section 7.8) is
// answered with 101 and header, that of a CONNECT with 200. Upgrade and Connection are set if header has them not. What
// the client has sent behind the request is the first that is read from the connection, which stays an operation of the
// loop's, open until it is closed, and told by Context and aio.Draining. The server's WriteTimeout holds on it until
// SetTimeouts is called.
//
// It fails with http.ErrNotSupported on HTTP/2 and for a request that asks for no upgrade, which can still be answered;
// and as Start does.
func (r *Request) Upgrade(header http.Header) (*tcp.Conn, error) {
	return r.x.side.upgrade(header)
}
