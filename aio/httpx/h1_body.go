package httpx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/bell"
	"goaio.example/aio/internal/http1"
)

// h1Body is the body of a request. Its data goes to Handle when it is complete,
// or to an http.Handler that reads it. The connection's lock guards it.
type h1Body struct {
	x      *h1Exchange
	left   int64          // bytes missing of a known length
	read   int64          // bytes read, or received for Handle
	chunks *http1.Chunked // nil unless it is chunked
	buf    []byte         // received and not read
	err    error          // why no more will come, unless whole is set
	status int            // status to refuse it with; 0: it is not refused
	whole  bool           // all of it has been received
	expect bool           // the client waits for a 100
	closed bool           // further data is dropped
	wake   bell.Bell      // rung when a Read may go on
	by     time.Time      // read deadline, zero for none

	skipped int // bytes that were dropped
}

const (
	bodyAhead = 64 << 10 // bytes of a body to receive before it is read
	// bytes of an unread body to drop to keep a connection
	bodySkip = 256 << 10
)

// errBody is the error of reading a body that is refused.
var errBody = errors.New("httpx: malformed request body")

// takeBody returns the body of a request that has one, with the part that has
// arrived. The lock is held.
func (k *h1Conn) takeBody(x *h1Exchange) *h1Body {
	b, h := &h1Body{x: x}, &x.head
	if b.left = h.Length; h.Length < 0 {
		l := k.e.s.lim
		b.left, b.chunks = 0, &http1.Chunked{Limits: http1.Limits{Bytes: l.headerBytes, Fields: l.headerFields}}
	}
	b.expect = h.Flags&http1.ExpectContinue != 0 && h.Minor > 0
	n := len(k.rest)
	switch {
	case b.chunks != nil:
	case int64(n) >= b.left:
		n = int(b.left)
		b.left, b.whole = 0, true
		// borrowed until the exchange is over or copies it
		b.buf, k.rest = k.rest[:n:n], k.rest[n:]
		if k.e.s.Handle != nil {
			x.inbound.body, b.buf, b.read = append([]byte(nil), b.buf...), nil, int64(n)
		}
		return b
	case int64(n) >= b.left/2:
		b.buf = make([]byte, 0, b.left) // which is at most twice what has come
	}
	k.feed(b)
	return b
}

// A nil *h1Body is the body of a request without one.

// isWhole reports whether all of the body has been received.
func (b *h1Body) isWhole() bool { return b == nil || b.whole }

// refusal returns the status to refuse the body with, 0 if it is not refused.
// The lock is held, or nothing more will come.
func (b *h1Body) refusal() int {
	if b == nil {
		return 0
	}
	return b.status
}

// noContinue prevents a 100 from being sent. The lock is held.
func (b *h1Body) noContinue() {
	if b != nil {
		b.expect = false
	}
}

// unread removes and returns what was received and not read. The lock is held.
func (b *h1Body) unread() (rest []byte) {
	if b != nil {
		rest, b.buf = bytes.Clone(b.buf), nil
	}
	return rest
}

// taken returns how many bytes of the body were read.
func (b *h1Body) taken() int64 {
	if b == nil {
		return 0
	}
	b.x.k.mu.Lock()
	defer b.x.k.mu.Unlock()
	return b.read
}

// feed passes arrived bytes to a body. It returns the status to refuse the body
// with, 0 if it is valid. The lock is held.
func (k *h1Conn) feed(b *h1Body) (status int) {
	for len(k.rest) > 0 && !b.whole && b.status == 0 {
		if b.chunks != nil {
			data, n, status := b.chunks.Next(k.rest)
			b.add(data)
			k.rest = k.rest[n:]
			b.whole, b.status = status == 0 && b.chunks.Over(), status
			continue
		}
		n := int(min(b.left, int64(len(k.rest))))
		b.add(k.rest[:n])
		k.rest = k.rest[n:]
		b.left -= int64(n)
		b.whole = b.left == 0
	}
	if b.status != 0 {
		k.rest = nil
		b.fail(errBody)
	}
	if b.whole && !b.closed && k.e.s.Handle != nil {
		b.x.inbound.body, b.buf = b.buf, nil
	}
	b.wake.Ring()
	return b.status
}

// add appends received data. The lock is held.
func (b *h1Body) add(data []byte) {
	if !b.closed {
		b.buf = append(b.buf, data...)
		if b.x.k.e.s.Handle != nil {
			b.read += int64(len(data))
		}
	}
}

// size returns how many bytes of a body for Handle have been received. The lock
// is held, or nothing more will come.
func (b *h1Body) size() int64 {
	if b == nil {
		return 0
	}
	return int64(max(len(b.buf), len(b.x.inbound.body)))
}

// full reports whether a handler must read before more is received.
func (b *h1Body) full() bool {
	return !b.whole && !b.closed && len(b.buf) >= bodyAhead && b.x.k.e.s.Handle == nil
}

// fail makes reading an incomplete body fail with err. The lock is held.
func (b *h1Body) fail(err error) {
	if b != nil && !b.whole && b.err == nil {
		b.err = bodyError(err)
		b.x.close = true
		b.wake.Ring()
	}
}

// bodyError returns the error of reading a body that err cut short.
func bodyError(err error) error {
	if errors.Is(err, aio.ErrEOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// refused returns the status that the body was refused with, 0 if it was not.
func (b *h1Body) refused() int {
	if b == nil {
		return 0
	}
	b.x.k.mu.Lock()
	defer b.x.k.mu.Unlock()
	return b.status
}

// sendContinue tells a client that waits for a 100 to send the body. The lock
// is held; it is released meanwhile.
func (b *h1Body) sendContinue() {
	if b.expect {
		b.expect = false
		k := b.x.k
		k.flushNow()
		// an error ends the connection
		k.c.SendString("HTTP/1.1 100 Continue\r\n\r\n").Result()
	}
}

// skippable reports whether the rest of the body may be dropped to keep the
// connection. The lock is held.
func (b *h1Body) skippable() bool {
	return b == nil || b.whole || !b.expect && b.err == nil && b.status == 0 && b.left <= bodySkip
}

// over makes the body drop further data. The lock is held.
func (b *h1Body) over() {
	if b == nil {
		return
	}
	b.closed, b.buf = true, nil
	b.wake.Ring()
}

// Read reads received data, or waits for some.
func (b *h1Body) Read(p []byte) (int, error) {
	k := b.x.k
	k.mu.Lock()
	defer k.mu.Unlock()
	for {
		switch {
		case b.closed:
			return 0, http.ErrBodyReadAfterClose
		case len(b.buf) > 0 || len(p) == 0 && !b.whole:
			n := copy(p, b.buf)
			b.read += int64(n)
			if b.buf = b.buf[n:]; len(b.buf) == 0 {
				b.buf = nil
			}
			if len(b.buf) < bodyAhead/2 && k.state == connBody {
				k.resume()
			}
			return n, nil
		case b.whole:
			b.setTrailer()
			return 0, io.EOF
		case b.err != nil:
			return 0, b.err
		case b.expect:
			b.sendContinue()
		default:
			b.wait()
		}
	}
}

// wait waits for more data, for at most BodyTimeout or until the read deadline.
// The lock is held; it is released meanwhile.
func (b *h1Body) wait() {
	k := b.x.k
	left := k.e.s.lim.body
	if !b.by.IsZero() {
		if d := max(time.Until(b.by), 0); left == 0 || d < left {
			left = max(d, 1)
		}
	}
	wake := b.wake.C()
	k.mu.Unlock()
	defer k.mu.Lock()
	if left == 0 {
		<-wake
		return
	}
	t := time.NewTimer(left)
	defer t.Stop()
	select {
	case <-wake:
	case <-t.C:
		k.mu.Lock()
		b.fail(fmt.Errorf("httpx: read of a request's body: %w", os.ErrDeadlineExceeded))
		if b.by.IsZero() || time.Until(b.by) > 0 {
			b.status = http.StatusRequestTimeout
		}
		k.mu.Unlock()
	}
}

// Close drops the rest of the body. It does not wait for it.
func (b *h1Body) Close() error {
	k := b.x.k
	k.mu.Lock()
	defer k.mu.Unlock()
	b.closed, b.buf = true, nil
	if k.state == connBody {
		k.resume()
	}
	return nil
}

// setDeadline sets the read deadline.
func (b *h1Body) setDeadline(t time.Time) {
	if b == nil {
		return
	}
	k := b.x.k
	k.mu.Lock()
	defer k.mu.Unlock()
	b.by = t
	b.wake.Ring()
}

// setTrailer sets the trailer of the handler's request. The lock is held.
func (b *h1Body) setTrailer() {
	if b.chunks == nil || len(b.chunks.Trailer) == 0 || b.x.req == nil {
		return
	}
	r := b.x.req
	if r.Trailer == nil {
		r.Trailer = make(http.Header)
	}
	for _, f := range b.chunks.Trailer {
		name := http.CanonicalHeaderKey(f.Name)
		r.Trailer[name] = append(r.Trailer[name], f.Value)
	}
	b.chunks.Trailer = nil
}

// readBody passes arrived bytes to the body. The lock is held; it is released
// while a function of the user's runs.
func (k *h1Conn) readBody() bool {
	x := k.x
	status := k.feed(x.body)
	if x.style() == bodyForHandler {
		if x.body.whole {
			k.state = connOwed
		}
		return x.body.whole
	}
	switch {
	case status != 0:
	case x.body.size() > k.e.s.lim.bodyBytes:
		status = http.StatusRequestEntityTooLarge
	case x.body.whole:
		k.stopAlarm()
		k.state = connOwed
		k.mu.Unlock()
		defer k.mu.Lock()
		x.serveHandle()
		return true
	default:
		k.paceBody()
		return false
	}
	k.stopAlarm()
	k.mu.Unlock()
	defer k.mu.Lock()
	x.abandon(status, nil, false)
	return true
}

// skipBody drops arrived bytes of an unread body. The lock is held.
func (k *h1Conn) skipBody() bool {
	b := k.x.body
	before := len(k.rest)
	if k.feed(b) != 0 {
		k.close()
		return false
	}
	b.skipped += before - len(k.rest)
	switch {
	case b.skipped > bodySkip:
		k.close()
		return false
	case b.whole:
		k.x, k.state = nil, connHead
		if k.due == dueHead {
			k.stopAlarm()
		}
	}
	return true
}

// paceSkip starts the timeout for the rest of an unread body. The lock is held.
func (k *h1Conn) paceSkip() {
	if d := k.e.s.lim.body; d > 0 && k.state == connSkip && k.due == dueNothing {
		k.setAlarm(dueHead, d)
	}
}
