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

// arrival is what has come of the answer to a trip.
type arrival struct {
	state   answerState
	begun   bool // something has come
	held    []byte
	heads   int // bytes of interim responses
	interim int
	parsed  http1.Response
	left    int64          // of a body whose length is known
	chunks  *http1.Chunked // of one that says where it ends
	most    int64          // how much of it is gathered
	body    []byte         // what is gathered
	stream  atomic.Pointer[clientBody]
	sink    func(p []byte) error // takes the body as it comes, instead
	tunnel  *clientTunnel
}

type answerState uint8

const (
	answerHead   answerState = iota
	answerBody               // of a known length
	answerChunks             // until its last chunk
	answerClose              // until the connection's end
	answerTunnel             // what follows is no HTTP
)

// The bounds of a response's head: its bytes, those of the interim responses
// before it included, its fields, and how many interim responses there may be.
const (
	maxHeaderBytes  = 256 << 10
	maxHeaderFields = 2000
	maxInterim      = 32
)

// faultInterim is the error of a server that sends interim responses without
// end.
const faultInterim http1.Fault = "too many interim responses"

// receive takes what has come on the trip's connection.
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

// takeHead parses the head at the beginning of p, behind what is held of it. It
// returns how many bytes of p belong to it, -1 if it is not complete.
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

// redirects reports whether the answer is a redirect.
func (a *arrival) redirects() bool {
	switch a.parsed.Status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// takeInterim takes an interim response.
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

// errUnaskedUpgrade is the error of a 101 to a request that has not asked for
// it.
const errUnaskedUpgrade http1.Fault = "101 to a request without Upgrade"

// answered takes the head, behind which rest has come, and asks the taker what
// is to become of the body. It reports false if the trip is over.
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

// takeBody takes what has come of the body. It returns how many bytes of p that
// is, and whether the body is complete.
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

// put gives a part of the body to who reads it, or gathers it.
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

// gather adds to the body. Of what was announced it believes 64 KiB, and then
// 16 times what has come.
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

// complete ends the trip: its answer has come whole. The connection is used
// again if keep is true, and the request was sent.
//
// The connection is given back first, so that the taker's next request finds
// it. Another trip that gets it begins last: what its trace does must not keep
// the taker from being told.
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

// keeps reports whether a connection whose answer has come may be used again,
// now or, once the rest of the request is written, later: what another request
// sends must not wait behind that. The caller gives it back if it is now.
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

// holds notes that a connection is held until the request is sent, unless that
// is so.
func (t *trip) holds(k *clientConn) (now, later bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sent {
		return true, false
	}
	t.held = k
	return false, true
}

// tellWhole tells who reads the answer that it has come whole.
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

// eof takes the server's end. It reports false if that comes too early.
func (t *trip) eof(k *clientConn) bool {
	if t.in.state != answerClose {
		return false
	}
	t.complete(k, false)
	return true
}

// headerOf returns the fields of a response as package net/http has them.
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
	if n := h["Content-Length"]; len(n) > 1 { // which are equal
		h["Content-Length"] = n[:1]
	}
	if p := h["Pragma"]; len(p) > 0 && p[0] == "no-cache" && h["Cache-Control"] == nil {
		h["Cache-Control"] = []string{"no-cache"} // as net/http has it
	}
	return h
}
