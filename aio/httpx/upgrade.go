package httpx

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

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
	x := r.x
	connect := x.raw.Method == http.MethodConnect
	if x.w.h2 || !connect && !offersUpgrade(x.raw.Header) {
		return nil, fmt.Errorf("httpx: upgrade of %s %s: %w", x.raw.Method, x.raw.Proto, http.ErrNotSupported)
	}
	if err := r.begin(inboundStream, &answer{status: http.StatusOK, header: header}); err != nil {
		return nil, x.reason(err)
	}
	x.wmu.Lock()
	defer x.wmu.Unlock()
	_, b, err := x.rw.Hijack()
	if err != nil {
		x.abort(err, false)
		return nil, err
	}
	n := b.Reader.Buffered()
	rest, err := b.Reader.Peek(n)
	c := x.w.c
	if err == nil {
		c.Unread(append(append([]byte(nil), rest...), x.w.first...))
		_, err = c.Write(upgradeHeader(x.raw, connect, header))
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.rw.status = http.StatusSwitchingProtocols
	if connect {
		x.rw.status = http.StatusOK
	}
	if err != nil {
		c.Close()
		err = errors.Join(err, x.cause)
	}
	x.state = inboundEnded
	x.wakeLocked()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// upgradeHeader is the response to a request whose connection is handed over.
func upgradeHeader(r *http.Request, connect bool, header http.Header) []byte {
	var b strings.Builder
	if connect {
		b.WriteString("HTTP/1.1 200 OK\r\n")
	} else {
		b.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
		if header.Get("Connection") == "" {
			b.WriteString("Connection: Upgrade\r\n")
		}
		if header.Get("Upgrade") == "" {
			b.WriteString("Upgrade: " + r.Header.Get("Upgrade") + "\r\n")
		}
	}
	header.Write(&b) // checked: it has no line's ends to be replaced
	b.WriteString("\r\n")
	return []byte(b.String())
}
