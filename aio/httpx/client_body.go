package httpx

import (
	"errors"
	"io"
	"net/http"
	"sync"

	"goaio.example/aio/internal/bell"
	"goaio.example/aio/internal/http1"
	"goaio.example/aio/tcp"
)

// clientBody is a response's body that is read as it arrives. The connection is
// not read while bodyAhead bytes wait for the reader.
type clientBody struct {
	t *trip
	c *tcp.Conn

	mu     sync.Mutex
	buf    []byte // buf[off:] waits for the reader
	off    int
	err    error // returned after buf; nil while more may arrive
	closed bool
	paused bool
	more   bell.Bell
	// the Read that returns the body's end sets its trailer
	resp    *http.Response
	trailer []http1.Field // for resp
}

// openStream makes the response's body a stream.
func (t *trip) openStream(k *clientConn) *clientBody {
	b := &clientBody{t: t, c: k.c}
	t.in.stream.Store(b)
	return b
}

// errBodyClosed is the error of reading a closed body.
var errBodyClosed = errors.New("httpx: read on a closed response body")

func (b *clientBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		switch {
		case b.closed:
			return 0, errBodyClosed
		case b.off < len(b.buf):
			n := copy(p, b.buf[b.off:])
			if b.off += n; b.off == len(b.buf) {
				b.buf, b.off = b.buf[:0], 0
			}
			if b.paused && len(b.buf)-b.off <= bodyAhead/2 {
				b.paused = false
				b.c.ResumeReading()
			}
			return n, nil
		case b.err != nil:
			b.publish()
			return 0, b.err
		case len(p) == 0:
			return 0, nil
		}
		b.more.Wait(&b.mu)
	}
}

// Close closes the body. It does not wait for the rest: if the body is not
// complete, it closes the connection.
func (b *clientBody) Close() error {
	b.mu.Lock()
	b.closed, b.buf = true, nil
	over := b.err != nil
	b.more.Ring()
	b.mu.Unlock()
	if !over {
		b.t.fail(errBodyClosed)
	}
	return nil
}

// put appends data to the buffer.
func (b *clientBody) put(data []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.err != nil {
		return
	}
	if b.off > 0 && len(b.buf)+len(data) > cap(b.buf) {
		b.buf = b.buf[:copy(b.buf, b.buf[b.off:])]
		b.off = 0
	}
	b.buf = append(b.buf, data...)
	if len(b.buf)-b.off >= bodyAhead && !b.paused {
		b.paused = true
		b.c.PauseReading()
	}
	b.more.Ring()
}

// end ends the body with err, which Read returns after the buffered data.
func (b *clientBody) end(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
		b.more.Ring()
	}
}

// detach releases the connection after the whole body has arrived. Another trip
// may use it then.
func (b *clientBody) detach() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.paused {
		b.paused = false
		b.c.ResumeReading()
	}
}

// finish ends a body that has arrived completely.
func (b *clientBody) finish(chunks *http1.Chunked) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return
	}
	if b.err = io.EOF; chunks != nil {
		b.trailer = chunks.Trailer
	}
	b.more.Ring()
}

// publish sets the response's trailer. The reader calls it, because the
// response belongs to the reader.
func (b *clientBody) publish() {
	if len(b.trailer) == 0 {
		return
	}
	if b.resp.Trailer == nil {
		b.resp.Trailer = make(http.Header, len(b.trailer))
	}
	addTrailer(b.resp.Trailer, b.trailer)
	b.trailer = nil
}

func addTrailer(h http.Header, fields []http1.Field) {
	for _, f := range fields {
		name := canonical(f.Name)
		h[name] = append(h[name], f.Value)
	}
}
