package httpx

import (
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"net/http/httptrace"
	"time"
)

// eventConn is a connection of an eventSource: a request whose response is a
// stream of events. Like a call, it is made without a goroutine if possible;
// the connection's callbacks then parse the events.
type eventConn struct {
	src    *eventSource
	ex     outgoing
	trip   trip
	parser *eventParser
	other  error // why the response is not an event stream
}

// errNoContent means that the server has no more events: it answered 204.
var errNoContent = errors.New("httpx: no more events")

// errSilent is the error of a connection that was silent for too long.
var errSilent error = timeoutError("the server sent nothing for Reconnect.Silence")

// begin makes the request.
func (c *eventConn) begin() {
	if !c.ex.direct() {
		c.goOn()
		return
	}
	c.trip.trace = httptrace.ContextClientTrace((*outgoingValues)(&c.ex))
	// nothing of the user's is called
	if c.src.client.Proxy == nil && c.trip.trace == nil {
		c.beginTrip()
	} else if err := c.src.Op().Call(c.beginTrip, c.src.died); err != nil {
		c.src.died(err)
	}
}

func (c *eventConn) beginTrip() {
	err := checkRequest(c.ex.req)
	if err == nil {
		err = c.trip.plan(&c.ex, c.ex.req, c, (*outgoingValues)(&c.ex))
	}
	if err == nil {
		err = c.ex.attach(&c.trip)
	}
	if err != nil {
		c.ended(err)
		return
	}
	c.trip.start()
}

// goOn starts a goroutine that makes the request, or continues with the trip's
// result.
func (c *eventConn) goOn() { c.src.Op().Go(c.run, c.src.died) }

// run makes the request, and reads the response.
func (c *eventConn) run() {
	resp, err := c.ex.do()
	if err != nil {
		c.ended(err)
		return
	}
	err = c.judge(resp.StatusCode, resp.Header)
	buf := make([]byte, 4<<10)
	for err == nil {
		var n int
		n, err = resp.Body.Read(buf)
		if n == 0 {
			continue
		}
		if failed := c.feed(buf[:n]); failed != nil {
			err = failed
		}
	}
	resp.Body.Close()
	if err == io.EOF {
		err = nil
	}
	c.ended(err)
}

// judge returns nil if a response is a stream of events, and an error
// otherwise.
func (c *eventConn) judge(status int, h http.Header) error {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	switch {
	case status == http.StatusNoContent:
		c.other = errNoContent
	case status != http.StatusOK, kind != "text/event-stream" || err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter):
		c.other = &EventStreamError{status, h}
	}
	return c.other
}

// feed parses bytes of the stream.
func (c *eventConn) feed(p []byte) (err error) {
	if !c.src.enter(c) {
		return errEventsClosed
	}
	for len(p) > 0 && err == nil {
		var n int
		var e *ServerEvent
		if n, e, err = c.parser.next(p); e != nil {
			err = c.src.deliver(c, e)
		}
		p = p[n:]
	}
	c.src.leave(c)
	return err
}

// ended tells the source that the connection has ended, with err or, if err is
// nil, with the end of the response.
func (c *eventConn) ended(err error) {
	end := connEnd{err: err}
	var other *EventStreamError
	switch cause := c.ex.cause(); {
	case err == nil:
	case errors.Is(err, errNoContent):
		end.err, end.final = nil, true
	case errors.As(err, &other):
		again := c.src.client.Reconnect.triesAgain(other.Status)
		end.final = !again
		if again {
			end.after, _ = (&Retry{MaxWait: -1}).retryAfter(&http.Response{Header: other.Header})
		}
	case cause != nil && !errors.Is(cause, errSilent):
		end.final = true
	default:
		end.final = !c.ex.worthwhile(err)
	}
	if end.err != nil {
		end.err = c.ex.wrap(end.err)
	}
	c.src.connEnded(c, end)
}

// head makes the connection's callbacks parse the events, or starts a goroutine
// for a redirect.
func (c *eventConn) head(t *trip, k *clientConn) (most int64, gather bool) {
	if t.in.redirects() && c.src.client.MaxRedirects >= 0 {
		return c.ex.handOver(t, k, c.goOn)
	}
	tunnel := t.in.tunnel
	switch err := c.judge(t.in.parsed.Status, headerOf(&t.in.parsed)); {
	case tunnel != nil: // the request asked for another protocol
		tunnel.Close()
		c.ended(err)
	case err == nil:
		c.ex.setPhase(atBody)
		t.in.sink = func(p []byte) error {
			k.waits(t, 0, nil)
			return c.feed(p)
		}
	case t.in.state != answerBody || t.in.left > 0:
		t.fail(err)
	}
	return math.MaxInt64, true
}

// whole is called at the response's end.
func (c *eventConn) whole(*trip, []byte) {
	if c.ex.first.Load() != nil {
		c.goOn()
		return
	}
	c.ended(c.other)
}

func (c *eventConn) failed(_ *trip, err error) { c.ended(err) }

// share starts a goroutine that makes the request over HTTP/2.
func (c *eventConn) share(*trip, *sharedConns) { c.goOn() }

// silence returns how long the stream's server may send nothing; 0 means
// forever.
func (ex *outgoing) silence() time.Duration { return max(ex.client.Reconnect.Silence, 0) }
