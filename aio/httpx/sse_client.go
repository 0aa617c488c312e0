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

// Reconnect says how Client.Events and Client.EventsFunc reconnect a stream of
// server-sent events, and sets its limits. The zero Reconnect reconnects as a
// browser's EventSource does.
type Reconnect struct {
	// Backoff is how long to wait before each attempt to reconnect, in addition
	// to the time that the server has asked for in a retry field. It grows
	// while attempts fail, and starts over once something has arrived. An
	// Initial of 0 means 1 s. Its own Attempts and Elapsed have no effect.
	Backoff timer.Backoff
	// MaxWait bounds the wait, whatever the server asks for. 0 means 5 minutes;
	// negative: no bound.
	MaxWait time.Duration
	// Attempts is how many successive attempts to reconnect may fail. 0: no
	// bound; negative: the stream ends with its first connection.
	Attempts int
	// Statuses are the statuses after which to try again, not before
	// Retry-After: 503, for example. nil means none: as the standard says,
	// every status except 200 ends the stream.
	Statuses []int
	// Silence is how long the server may send nothing, not even a comment,
	// before the client gives up the connection and reconnects. It should be
	// more than twice the server's heartbeat. 0 means no bound: then only TCP's
	// keep-alives detect that the server's host is gone.
	Silence time.Duration
	// MaxEvent bounds the data of an event, and each line, in bytes. A larger
	// one ends the stream with ErrEventTooLarge. 0 means 1 MiB; negative: no
	// bound.
	MaxEvent int
}

// EventStreamError is the error of a response that is not a stream of
// server-sent events: its status is not 200, or its Content-Type not
// text/event-stream.
type EventStreamError struct {
	Status int
	Header http.Header
}

// Error returns the status, or the Content-Type if the status is 200.
func (e *EventStreamError) Error() string {
	if e.Status == http.StatusOK {
		return fmt.Sprintf("the response is not text/event-stream, but %q", clip(e.Header.Get("Content-Type")))
	}
	return fmt.Sprintf("the response is not an event stream: %d %s", e.Status, http.StatusText(e.Status))
}

// An EventReader receives server-sent events. Client.Events returns one. It is
// safe for concurrent use.
type EventReader struct {
	ch  chan ServerEvent
	f   *aio.Future[struct{}]
	src *eventSource
}

// eventsAhead is how many events may wait for a reader before the connection is
// no longer read.
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
// Everything else is as for EventsFunc. When 16 events wait in the channel, the
// connection is not read until there is room.
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
// for good; Err then says why.
func (r *EventReader) C() <-chan ServerEvent { return r.ch }

// All yields the events, and at the end the error, if any. Leaving the loop
// over it closes the stream.
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

// Err returns why the stream has ended, once C is closed. It returns nil after
// Close, after the server's 204, which says that there are no more events, and
// when the loop drains.
func (r *EventReader) Err() error {
	if _, err := r.f.Result(); !errors.Is(err, aio.ErrPending) {
		return err
	}
	return nil
}

// Close ends the stream. Events that wait in C can still be received.
func (r *EventReader) Close() { r.src.end(nil) }

// LastEventID returns the stream's last event ID. A new stream can begin after
// it if its request has it in the header field Last-Event-ID.
func (r *EventReader) LastEventID() string { return r.src.lastEventID() }

// EventsFunc receives server-sent events (HTML standard, section 9.2): it makes
// the request, and calls fn for each event. When the connection ends it
// reconnects, as Client.Reconnect says, with the ID of the last event. The
// future resolves when the stream has ended for good, and fn has returned.
//
// fn is called for one event at a time. It may block; the connection is not
// read meanwhile. The Type of an event is "message" if the server set none, and
// its ID is the last one that the server set.
//
// The stream ends without an error when the server answers 204, and when the
// loop drains. It ends with an error when ctx ends or the future is cancelled;
// when the response is not an event stream (EventStreamError), is malformed, or
// has an event that is too large; and when the Attempts are used up. A request
// that cannot be repeated (see Retry), such as a POST, is made once: its stream
// ends with the connection, without an error if the response was complete.
//
// The request is made as by Do, including redirects. Of the client's settings,
// Timeouts.Total, Timeouts.Body, Retry, Hedge and MaxBody do not apply. Under
// the conditions under which a request of Do has no goroutine, the stream has
// none either while no event arrives, and while it waits to reconnect.
func (c *Client) EventsFunc(ctx context.Context, req *http.Request, fn func(ServerEvent)) *aio.Future[struct{}] {
	return newEventSource(c, req, fn).open(ctx)
}
