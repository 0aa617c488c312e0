package tcp

import (
	"crypto/tls"
	"errors"
	"io"
	"time"
)

// answerPlain sends Server.NotTLS to a client whose handshake failed with err
// because it does not speak TLS. Then it waits for the client's end, so that
// data that the client still sends does not reset the connection before it has
// read the text.
func (c *Conn) answerPlain(l *tlsLayer, err error) {
	var first tls.RecordHeaderError
	s := c.opts.server
	if l.shaking.asked || s == nil || s.NotTLS == "" || !errors.As(err, &first) || first.Conn == nil || !isText(first.RecordHeader[:]) {
		return
	}
	late := time.AfterFunc(lingerTime, func() { c.fail(c.failure("tls", err), false) })
	defer late.Stop()
	if _, err := io.WriteString(first.Conn, s.NotTLS); err != nil || c.Flush(c.Context()) != nil {
		return
	}
	if t, ok := c.transport().under().(closeWriter); ok {
		// fails only if the connection is gone, which reading finds out
		t.CloseWrite()
		io.Copy(io.Discard, readerOnly{first.Conn})
	}
}

// isText reports whether p is printable ASCII.
func isText(p []byte) bool {
	for _, c := range p {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}
