package httpx

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/http1"
)

// upload sends a request's body piece by piece. It is an operation below the
// request's, with a goroutine.
type upload struct {
	op      aio.Op
	t       *trip
	req     *http.Request
	body    io.ReadCloser
	length  int64         // as returned by bodyLength
	expect  bool          // the server is asked whether it wants the body
	memory  bool          // the request has GetBody: Read should not block
	stopped chan struct{} // closed by stop
	wanted  chan struct{} // closed by goOn
	closed  atomic.Bool   // see close

	mu    sync.Mutex
	state uploadState
	over  bool        // stop was called
	asked bool        // goOn was called
	held  *clientConn // the connection that settle gives back; see keeps
}

// uploadState is the progress of an upload. It only increases.
type uploadState uint8

const (
	uploadIdle    uploadState = iota
	uploadBegun               // its goroutine reads the body, and writes
	uploadLast                // the last bytes of the request are being written
	uploadWritten             // they are written
	uploadEnded               // the goroutine has ended before that
)

// kindUpload is the kind of a request's body that is being sent.
var kindUpload = aio.NewKind("http.upload")

// continueTime is how long to wait for a server that was asked whether it wants
// the body.
const continueTime = time.Second

// uploadSize is how much of a body is read at a time. The buffer has room for a
// chunk's size before it, and for the line's end behind it.
const (
	uploadSize   = 32 << 10
	chunkRoom    = 16
	uploadBuffer = chunkRoom + uploadSize + 2
)

var uploadBuffers = sync.Pool{New: func() any { return new([uploadBuffer]byte) }}

// newUpload returns the upload of a trip's request.
func newUpload(t *trip) *upload {
	req := t.req
	u := &upload{
		t: t, req: req, body: req.Body, length: bodyLength(req), memory: req.GetBody != nil,
		stopped: make(chan struct{}), wanted: make(chan struct{}),
	}
	u.expect = expectsContinue(req)
	return u
}

// expectsContinue reports whether a request asks the server whether it wants
// the body.
func expectsContinue(req *http.Request) bool {
	v := req.Header["Expect"]
	return len(v) > 0 && http1.HasToken(v[0], "100-continue")
}

// run starts sending on a connection.
func (u *upload) run(k *clientConn) {
	if !u.starts(k) {
		return
	}
	if err := u.op.Start(u.t.ex.op.Context(), kindUpload, "", u); err != nil {
		u.close()
		u.t.fail(err)
		return
	}
	u.op.Go(func() {
		err := u.send(k)
		u.settle()
		u.close()
		// otherwise the trip may be on another connection by now
		if err != nil && !u.isStopped() {
			u.t.fail(err)
		}
		u.op.End(nil)
	}, func(err error) { // a panic, which has been reported
		u.settle()
		u.close()
		u.t.fail(err)
		u.op.End(nil)
	})
}

// starts reports whether the upload is to begin on the connection, which it
// does once.
func (u *upload) starts(k *clientConn) bool {
	u.t.mu.Lock()
	defer u.t.mu.Unlock()
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.t.conn != k || u.over || u.state != uploadIdle {
		return false
	}
	u.state = uploadBegun
	return true
}

// begun reports whether some of the body may have been read.
func (u *upload) begun() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.state != uploadIdle
}

// OpCancel is called when the request is cancelled.
func (u *upload) OpCancel(error) { u.stop() }

// OpName names the upload.
func (u *upload) OpName() string { return "body of " + requestName(u.req) }

// close closes the body, unless it has been closed.
func (u *upload) close() {
	if !u.closed.Swap(true) {
		u.body.Close()
	}
}

// stop ends the sending. It closes the body, which ends a Read that is waiting
// if the body's type allows that, including a Read for the end of the body.
func (u *upload) stop() {
	u.mu.Lock()
	if u.over {
		u.mu.Unlock()
		return
	}
	u.over = true
	close(u.stopped)
	began, read := u.state >= uploadBegun, u.state == uploadLast || u.state == uploadWritten
	u.mu.Unlock()
	if u.closed.Load() || read && u.memory { // the goroutine closes it at once
		return
	}
	op, err := aio.Begin(u.t.pool.top, kindUpload, "close the body of "+requestName(u.req))
	if err != nil {
		if !began {
			u.close()
		}
		return
	}
	op.Go(func() {
		u.close()
		op.End(nil)
	}, func(error) { op.End(nil) })
}

func (u *upload) isStopped() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.over
}

// reach advances the upload's state.
func (u *upload) reach(s uploadState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.state = s
}

// written notes that all of the request is written. It reports whether settle
// must return the connection to the pool.
func (u *upload) written() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.state = uploadWritten
	return u.held != nil
}

// keeps reports whether a connection whose response is complete may be used
// again. If the last bytes of the request are still being written, settle
// returns the connection later: another request must not be sent before them.
func (u *upload) keeps(k *clientConn) (now, later bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch u.state {
	case uploadWritten:
		return true, false
	case uploadLast:
		u.held = k
		return false, true
	}
	return false, false
}

// settle ends the writing, and returns a connection that waits for it to the
// pool.
func (u *upload) settle() {
	u.mu.Lock()
	written, k := u.state == uploadWritten, u.held
	u.held = nil
	if !written {
		u.state = uploadEnded
	}
	u.mu.Unlock()
	if k != nil {
		k.settle(u.t, written)
	}
}

// goOn is called when the server wants the body.
func (u *upload) goOn() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.asked {
		u.asked = true
		close(u.wanted)
	}
}

// send sends the head and the body. It returns errors of the body; the
// connection's handler is called for those of the connection.
func (u *upload) send(k *clientConn) error {
	buf := uploadBuffers.Get().(*[uploadBuffer]byte)
	defer uploadBuffers.Put(buf)
	first, end, early := 0, false, false
	if u.probes() || u.memory && !u.expect {
		var err error
		if first, end, early, err = u.look(k, buf); err != nil {
			return err
		}
	}
	if early {
		if first > 0 && !u.write(k, u.frame(buf, first), false) {
			return nil
		}
		return u.rest(k, buf, int64(first), end)
	}
	if first == 0 && end && u.length == -1 {
		u.length = 0
	}
	if sent, err := u.sendHead(k, buf, first); !sent {
		return err
	}
	if u.expect && !u.asks() {
		return nil
	}
	return u.rest(k, buf, int64(first), end)
}

// sendHead sends the head, and the first bytes of the body with it. It reports
// false if there is nothing more to send.
func (u *upload) sendHead(k *clientConn, buf *[uploadBuffer]byte, first int) (sent bool, err error) {
	out := getBuffer()
	defer putBuffer(out)
	head, err := u.t.appendHead(out.b[:0], u.req, u.length)
	if err != nil {
		return false, err
	}
	if first > 0 {
		head = append(head, u.frame(buf, first)...)
	}
	out.b = head
	return u.writeHead(k, head, int64(first) == u.length), nil
}

// asks waits, for a limited time, until the server wants the body. It reports
// false if the body is not to be sent.
func (u *upload) asks() bool {
	if tr := u.t.trace; tr != nil && tr.Wait100Continue != nil {
		tr.Wait100Continue()
	}
	late := time.NewTimer(continueTime)
	defer late.Stop()
	select {
	case <-u.wanted:
	case <-late.C:
	case <-u.stopped:
		return false
	}
	return true
}

// rest sends the body after its first bytes.
func (u *upload) rest(k *clientConn, buf *[uploadBuffer]byte, sum int64, end bool) error {
	for !end {
		n, last, err := u.read(k, buf, sum)
		if err != nil {
			return err
		}
		end, sum = last, sum+int64(n)
		if n > 0 && !u.write(k, u.frame(buf, n), sum == u.length) {
			return nil
		}
	}
	if u.length >= 0 && sum != u.length {
		return wrongLength(u.length, sum)
	}
	if u.length < 0 && !u.write(k, u.trailer(), true) { // also if it is empty
		return nil
	}
	k.sent(u.t, nil)
	return nil
}

// wrongLength returns the error for a body whose length differs from the
// declared one.
func wrongLength(length, sum int64) error {
	return fmt.Errorf("the request's ContentLength is %d, and its body has %d bytes", length, sum)
}

// read reads a piece of the body after sum bytes. end reports that it was the
// last one. A Read that returns neither a byte nor an error is not progress.
func (u *upload) read(k *clientConn, buf *[uploadBuffer]byte, sum int64) (n int, end bool, err error) {
	k.waits(u.t, orDefault(u.t.ex.client.Timeouts.Send, 30*time.Second), errSend)
	for n == 0 && err == nil {
		if u.isStopped() {
			return 0, true, errNotNeeded
		}
		n, err = u.body.Read(buf[chunkRoom : chunkRoom+uploadSize])
	}
	k.sends(u.t)
	if u.length >= 0 && sum+int64(n) > u.length {
		return 0, true, wrongLength(u.length, sum+int64(n))
	}
	switch err {
	case nil:
		return n, false, nil
	case io.EOF:
		return n, true, nil
	}
	return n, true, err
}

// frame returns the bytes to send for the piece of n bytes in buf.
func (u *upload) frame(buf *[uploadBuffer]byte, n int) []byte {
	if u.length != -1 {
		return buf[chunkRoom : chunkRoom+n]
	}
	var room [chunkRoom]byte
	size := append(strconv.AppendInt(room[:0], int64(n), 16), "\r\n"...)
	i := chunkRoom - len(size)
	copy(buf[i:], size)
	copy(buf[chunkRoom+n:], "\r\n")
	return buf[i : chunkRoom+n+2]
}

// trailer returns the bytes that end a body of unknown length.
func (u *upload) trailer() []byte {
	if u.length == lengthRaw {
		return nil
	}
	b := []byte("0\r\n")
	for _, name := range sortedNames(u.req.Trailer, nil) {
		for _, v := range u.req.Trailer[name] {
			// the user may have set it while the body was read
			if http1.ValidValue(v) {
				b = append(append(append(append(b, name...), ": "...), http1.Trim(v)...), "\r\n"...)
			}
		}
	}
	return append(b, "\r\n"...)
}

// writeHead is write for the beginning of the request.
func (u *upload) writeHead(k *clientConn, p []byte, last bool) bool {
	defer u.t.inOrder()()
	if !u.t.sends(k) || !u.write(k, p, last) {
		return false
	}
	u.t.wroteHead()
	return true
}

// write writes p to the connection; last means that p ends the request. It
// reports false if the connection has ended.
func (u *upload) write(k *clientConn, p []byte, last bool) bool {
	if last {
		u.reach(uploadLast)
	}
	if _, err := k.c.Write(p); err != nil {
		return false
	}
	if last && u.written() {
		u.stop() // the response is complete: do not wait for the body's end
	}
	return true
}
