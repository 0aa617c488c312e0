package httpx

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/timer"
)

// Reconnect says how Client.Events and Client.EventsFunc keep a stream of
// server-sent events going, and what bounds it. The zero Reconnect comes back
// as a browser's EventSource does.
type Reconnect struct {
	// Backoff is how long to wait before each attempt to come back, in addition
	// to the time that the server has asked for by a retry field. It grows
	// while attempts fail, and begins anew once something has come. Its Initial
	// of 0 means 1 s. Its own Attempts and Elapsed do not count.
	Backoff timer.Backoff
	// MaxWait is the longest wait, whatever the server asks for. 0 means 5
	// minutes; negative: no bound.
	MaxWait time.Duration
	// Attempts is how many attempts to come back may fail one after the other.
	// 0: no bound; negative: the stream ends with its first connection.
	Attempts int
	// Statuses are those that are tried again, after Retry-After at the
	// earliest: such as 503. nil means none: as the standard has it, every
	// status but 200 ends the stream.
	Statuses []int
	// Silence is how long the server may send nothing, not even a comment,
	// before the connection is given up for another one. It should be more than
	// twice the server's heartbeat. 0 means no bound: a server whose host is
	// gone is noticed by TCP's keep-alives only.
	Silence time.Duration
	// MaxEvent bounds the data of an event, and each line, in bytes: more ends
	// the stream with ErrEventTooLarge. 0 means 1 MiB; negative: no bound.
	MaxEvent int
}

// EventStreamError is why a response is no stream of server-sent events: its
// status is not 200, or its Content-Type not text/event-stream.
type EventStreamError struct {
	Status int
	Header http.Header
}

// Error tells the status, or the Content-Type of a response that succeeded.
func (e *EventStreamError) Error() string {
	if e.Status == http.StatusOK {
		return fmt.Sprintf("the response is no text/event-stream, but %q", clip(e.Header.Get("Content-Type")))
	}
	return fmt.Sprintf("the response is no event stream: %d %s", e.Status, http.StatusText(e.Status))
}

// EventReader receives server-sent events. Client.Events returns one. Its
// methods may be called from any goroutine.
type EventReader struct {
	ch  chan ServerEvent
	f   *aio.Future[struct{}]
	src *eventSource
}

// eventsAhead is how many events wait for a reader before the connection is not
// read any more.
const eventsAhead = 16

// Events receives server-sent events in a channel:
//
//	events := client.Events(ctx, req)
//	defer events.Close()
//	for e := range events.C() {
//		...
//	}
//	return events.Err()
//
// See EventsFunc for the rest. When 16 events wait in the channel, the
// connection is not read any more until there is room.
func (c *Client) Events(ctx context.Context, req *http.Request) *EventReader {
	r := &EventReader{ch: make(chan ServerEvent, eventsAhead)}
	r.src = newEventSource(c, req, nil)
	r.src.fn = func(e ServerEvent) {
		select {
		case r.ch <- e:
			return
		default:
		}
		select {
		case r.ch <- e:
		case <-r.src.stop:
		}
	}
	r.src.after = func() { close(r.ch) }
	r.f = r.src.open(ctx)
	return r
}

// C returns the channel of the events. It is closed when the stream has ended
// for good; Err tells why.
func (r *EventReader) C() <-chan ServerEvent { return r.ch }

// All yields the events, and at the end the error, if there is one. The stream
// is closed when the loop over it is left.
func (r *EventReader) All() iter.Seq2[ServerEvent, error] {
	return func(yield func(ServerEvent, error) bool) {
		defer r.Close()
		for e := range r.ch {
			if !yield(e, nil) {
				return
			}
		}
		if err := r.Err(); err != nil {
			yield(ServerEvent{}, err)
		}
	}
}

// Err returns why the stream has ended, once C is closed: nil after Close, when
// the server has said by a 204 that there is no more, and when the loop drains.
func (r *EventReader) Err() error {
	if _, err := r.f.Result(); !errors.Is(err, aio.ErrPending) {
		return err
	}
	return nil
}

// Close ends the stream. Events that wait in C can still be received.
func (r *EventReader) Close() { r.src.end(nil) }

// LastEventID returns the last event ID of the stream, which a new one can be
// begun with: by a header field Last-Event-ID of the request.
func (r *EventReader) LastEventID() string { return r.src.lastEventID() }

// EventsFunc receives server-sent events (HTML standard, section 9.2): it makes
// the request, calls fn for each event, and comes back when the connection
// ends, as Client.Reconnect says, with the ID of the last event. The future
// resolves when the stream has ended for good, and fn has returned.
//
// fn is called for one event at a time. It may block, and the connection is not
// read meanwhile. The Type of an event is "message" if the server has given
// none, and its ID is the last one that the server has given.
//
// The stream ends without an error when the server answers 204, and when the
// loop drains. It ends with one when ctx ends or the future is cancelled; when
// the response is another one (EventStreamError), makes no sense, or has an
// event that is too large; and when the Attempts are used up. A request that
// cannot be repeated (see Retry), such as a POST, is made once: its stream ends
// with the connection, without an error if the response was complete.
//
// The request is made as Do does, redirects included. Of the client's Timeouts,
// Total and Body do not apply, and neither do Retry, Hedge and MaxBody. Under
// the conditions under which a request of Do has no goroutine, the stream has
// none either while nothing comes, and while it waits.
func (c *Client) EventsFunc(ctx context.Context, req *http.Request, fn func(ServerEvent)) *aio.Future[struct{}] {
	return newEventSource(c, req, fn).open(ctx)
}
