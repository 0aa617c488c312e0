package httpx

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"goaio.example/aio/internal/http1"
	"goaio.example/aio/tcp"
)

// takeOver ends HTTP on the connection, which belongs to the caller from then
// on. What the client has sent after the request's head is read from it next,
// unless it was read as the body.
func (x *h1Exchange) takeOver() (*tcp.Conn, error) {
	k := x.k
	k.mu.Lock()
	if k.state >= connSkip || k.x != x {
		k.mu.Unlock()
		return nil, http.ErrHijacked
	}
	k.state = connGone
	k.flushNow()
	k.stopAlarm()
	k.resume()
	k.setTimeouts(0)
	if err := k.leave(k.inData && !x.aside); err != nil {
		k.mu.Unlock()
		return nil, err
	}
	rest := append(x.body.unread(), k.behind...)
	rest = append(rest, k.rest...)
	k.rest, k.behind = nil, nil
	x.body.over()
	k.mu.Unlock()
	k.e.forget(k)
	k.c.Unread(rest)
	return k.c, nil
}

// leave ends handler style. If the exchange is not served in tcp's callback,
// leave waits until a running callback has returned and left its data in
// behind. The lock is held, so no other callback can begin before Hijack; it is
// released while waiting.
func (k *h1Conn) leave(inline bool) error {
	if inline {
		return k.c.Hijack()
	}
	k.mu.Unlock()
	defer k.mu.Lock()
	if err := k.c.SetHandler(tcp.Handler{}); err != nil {
		return err
	}
	// waits for the callback; the next Read returns the error again
	k.c.Read(nil)
	return nil
}

// upgrade answers the request and hands over its connection.
func (x *h1Exchange) upgrade(header http.Header) (*tcp.Conn, error) {
	connect := x.head.Method == http.MethodConnect
	if !connect && !x.head.Upgrades() {
		return nil, fmt.Errorf("httpx: upgrade of %s %s: %w", x.head.Method, x.head.Proto(), http.ErrNotSupported)
	}
	status := http.StatusSwitchingProtocols
	if connect {
		status = http.StatusOK
	}
	r := &Request{x: &x.inbound}
	if err := r.begin(inboundStream, answer{status: http.StatusOK, header: header}); err != nil {
		return nil, x.reason(err)
	}
	x.wmu.Lock()
	c, err := x.takeOver()
	if err == nil {
		_, err = c.Write(x.upgradeHeader(status, header))
		if err != nil {
			c.Close()
		}
	}
	out := x.writer().(*h1Writer)
	out.stage, out.status = h1Hijacked, status
	x.mu.Lock()
	if err != nil {
		err = errors.Join(err, x.cause)
		x.fail = err
	}
	if x.state == inboundStream {
		x.state = inboundEnded
	}
	x.mu.Unlock()
	x.wmu.Unlock()
	x.changed()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// upgradeHeader returns the response to a request whose connection is handed
// over.
func (x *h1Exchange) upgradeHeader(status int, header http.Header) []byte {
	w := h1Answer{e: x.k.e, head: &x.head}
	// begin has checked the header
	fields, s, _ := w.appendFields(nil, status, header, true)
	for _, v := range s.connection {
		fields = appendField(fields, "Connection", http1.Trim(v))
	}
	b := w.appendStatus(nil, status)
	if status == http.StatusSwitchingProtocols {
		if !slices.ContainsFunc(s.connection, func(v string) bool { return http1.HasToken(v, "upgrade") }) {
			b = appendField(b, "Connection", "Upgrade")
		}
		if !s.upgrade {
			b = appendField(b, "Upgrade", x.head.UpgradeTo())
		}
	} else if !s.date {
		b = appendField(b, "Date", w.e.now())
	}
	if name := w.e.s.RequestIDHeader; name != "" && x.id != "" {
		b = appendField(b, name, x.id)
	}
	return append(append(b, fields...), "\r\n"...)
}
