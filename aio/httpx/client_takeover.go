package httpx

import (
	"io"
	"net"
	"net/http"

	"goaio.example/aio"
)

// endsHTTP reports whether a response ends HTTP on its connection. What follows
// such a response is not a body.
func endsHTTP(resp *http.Response) bool {
	_, tunnel := resp.Body.(*clientTunnel)
	return tunnel || resp.StatusCode == http.StatusSwitchingProtocols
}

// tunnelOf returns the body of a response that ends HTTP. The body calls end
// when it is closed. tunnelOf returns nil for another response, or if the body
// cannot be written to.
func tunnelOf(resp *http.Response, end func()) io.ReadWriteCloser {
	if !endsHTTP(resp) {
		return nil
	}
	switch b := resp.Body.(type) {
	case net.Conn:
		return &takenConn{b, end}
	case io.ReadWriteCloser: // of a foreign Transport
		return &takenBody{b, end}
	}
	return nil
}

// takenConn is a connection on which HTTP has ended.
type takenConn struct {
	net.Conn
	end func()
}

// Close closes the connection, and ends its operation.
func (c *takenConn) Close() error {
	err := c.Conn.Close()
	c.end()
	return err
}

// CloseWrite ends the sending side.
func (c *takenConn) CloseWrite() error { return closeWrite(c.Conn) }

// takenBody is takenConn for a body that is not a net.Conn.
type takenBody struct {
	io.ReadWriteCloser
	end func()
}

func (b *takenBody) Close() error {
	err := b.ReadWriteCloser.Close()
	b.end()
	return err
}

// CloseWrite ends the sending side, if the body can.
func (b *takenBody) CloseWrite() error { return closeWrite(b.ReadWriteCloser) }

func closeWrite(to any) error {
	if c, ok := to.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return http.ErrNotSupported
}

// kindTunnel is the kind of a connection on which a RoundTrip's 101 has ended
// HTTP.
var kindTunnel = aio.NewKind("http.tunnel")

// outlive returns the body of a 101 that outlives the request's operation, as
// users of an http.RoundTripper expect. It becomes an operation of the loop
// itself.
func (ex *outgoing) outlive(resp *http.Response) (io.ReadWriteCloser, error) {
	op, err := aio.Begin(aio.Detach(ex.op.Context()), kindTunnel, requestName(ex.req))
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	taken := tunnelOf(resp, func() { op.End(nil) })
	op.OnCancel(func(error) { taken.Close() })
	ex.letGo()
	return taken, nil
}
