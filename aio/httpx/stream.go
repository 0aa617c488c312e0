package httpx

import (
	"context"
	"net/http"

	"goaio.example/aio"
)

// A StreamWriter writes a response piece by piece. Request.Start returns one.
// It is safe for concurrent use; calls that write wait for each other. It must
// be closed: if it is dropped before, together with its Request, the connection
// is closed, and ErrAbandoned is an event.
type StreamWriter struct {
	r *Request
}

// Start begins a response whose body follows in pieces, and sends the header.
// It counts as the request's response: there can be no other. The body has the
// Content-Length given in header, or else is chunked. Errors are those of
// Respond's future.
func (r *Request) Start(status int, header http.Header) (*StreamWriter, error) {
	if err := r.begin(inboundStream, answer{status: status, header: header}); err != nil {
		return nil, r.x.reason(err)
	}
	w := &StreamWriter{r}
	err := w.locked(func(p pieceWriter) error {
		h := p.Header()
		for k, v := range header {
			h[http.CanonicalHeaderKey(k)] = v
		}
		p.WriteHeader(status)
		return p.FlushError()
	})
	if err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// locked calls fn unless the stream has ended.
func (w *StreamWriter) locked(fn func(p pieceWriter) error) error {
	x := w.r.x
	x.wmu.Lock()
	defer x.wmu.Unlock()
	x.mu.Lock()
	state := x.state
	x.mu.Unlock()
	if state != inboundStream {
		return w.ended("write")
	}
	if err := fn(x.side.writer()); err != nil {
		if cause := context.Cause(x.Context()); cause != nil {
			return cause
		}
		return err
	}
	return nil
}

// ended returns the error of a call of op after the stream has ended.
func (w *StreamWriter) ended(op string) error {
	x := w.r.x
	if cause := context.Cause(x.Context()); cause != nil {
		return cause
	}
	return aio.NewConnError(op, "tcp", x.side.remote(), -1, aio.ErrClosed)
}

// Write sends a part of the body. It may buffer the part until Flush. Write
// blocks while the client does not read. Its error is the cause of Context when
// the client is gone, and aio.ErrClosed after Close.
func (w *StreamWriter) Write(p []byte) (n int, err error) {
	err = w.locked(func(rw pieceWriter) error {
		n, err = rw.Write(p)
		return err
	})
	return n, err
}

// Flush sends buffered bytes.
func (w *StreamWriter) Flush() error { return w.locked(pieceWriter.FlushError) }

// send writes text and flushes it.
func (w *StreamWriter) send(text string) error {
	return w.locked(func(p pieceWriter) error {
		if _, err := p.WriteString(text); err != nil {
			return err
		}
		return p.FlushError()
	})
}

// Close ends the response. If the response has ended already, Close fails as
// Write does.
func (w *StreamWriter) Close() error {
	x := w.r.x
	x.wmu.Lock() // a Write has returned
	x.mu.Lock()
	over := x.state != inboundStream
	if !over {
		x.state = inboundEnded
		x.side.changedLocked()
	}
	x.mu.Unlock()
	x.wmu.Unlock()
	if over {
		return w.ended("close")
	}
	x.side.changed()
	return nil
}

// Context returns the request's context.
func (w *StreamWriter) Context() context.Context { return w.r.Context() }

// Gone is Request.Gone.
func (w *StreamWriter) Gone() <-chan struct{} { return w.r.Gone() }

// Draining is Request.Draining.
func (w *StreamWriter) Draining() <-chan struct{} { return w.r.Draining() }

// lastEventID returns the ID of the last event that the client has received.
func (w *StreamWriter) lastEventID() string { return w.r.LastEventID() }

// Future returns the future of the response. Its value is the length of the
// body that was sent.
func (w *StreamWriter) Future() *aio.Future[int] { return w.r.x.Future() }
