package httpx

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"sync/atomic"
	"time"

	"goaio.example/aio/internal/http1"
)

// arrival holds what has arrived of the response to a trip.
type arrival struct {
	state   answerState
	begun   bool // something has arrived
	held    []byte
	heads   int // bytes of interim responses
	interim int
	parsed  http1.Response
	left    int64          // bytes missing of a body whose length is known
	chunks  *http1.Chunked // state of a chunked body
	most    int64          // how many bytes of the body may be gathered
	body    []byte         // what has been gathered
	stream  atomic.Pointer[clientBody]
	// receives the body as it arrives, instead of body
	sink   func(p []byte) error
	tunnel *clientTunnel
}

type answerState uint8

const (
	answerHead   answerState = iota
	answerBody               // a body of a known length
	answerChunks             // until its last chunk
	answerClose              // until the connection's end
	answerTunnel             // what follows is not HTTP
)

// The bounds on a response's head: its bytes, including the interim responses
// before it, its fields, and the number of interim responses.
const (
	maxHeaderBytes  = 256 << 10
	maxHeaderFields = 2000
	maxInterim      = 32
)

// faultInterim is the error if a server sends too many interim responses.
const faultInterim http1.Fault = "too many interim responses"

// receive handles the bytes p, which have arrived on the trip's connection.
func (t *trip) receive(k *clientConn, p []byte) {
	a := &t.in
	if !a.begun {
		t.inOrder()()
		a.begun = true
		t.ex.passPhase(atSend, atHeader)
		if t.trace != nil && t.trace.GotFirstResponseByte != nil {
			t.trace.GotFirstResponseByte()
		}
	}
	for {
		if a.state == answerHead {
			n, err := t.takeHead(p)
			if err != nil {
				t.fail(err)
				return
			}
			if n < 0 {
				return
			}
			p = p[n:]
			if a.parsed.Status < 200 && a.parsed.Status != http.StatusSwitchingProtocols {
				if err := t.takeInterim(); err != nil {
					t.fail(err)
					return
				}
				continue
			}
			if !t.answered(k, p) || a.state == answerTunnel {
				return
			}
		}
		n, over, err := t.takeBody(p)
		switch {
		case err != nil:
			t.fail(err)
		case over:
			t.complete(k, len(p) == n && a.parsed.KeepsAlive())
		case a.stream.Load() != nil: // its reader is bounded
			k.waits(t, 0, nil)
		case a.sink != nil:
			k.waits(t, t.ex.silence(), errSilent)
		default:
			k.waits(t, orDefault(t.ex.client.Timeouts.Body, 30*time.Second), errStalled)
		}
		return
	}
}

// takeHead parses the head at the beginning of p, after the bytes that it has
// kept from earlier calls. It returns how many bytes of p belong to the head,
// or -1 if the head is not complete.
func (t *trip) takeHead(p []byte) (n int, err error) {
	a := &t.in
	known, src := len(a.held), p
	if known > 0 {
		a.held = append(a.held, p...)
		src = a.held
	}
	limits := http1.Limits{Bytes: maxHeaderBytes - a.heads, Fields: maxHeaderFields}
	a.parsed = http1.Response{}
	n, err = a.parsed.ParseResponse(src, known, limits)
	switch {
	case err != nil:
		return 0, err
	case n == 0:
		if known == 0 {
			a.held = bytes.Clone(p)
		}
		return -1, nil
	}
	a.held = nil
	a.heads += n
	return n - known, nil
}

// redirects reports whether the response is a redirect.
func (a *arrival) redirects() bool {
	switch a.parsed.Status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// takeInterim handles an interim response.
func (t *trip) takeInterim() error {
	a := &t.in
	if a.interim++; a.interim > maxInterim {
		return faultInterim
	}
	if a.parsed.Status == http.StatusContinue {
		t.mu.Lock()
		up := t.upload
		t.mu.Unlock()
		if up != nil {
			up.goOn()
		}
		if t.trace != nil && t.trace.Got100Continue != nil {
			t.trace.Got100Continue()
		}
	}
	if t.trace != nil && t.trace.Got1xxResponse != nil {
		return t.trace.Got1xxResponse(a.parsed.Status, textproto.MIMEHeader(headerOf(&a.parsed)))
	}
	return nil
}

// errUnaskedUpgrade is the error of a 101 to a request that did not ask for an
// upgrade.
const errUnaskedUpgrade http1.Fault = "101 to a request without Upgrade"

// answered handles the head, after which rest has arrived, and asks the taker
// how to deliver the body. It reports false if the trip is over.
func (t *trip) answered(k *clientConn, rest []byte) bool {
	a := &t.in
	length := a.parsed.BodyLength(t.req.Method)
	switch {
	case a.parsed.Status == http.StatusSwitchingProtocols && !asksUpgrade(t.req):
		t.fail(errUnaskedUpgrade)
		return false
	case a.parsed.Status == http.StatusSwitchingProtocols, t.req.Method == http.MethodConnect && a.parsed.Status/100 == 2:
		a.state = answerTunnel
	case length == http1.LengthChunked:
		a.state = answerChunks
		a.chunks = &http1.Chunked{Limits: http1.Limits{Bytes: maxHeaderBytes, Fields: maxHeaderFields}}
	case length == http1.LengthUntilClose:
		a.state = answerClose
	default:
		a.state, a.left = answerBody, length
	}
	if a.state == answerTunnel {
		t.beginTunnel(k, rest)
		return true
	}
	most, gather, ok := t.give(k)
	if !ok || !gather {
		return ok
	}
	a.most = most
	if length > most {
		t.fail(fmt.Errorf("%w: %d bytes announced, %d allowed", ErrBodyTooLarge, length, most))
		return false
	}
	return true
}

// asksUpgrade reports whether a request asks for another protocol.
func asksUpgrade(req *http.Request) bool {
	for _, v := range req.Header["Connection"] {
		if http1.HasToken(v, "upgrade") {
			return true
		}
	}
	return false
}

var errChunk http1.Fault = "chunked body"

// takeBody handles the part of the body in p. It returns how many bytes of p
// belong to the body, and whether the body is complete.
func (t *trip) takeBody(p []byte) (used int, over bool, err error) {
	a := &t.in
	switch a.state {
	case answerBody:
		n := int(min(a.left, int64(len(p))))
		a.left -= int64(n)
		return n, a.left == 0, t.put(p[:n])
	case answerClose:
		return len(p), false, t.put(p)
	}
	for used < len(p) && !a.chunks.Over() {
		data, n, status := a.chunks.Next(p[used:])
		used += n
		if status != 0 {
			return used, false, errChunk
		}
		if err := t.put(data); err != nil {
			return used, false, err
		}
	}
	return used, a.chunks.Over(), nil
}

// put passes a part of the body to its reader, or gathers it.
func (t *trip) put(data []byte) error {
	a := &t.in
	if len(data) == 0 {
		return nil
	}
	if s := a.stream.Load(); s != nil {
		s.put(data)
		return nil
	}
	if a.sink != nil {
		return a.sink(data)
	}
	if int64(len(a.body)+len(data)) > a.most {
		return fmt.Errorf("%w: over %d bytes", ErrBodyTooLarge, a.most)
	}
	a.gather(data)
	return nil
}

// gather appends data to the body. It reserves memory for an announced length
// up to 64 KiB, and beyond that up to 16 times what has arrived.
func (a *arrival) gather(data []byte) {
	if room := len(a.body) + len(data); room > cap(a.body) {
		want := max(2*room, 512)
		if a.state == answerBody {
			want = min(room+int(min(a.left, 1<<40)), max(16*room, 64<<10))
		}
		a.body = slices.Grow(a.body, want-len(a.body))
	}
	a.body = append(a.body, data...)
}

// complete ends the trip once its response has arrived completely. The
// connection is used again if keep is true and the request was sent.
//
// The connection goes back to the pool first, so that the taker's next request
// finds it. A trip that was waiting for the connection begins last: its trace's
// hooks must not delay the taker.
func (t *trip) complete(k *clientConn, keep bool) {
	t.mu.Lock()
	if t.state != tripAnswered {
		t.mu.Unlock()
		return
	}
	up, sent := t.upload, t.sent
	t.state, t.conn = tripOver, nil
	t.mu.Unlock()
	t.forget()
	stream := t.in.stream.Load()
	if stream != nil {
		stream.detach()
	}
	var next *trip
	defer func() { // a hook may panic
		t.tellWhole(stream)
		k.carry(next)
	}()
	mine, later := k.letGo(t), false
	keep = keep && mine && !t.req.Close && !closes(t.req)
	if keep && !sent {
		keep, later = t.keeps(k, up)
	}
	if up != nil && !later {
		up.stop() // also one that waits for the body's end
	}
	if mine && !later {
		next = k.putBack(t, keep)
	}
}

// keeps reports whether a connection whose response is complete may be used
// again: now, or later, when the rest of the request is written. Another
// request must not be sent behind that. If now is true, the caller returns the
// connection to the pool.
func (t *trip) keeps(k *clientConn, up *upload) (now, later bool) {
	if up == nil && k.c.Buffered() == 0 { // Send has not returned
		return true, false
	}
	k.hold()
	if up != nil {
		now, later = up.keeps(k)
	} else {
		now, later = t.holds(k)
	}
	if !later {
		k.unhold()
	}
	return now, later
}

// holds marks the connection as held until the request is sent. If the request
// has been sent already, it reports now.
func (t *trip) holds(k *clientConn) (now, later bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sent {
		return true, false
	}
	t.held = k
	return false, true
}

// tellWhole tells the reader of the response, or the taker, that the response
// is complete.
func (t *trip) tellWhole(stream *clientBody) {
	if stream != nil {
		stream.finish(t.in.chunks)
		return
	}
	t.taker.whole(t, t.in.body)
}

var errNotKept = errors.New("httpx: the connection cannot be used again")

// closes reports whether the request says that the connection is to close.
func closes(req *http.Request) bool {
	for _, v := range req.Header["Connection"] {
		if http1.HasToken(v, "close") {
			return true
		}
	}
	return false
}

// eof handles the end of the server's stream. It reports false if the response
// is incomplete.
func (t *trip) eof(k *clientConn) bool {
	if t.in.state != answerClose {
		return false
	}
	t.complete(k, false)
	return true
}

// headerOf returns the fields of a response as an http.Header.
func headerOf(r *http1.Response) http.Header {
	n := r.Len()
	h := make(http.Header, n)
	values := make([]string, 0, n)
	for f := range r.Fields {
		name := canonical(f.Name)
		if old := h[name]; old != nil {
			h[name] = append(old, f.Value)
			continue
		}
		values = append(values, f.Value)
		i := len(values)
		h[name] = values[i-1 : i : i]
	}
	if n := h["Content-Length"]; len(n) > 1 { // the values are equal
		h["Content-Length"] = n[:1]
	}
	if p := h["Pragma"]; len(p) > 0 && p[0] == "no-cache" && h["Cache-Control"] == nil {
		h["Cache-Control"] = []string{"no-cache"} // as net/http does
	}
	return h
}
