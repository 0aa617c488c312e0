package httpx

import (
	"net/http"

	"goaio.example/aio/tcp"
)

// Upgrade ends HTTP on the request's connection and returns the connection. A
// request for an upgrade (RFC 9110, section 7.8) is answered with 101 and
// header, a CONNECT with 200. Upgrade sets the fields Upgrade and Connection if
// header does not have them. What the client has sent after the request is read
// from the connection first. The connection remains an operation of the loop
// until it is closed; its Context and aio.Draining tell when it should end. The
// server's WriteTimeout applies to it until SetTimeouts is called.
//
// Upgrade fails with http.ErrNotSupported over HTTP/2 and for a request that
// does not ask for an upgrade; the request can then still be answered.
// Otherwise it fails as Start does.
func (r *Request) Upgrade(header http.Header) (*tcp.Conn, error) {
	return r.x.side.upgrade(header)
}
