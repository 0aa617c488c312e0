package aio

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"goaio.example/aio/internal/bell"
)

// Event reports an error or a condition that was not returned to a caller.
type Event struct {
	Time time.Time
	Loop *Loop
	Op   OpInfo // the operation concerned
	// Err is what happened: a *ConnError, a *PanicError, or the error that an
	// operation's function returned.
	Err error
	// Lost reports that Err is the error of a future that nothing looked at.
	Lost bool
	// Served reports that the operation is an accepted connection or a request,
	// or was started below one: Err concerns a single peer.
	Served bool
	// Context has the values of the operation, such as those that
	// Observer.Span has given it. It belongs to no loop and does not end.
	Context context.Context
}

// OnEvent returns a ctx that makes fn the event handler, instead of
// Loop.OnEvent, of the operations that are started with it, directly or
// indirectly. A nearer OnEvent takes precedence. Calls for one loop are
// serialised and come from a goroutine of the loop's. fn may start operations.
// It can pass events that it does not handle to DefaultOnEvent.
func OnEvent(ctx context.Context, fn func(Event)) context.Context {
	return &eventCtx{orBackground(ctx), fn, LoopOf(ctx)}
}

// eventCtx is the ctx of OnEvent.
type eventCtx struct {
	context.Context
	fn   func(Event)
	loop *Loop // whose scope it is; nil for one made outside any loop
}

// handlerKey is the context key of the nearest *eventCtx.
var handlerKey = new(byte)

// Within returns the context around the scope.
func (c *eventCtx) Within() context.Context { return c.Context }

func (c *eventCtx) Value(key any) any {
	if key == handlerKey {
		return c
	}
	return c.Context.Value(key)
}

// DefaultOnEvent is the event handler of a Loop whose OnEvent is nil. It logs
// the event as LogEvents does, and exits the loop with the error unless
//
//   - the error is information, such as EOF (see IsInfo);
//   - the event is Served: one peer's connection or request has failed, and the
//     server goes on, even after a panic that Loop.CatchPanics has caught;
//   - the error is about a connection (ErrConn) and is not a panic: a dialed
//     connection was reset, for example;
//   - the event is Lost, because the garbage collector would decide when the
//     program ends.
//
// So the loop exits for errors and panics of the functions that main starts
// with Spawn or Daemon, of timers' functions, and of the functions below those.
func DefaultOnEvent(e Event) {
	LogEvents(e)
	if !e.Lost && !e.Served && (e.panicked() || !IsInfo(e.Err) && !errors.Is(e.Err, ErrConn)) {
		e.Loop.Exit(e.Err)
	}
}

// LogEvents is an event handler that logs each event to the loop's Logger and
// never exits the loop. Errors are logged at level Error, a panic with its
// stack; information, such as EOF, at level Debug. The record's ctx is the
// event's.
func LogEvents(e Event) {
	level := slog.LevelError
	if IsInfo(e.Err) && !e.panicked() {
		level = slog.LevelDebug
	}
	attrs := []slog.Attr{slog.String("op", e.Op.Name), slog.String("kind", e.Op.Kind.String()), slog.Any("err", e.Err)}
	if e.Lost {
		attrs = append(attrs, slog.Bool("lost", true))
	}
	var p *PanicError
	if errors.As(e.Err, &p) {
		attrs = append(attrs, slog.String("stack", string(p.Stack)))
	}
	e.Loop.logger().LogAttrs(orBackground(e.Context), level, "event", attrs...)
}

// panicked reports whether the event is about a panic.
func (e *Event) panicked() bool {
	var p *PanicError
	return errors.As(e.Err, &p)
}

// handler returns the event handler for the operation.
func (o *Op) handler() func(Event) {
	l := o.run.loop
	if c, _ := o.base.Value(handlerKey).(*eventCtx); c != nil && (c.loop == l || l.OnEvent == nil) {
		return c.fn
	}
	if l.OnEvent != nil {
		return l.OnEvent
	}
	return DefaultOnEvent
}

// emit sends an event about o to its handler.
func (r *running) emit(o *Op, err error, lost bool) {
	r.events.push(r, o.event(err, lost))
}

// event makes an event about o, for its handler.
func (o *Op) event(err error, lost bool) queued {
	r := o.run
	return queued{o.handler(), Event{
		Time: time.Now(), Loop: r.loop, Op: o.info(r.now()), Err: err, Lost: lost, Served: o.is(isServed),
		Context: eventValues{o.base},
	}}
}

// queued is an event on its way to a handler.
type queued struct {
	fn func(Event)
	ev Event
}

// eventQueue holds events until the dispatcher, a goroutine that exists only
// while there are any, has delivered them.
type eventQueue struct {
	mu     sync.Mutex
	items  []queued
	active bool      // there is a dispatcher
	idle   bell.Bell // rung when the dispatcher ends
	closed bool
}

// push queues an event. Once the queue is closed, push logs the event instead.
func (q *eventQueue) push(r *running, e queued) {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock() // the logger may have more to tell
		r.log.Error("error after the end of the loop", "op", e.ev.Op.Name, "err", e.ev.Err)
		return
	}
	defer q.mu.Unlock()
	q.items = append(q.items, e)
	if !q.active {
		q.active = true
		r.start(func() { q.dispatch(r) })
	}
}

// dispatch delivers events until there are none.
func (q *eventQueue) dispatch(r *running) {
	for {
		q.mu.Lock()
		if len(q.items) == 0 {
			q.items = nil
			q.active = false
			q.idle.Ring()
			q.mu.Unlock()
			r.nudge()
			return
		}
		e := q.items[0]
		q.items[0] = queued{}
		q.items = q.items[1:]
		q.mu.Unlock()
		q.deliver(r, e)
	}
}

// deliver calls a handler. A panic in the handler is fatal to the loop. When
// the handler calls runtime.Goexit, another dispatcher goes on.
func (q *eventQueue) deliver(r *running, e queued) {
	ok := false
	defer func() {
		if ok {
			return
		}
		v := recover()
		if v == nil {
			r.start(func() { q.dispatch(r) })
			return
		}
		r.panicked("event handler", v)
	}()
	marked(r.eventMark(), func() {
		if tell := r.loop.Observe.Event; tell != nil {
			r.contain("observer", func() { tell(e.ev) })
		}
		r.loop.taps.tell(e.ev)
		e.fn(e.ev)
	})
	ok = true
}

// busy reports whether there are events that are not delivered yet. Handlers
// may start operations, so the loop waits for them as it does for operations.
func (q *eventQueue) busy() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.active
}

// close closes the queue: later events are logged.
func (q *eventQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}

// wait waits until all events are delivered. It reports false if a handler did
// not return by the deadline. The queue is then closed, and the events that
// were waiting are logged.
func (q *eventQueue) wait(r *running, deadline <-chan time.Time) bool {
	for {
		q.mu.Lock()
		if !q.active {
			q.mu.Unlock()
			return true
		}
		idle := q.idle.C()
		q.mu.Unlock()
		select {
		case <-idle:
		case <-deadline:
			q.abandon(r)
			return false
		}
	}
}

// abandon closes the queue while a handler hangs.
func (q *eventQueue) abandon(r *running) {
	q.mu.Lock()
	rest := q.items
	q.items, q.closed = nil, true
	q.mu.Unlock()
	for _, e := range rest {
		r.log.Error("event not delivered: a handler hangs", "op", e.ev.Op.Name, "err", e.ev.Err)
	}
}
