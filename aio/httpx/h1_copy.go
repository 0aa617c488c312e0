package httpx

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"net/http"
	"os"
	"syscall"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
)

// sendfileLeast is the least number of bytes that the system sends from a file.
// Fewer are cheaper to copy, together with the header.
const sendfileLeast = 128 << 10

// ReadFrom sends what it reads from r. The system sends a large part of a file
// itself, on a connection without TLS, if the Content-Length is known and no
// write deadline is set.
func (w *h1Writer) ReadFrom(r io.Reader) (sum int64, err error) {
	if f, most := fileOf(r); f != nil && min(most, w.left()) >= sendfileLeast && w.sendsFiles() {
		n, err := w.copyFrom(io.LimitReader(r, sniffSize)) // fixes the header
		if sum = n; err != nil || n < sniffSize {
			return sum, err
		}
		n, err = w.sendFile(f, min(most-n, w.left()))
		sum += n
		if l, ok := r.(*io.LimitedReader); ok {
			l.N -= n
		}
		if err != nil {
			return sum, err
		}
	}
	n, err := w.copyFrom(r)
	return sum + n, err
}

// left returns how many bytes of the body are missing, if that is known.
func (w *h1Writer) left() int64 {
	if w.stage == h1NoHeader {
		n, _ := parseLength(w.Header().Get("Content-Length"))
		return n
	}
	return max(w.length, w.written) - w.written
}

// fileOf returns the file that r reads, and how much of it at most. It returns
// nil if r reads something else.
func fileOf(r io.Reader) (f io.Reader, most int64) {
	most = math.MaxInt64
	if l, ok := r.(*io.LimitedReader); ok {
		r, most = l.R, l.N
	}
	switch r.(type) {
	// an *os.File, or what io.Copy makes of it to hide its WriteTo
	case interface {
		syscall.Conn
		Name() string
		Stat() (fs.FileInfo, error)
	}:
		return r, most
	}
	return nil, 0
}

// copyFrom writes what it reads from r.
func (w *h1Writer) copyFrom(r io.Reader) (sum int64, err error) {
	buf := copyBuffers.Get().(*[piece]byte)
	defer copyBuffers.Put(buf)
	for {
		n, rerr := r.Read(buf[:])
		if n > 0 {
			m, err := w.Write(buf[:n])
			sum += int64(m)
			if err != nil {
				return sum, err
			}
		}
		switch rerr {
		case nil:
		case io.EOF:
			return sum, nil
		default:
			return sum, rerr
		}
	}
}

// sendsFiles reports whether the system may send a part of the response.
func (w *h1Writer) sendsFiles() bool {
	return w.err == nil && !w.over.Load() && w.stage <= h1Sent && w.x.head.Method != http.MethodHead && w.x.s.tcp.TLS == nil
}

// sendFile makes the system send n bytes of f, or fewer if f ends. It sends
// nothing if there is a write deadline.
func (w *h1Writer) sendFile(f io.Reader, n int64) (sent int64, err error) {
	if err := w.FlushError(); err != nil {
		return 0, err
	}
	k := w.x.k
	k.mu.Lock()
	begun, inData := w.by.IsZero(), k.inData
	w.direct = begun
	k.mu.Unlock()
	if !begun {
		return 0, nil
	}
	if inData {
		k.c.WillBlock()
	}
	sent, err = k.c.ReadFrom(io.LimitReader(f, n))
	w.written += sent
	k.mu.Lock()
	w.direct = false
	if !w.by.IsZero() {
		// fails only on a connection that has ended
		k.c.SetWriteDeadline(time.Time{})
	}
	k.mu.Unlock()
	if !errors.Is(err, aio.ErrConn) {
		return sent, err // an error of the file
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, tcp.ErrIdle) {
		err = os.ErrDeadlineExceeded
	}
	w.err = w.x.writeFailure(err)
	k.c.Close() // fails only on a connection that has ended
	return sent, w.err
}
