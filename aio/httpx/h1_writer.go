package httpx

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/bell"
)

// h1Writer is the http.ResponseWriter of an HTTP/1 exchange. WriteHeader fixes
// the header, which goes out with the first bytes of the body: by then it is
// known whether these are all.
type h1Writer struct {
	x      *h1Exchange
	header http.Header
	over   atomic.Bool // the handler has returned: writes fail
	stage  h1Stage
	status int // 0 before WriteHeader
	// the status line and the fields fixed by WriteHeader, until the header is
	// complete
	fields *outBuffer
	// start of the body, before the header goes out; nil if empty
	pending *outBuffer
	length  int64 // the Content-Length, -1 without one
	written int64 // bytes of the body
	chunked bool  // the body is chunked
	err     error // why nothing more is sent

	// The connection's lock guards the fields below.
	by     time.Time // the write deadline, zero for none
	moved  bell.Bell // rung when by has changed
	direct bool      // the system sends a file
}

// h1Stage is the progress of a response.
type h1Stage uint8

const (
	h1NoHeader h1Stage = iota // WriteHeader was not called
	h1Fixed                   // WriteHeader was called
	h1Sent                    // the header is sent
	h1Finished                // everything is sent
	h1Hijacked                // the program took the connection over
)

// pendingSize is how much of a body is kept until it is known whether more
// follows.
const pendingSize = 2 << 10

// sniffSize is how much of a body http.DetectContentType looks at.
const sniffSize = 512

// writer returns the exchange's writer. The first call makes it.
func (x *h1Exchange) writer() pieceWriter {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.out == nil {
		if x.kit != nil {
			x.out = &x.kit.out
		} else {
			x.out = new(h1Writer)
		}
		x.out.init(x)
	}
	return x.out
}

func (w *h1Writer) init(x *h1Exchange) { w.x, w.length = x, -1 }

// begun reports whether the response has begun.
func (w *h1Writer) begun() bool { return w.stage != h1NoHeader }

// Header returns the response's header.
func (w *h1Writer) Header() http.Header {
	if w.header == nil {
		w.header = make(http.Header)
	}
	return w.header
}

// WriteHeader fixes the header. A control byte in it, such as a line's end,
// fails the response: the client gets 500, and ErrBadHeader is an event and the
// error of Write. An informational response is sent at once.
func (w *h1Writer) WriteHeader(status int) {
	if w.over.Load() || w.stage != h1NoHeader {
		return
	}
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		w.inform(status)
		return
	}
	err := checkStatus(status)
	w.stage, w.status = h1Fixed, status
	w.fields = getBuffer()
	if err == nil {
		a := w.answer()
		w.fields.b = a.appendStatus(w.fields.b, status)
		w.fields.b, w.fields.seen, err = a.appendFields(w.fields.b, status, w.header, false)
	}
	if err != nil {
		w.fail(err)
		return
	}
	if n, ok := parseLength(w.fields.seen.length); ok && w.fields.seen.coding == "" {
		w.length = n
	}
}

// fail answers with 500 instead of a response that cannot be sent.
func (w *h1Writer) fail(err error) {
	w.err, w.status = err, http.StatusInternalServerError
	w.fields.b, w.fields.seen, w.header = w.answer().appendStatus(w.fields.b[:0], w.status), seen{}, nil
	w.x.ends(err)
	w.x.Op().Report(err)
}

// answer returns the serialiser of the response.
func (w *h1Writer) answer() *h1Answer {
	return &h1Answer{e: w.x.k.e, head: &w.x.head, id: w.x.sentID()}
}

// inform sends an informational response, unless the client is too old for it.
func (w *h1Writer) inform(status int) {
	x := w.x
	if x.head.Minor == 0 {
		return
	}
	buf := getBuffer()
	a := w.answer()
	buf.b = a.appendStatus(buf.b, status)
	var err error
	if buf.b, _, err = a.appendFields(buf.b, status, w.header, false); err != nil {
		putBuffer(buf)
		x.Op().Report(err)
		return
	}
	buf.b = append(buf.b, "\r\n"...)
	if status == http.StatusContinue {
		x.k.mu.Lock()
		x.body.noContinue()
		x.k.mu.Unlock()
	}
	w.push(buf) // the next Write returns the error
}

// Write sends a part of the body.
func (w *h1Writer) Write(p []byte) (int, error) { return w.write(p, "") }

// WriteString is Write for a string.
func (w *h1Writer) WriteString(s string) (int, error) { return w.write(nil, s) }

// write writes p, or s if p is nil.
func (w *h1Writer) write(p []byte, s string) (int, error) {
	n := len(p) + len(s)
	switch {
	case w.over.Load():
		return 0, w.closed()
	case w.stage == h1Hijacked:
		return 0, http.ErrHijacked
	case w.stage == h1NoHeader:
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case w.err != nil:
		return 0, w.err
	case n == 0:
		return 0, nil
	case !bodyAllowed(w.status) || w.status == http.StatusResetContent:
		return 0, http.ErrBodyNotAllowed
	case w.length >= 0 && w.written+int64(n) > w.length:
		return 0, http.ErrContentLength
	}
	w.written += int64(n)
	if w.stage == h1Fixed && len(w.kept())+n <= pendingSize {
		if w.pending == nil {
			w.pending = getBuffer()
		}
		w.pending.b = append(append(w.pending.b, p...), s...)
		return n, nil
	}
	if p == nil {
		p = []byte(s)
	}
	if err := w.sendPart(p); err != nil {
		return 0, err
	}
	return n, nil
}

// closed returns the error of a call after the handler has returned.
func (w *h1Writer) closed() error {
	return aio.NewConnError("write", "tcp", w.x.remote(), -1, aio.ErrClosed)
}

// Flush sends buffered bytes.
// the next Write returns the error
func (w *h1Writer) Flush() { w.FlushError() }

// FlushError is Flush with an error.
func (w *h1Writer) FlushError() error {
	if w.over.Load() {
		return w.closed()
	}
	if w.stage == h1NoHeader {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case w.err != nil:
		return w.err
	case w.stage != h1Fixed:
		return nil
	}
	return w.sendPart(nil)
}

// kept returns the buffered start of the body.
func (w *h1Writer) kept() []byte {
	if w.pending == nil {
		return nil
	}
	return w.pending.b
}

// dropKept drops the buffered start of the body.
func (w *h1Writer) dropKept() {
	if w.pending != nil {
		putBuffer(w.pending)
		w.pending = nil
	}
}

// sendPart sends the header, unless it is sent, the buffered bytes, and p.
func (w *h1Writer) sendPart(p []byte) error {
	var buf *outBuffer
	keep := w.kept()
	defer w.dropKept()
	if w.stage == h1Fixed {
		begin := keep
		if n := sniffSize - len(keep); n > 0 && len(p) > 0 {
			begin = append(keep[:len(keep):len(keep)], p[:min(len(p), n)]...)
		}
		buf = w.endHeader(begin, false)
		w.stage = h1Sent
	} else {
		buf = getBuffer()
	}
	n := len(keep) + len(p)
	if n == 0 || w.x.head.Method == http.MethodHead {
		return w.push(buf)
	}
	if w.chunked {
		buf.b = strconv.AppendInt(buf.b, int64(n), 16)
		buf.b = append(buf.b, "\r\n"...)
	}
	buf.b = append(buf.b, keep...)
	if len(p) <= batchSize/2 {
		buf.b = append(buf.b, p...)
		if w.chunked {
			buf.b = append(buf.b, "\r\n"...)
		}
		return w.push(buf)
	}
	if w.chunked {
		return w.push(buf, p, []byte("\r\n"))
	}
	return w.push(buf, p)
}

// endHeader returns the complete header. data is the beginning of the body, and
// all of it if whole is set.
func (w *h1Writer) endHeader(data []byte, whole bool) *outBuffer {
	x, a, out := w.x, w.answer(), w.fields
	seen := out.seen
	// what the client sends next is not HTTP
	a.close = x.endsWith(w.status == http.StatusSwitchingProtocols)
	w.fields = nil
	isHead := x.head.Method == http.MethodHead
	body := bodyAllowed(w.status) && !a.tunnels(w.status)
	f := framing{length: -1}
	switch {
	case w.status == http.StatusResetContent:
		w.length, f.length = 0, 0
	case !body:
	case w.length >= 0:
		f.length = w.length
	case whole && seen.coding == "" && !seen.trailer && (!isHead || len(data) > 0):
		w.length, f.length = w.written, w.written
	case isHead:
	case x.head.Minor == 0 || seen.coding == "identity":
		a.close = true // the connection's end is the body's end
	default:
		w.chunked, f.chunked = true, true
	}
	if body && !seen.kind && !seen.encoded && seen.coding == "" && len(data) > 0 {
		f.kind = http.DetectContentType(data)
	}
	out.b = a.appendCommon(out.b, w.status, &seen, f)
	x.k.mu.Lock()
	x.close = a.close
	x.k.mu.Unlock()
	return out
}

// finish ends the response, and hands the rest of it to the connection. It does
// not block.
func (w *h1Writer) finish() {
	x := w.x
	if w.stage == h1Hijacked {
		x.handedOver(true)
		return
	}
	if w.stage == h1NoHeader {
		w.WriteHeader(http.StatusOK)
	}
	w.over.Store(true)
	var buf *outBuffer
	var body []byte
	defer w.dropKept()
	if w.stage != h1Fixed {
		buf = getBuffer()
	} else {
		if w.err == nil {
			body = w.kept()
		}
		buf = w.endHeader(body, true)
		if x.head.Method == http.MethodHead {
			body = nil
		}
		if w.chunked && len(body) > 0 {
			buf.b = strconv.AppendInt(buf.b, int64(len(body)), 16)
			buf.b = append(append(append(buf.b, "\r\n"...), body...), "\r\n"...)
			body = nil
		}
	}
	w.stage = h1Finished
	switch {
	case w.chunked && (w.err == nil || errors.Is(w.err, ErrBadHeader)):
		buf.b = append(append(buf.b, body...), "0\r\n"...)
		body = nil
		var err error
		if buf.b, err = w.appendTrailer(buf.b); err != nil {
			x.Op().Report(err)
			x.Op().Told()
			putBuffer(buf)
			x.broken(err)
			return
		}
		buf.b = append(buf.b, "\r\n"...)
	case w.err != nil && !errors.Is(w.err, ErrBadHeader):
		putBuffer(buf)
		x.notSent(w.err)
		return
	case w.length >= 0 && w.written < w.length && x.head.Method != http.MethodHead && bodyAllowed(w.status):
		x.k.mu.Lock()
		x.close = true // the client must not take what follows for the rest
		x.k.mu.Unlock()
	}
	x.k.mu.Lock()
	sent, f := x.k.put(x, buf, body)
	x.k.mu.Unlock()
	x.wasPut(sent, f)
}

// push sends head and bufs, and waits until the kernel has accepted them, so
// that a handler's writes do not queue up. It takes ownership of head.
func (w *h1Writer) push(head *outBuffer, bufs ...[]byte) error {
	k := w.x.k
	k.mu.Lock()
	if !w.by.IsZero() && !time.Now().Before(w.by) {
		k.mu.Unlock()
		putBuffer(head)
		w.err = w.x.writeFailure(os.ErrDeadlineExceeded)
		return w.err
	}
	sent := k.flush()
	var f *aio.Future[int]
	if len(bufs) == 0 {
		f = k.send(head, nil)
	} else {
		f = k.c.SendOwned(append([][]byte{head.b}, bufs...)...)
	}
	inData := k.inData
	k.mu.Unlock()
	sent.tell()
	_, err := f.Result()
	if err == aio.ErrPending {
		if inData {
			k.c.WillBlock()
		}
		err = w.await(f)
	}
	if err != nil {
		w.err = err
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			w.err = w.x.writeFailure(err)
		}
	}
	return w.err
}

// Hijack takes the connection over. The connection remains an operation of the
// loop; aio.Draining tells when the loop drains.
func (w *h1Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.over.Load() || w.stage == h1Hijacked {
		return nil, nil, http.ErrHijacked
	}
	if w.stage == h1Fixed {
		w.dropKept() // as net/http does
		if err := w.sendPart(nil); err != nil {
			return nil, nil, err
		}
	}
	c, err := w.x.takeOver()
	if err != nil {
		return nil, nil, err
	}
	w.stage, w.status = h1Hijacked, http.StatusSwitchingProtocols
	return c, bufio.NewReadWriter(bufio.NewReader(c), bufio.NewWriter(c)), nil
}
