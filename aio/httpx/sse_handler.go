package httpx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"goaio.example/aio"
)

// SSE begins a stream of server-sent events in an http.Handler, behind any
// router and middleware, as Request.SSE does for a Request. It sends the
// current header of w. The stream sends a comment if nothing was sent for the
// duration heartbeat; 0 means 15 s, and a negative value no heartbeat.
//
// The stream must be closed before the handler returns, and w not be used
// meanwhile:
//
//	events, err := httpx.SSE(w, r, 0)
//	if err != nil {
//		http.Error(w, err.Error(), http.StatusInternalServerError)
//		return
//	}
//	defer events.Close()
//
// Its Context is r's context. Send fails with the cause once that has ended,
// because the client is gone or middleware has set a timeout. Draining tells
// when the loop or the server drains.
//
// SSE writes and flushes through an http.ResponseController, so a middleware's
// ResponseWriter must implement Flush or Unwrap. SSE fails with
// http.ErrNotSupported, and sends nothing, if w cannot flush; with ErrResponded
// if the response has begun; and as Send does.
//
// On a server of this package a Send fails when sending makes no progress for
// Server.WriteTimeout, and a handler that returns without Close ends the
// stream.
//
// SSE also works on net/http's own server. It allows 30 s for sending each 64
// KiB of an event. To do so it sets a write deadline, which replaces the one of
// http.Server.WriteTimeout and needs a ResponseWriter that has SetWriteDeadline
// or Unwrap. Over HTTP/2 the deadline applies to a client that does not read
// the stream; set http.HTTP2Config.WriteByteTimeout for one that does not read
// the connection. A failed write is an *aio.ConnError. Draining is closed only
// if the server's BaseContext belongs to a loop. SSE does not notice that a
// response has begun.
func SSE(w http.ResponseWriter, r *http.Request, heartbeat time.Duration) (*EventStream, error) {
	if !canFlush(w) {
		return nil, fmt.Errorf("httpx: SSE through a %T, which cannot flush (give it a method Unwrap): %w", w, http.ErrNotSupported)
	}
	h := newHandlerSink(w, r)
	if err := h.begin(); err != nil {
		return nil, err
	}
	return newEventStream(h, heartbeat), nil
}

// unwrapper is a middleware's ResponseWriter that http.ResponseController can
// unwrap.
type unwrapper interface{ Unwrap() http.ResponseWriter }

// canFlush reports whether an http.ResponseController can flush w.
func canFlush(w http.ResponseWriter) bool {
	for {
		switch t := w.(type) {
		case interface{ FlushError() error }, http.Flusher:
			return true
		case unwrapper:
			w = t.Unwrap()
		default:
			return false
		}
	}
}

// inboundOf returns the exchange whose response w writes, nil if w does not
// lead to one.
func inboundOf(w http.ResponseWriter) *inbound {
	for {
		switch t := w.(type) {
		case *plainWriter:
			return &t.x.inbound
		case *h1Writer:
			return &t.x.inbound
		case unwrapper:
			w = t.Unwrap()
		default:
			return nil
		}
	}
}

// handlerSink is an http.Handler's response to which an EventStream writes.
type handlerSink struct {
	w  http.ResponseWriter
	rc *http.ResponseController
	r  *http.Request
	x  *inbound // nil on another server, and if w does not lead to it

	mu   *sync.Mutex // held while the response is written
	own  sync.Mutex  // used as mu if x is nil
	over bool        // Close was called
	err  error       // why nothing more is sent
}

// handlerWriteTime bounds a write to another server's response.
const handlerWriteTime = defaultWriteTimeout

func newHandlerSink(w http.ResponseWriter, r *http.Request) *handlerSink {
	h := &handlerSink{w: w, rc: http.NewResponseController(w), r: r, x: inboundOf(w)}
	h.mu = &h.own
	if h.x != nil {
		h.mu = &h.x.wmu // the exchange's end waits for it
	}
	return h
}

// begin sends the header.
func (h *handlerSink) begin() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.ended(); err != nil {
		return err
	}
	if h.x != nil && h.x.side.writer().begun() {
		return ErrResponded
	}
	setEventHeader(h.w.Header())
	h.w.WriteHeader(http.StatusOK)
	return h.within(h.rc.Flush)
}

// send writes text and flushes it, in pieces, so that the deadline applies to
// progress.
func (h *handlerSink) send(text string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	err := h.ended()
	for err == nil && text != "" {
		part := text[:min(piece, len(text))]
		text = text[len(part):]
		err = h.within(func() error {
			if _, err := io.WriteString(h.w, part); err != nil {
				return err
			}
			return h.rc.Flush()
		})
	}
	return err
}

// ended returns why nothing can be sent, nil if something can. The lock is
// held.
func (h *handlerSink) ended() error {
	if h.err != nil {
		return h.err
	}
	if cause := context.Cause(h.r.Context()); cause != nil {
		return cause
	}
	if h.over || h.x != nil && !h.x.handling() {
		return h.closedError("write")
	}
	return nil
}

func (h *handlerSink) closedError(op string) error {
	return aio.NewConnError(op, "tcp", h.r.RemoteAddr, -1, aio.ErrClosed)
}

// within calls fn, which writes, with a deadline. An error ends the stream: a
// part of an event may have been sent. The lock is held.
func (h *handlerSink) within(fn func() error) error {
	err := h.deadline(handlerWriteTime)
	if err == nil {
		err = fn()
	}
	if after := h.deadline(0); err == nil {
		err = after
	}
	if err != nil {
		h.err = h.why(err)
	}
	return h.err
}

// deadline makes writes fail d from now, 0 for never. A server of this package
// needs no deadline.
func (h *handlerSink) deadline(d time.Duration) error {
	if h.x != nil {
		return nil
	}
	var t time.Time
	if d > 0 {
		t = time.Now().Add(d)
	}
	if err := h.rc.SetWriteDeadline(t); !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// why returns the error of a write that failed with err.
func (h *handlerSink) why(err error) error {
	if h.x == nil {
		return aio.NewConnError("write", "tcp", h.r.RemoteAddr, -1, err)
	}
	if cause := context.Cause(h.r.Context()); cause != nil {
		return cause
	}
	return err
}

// Close ends the stream, after a write in progress.
func (h *handlerSink) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over || h.x != nil && !h.x.handling() {
		return h.closedError("close")
	}
	h.over = true
	if h.r.ProtoMajor == 1 && h.err == nil {
		// for the last bytes that net/http sends; if it fails, so will they
		h.deadline(handlerWriteTime)
	}
	return nil
}

func (h *handlerSink) Context() context.Context { return h.r.Context() }
func (h *handlerSink) Gone() <-chan struct{}    { return h.r.Context().Done() }
func (h *handlerSink) lastEventID() string      { return lastEventID(h.r) }

func (h *handlerSink) Draining() <-chan struct{} {
	if h.x != nil {
		return h.x.s.draining
	}
	return aio.Draining(h.r.Context())
}
