package nats

import (
	"context"
	"errors"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"goaio.example/aio"
	"goaio.example/aio/timer"
)

// task is a function as an operation of a given kind.
type task[T any] struct{ promise aio.Promise[T] }

// OpCancel does nothing: the function's ctx has ended.
func (*task[T]) OpCancel(error) {}

// start runs fn as an operation, and returns its future. An error of a dead ctx
// is the ctx's cause.
func start[T any](ctx context.Context, kind aio.Kind, name string, fn func(ctx context.Context) (T, error)) *aio.Future[T] {
	t := new(task[T])
	if t.promise.Start(ctx, kind, name, t) != nil {
		return t.promise.Future()
	}
	t.promise.Op().Go(func() {
		ctx := t.promise.Context()
		v, err := fn(ctx)
		switch {
		case err == nil:
			t.promise.Resolve(v)
		case ctx.Err() != nil && errors.Is(err, ctx.Err()):
			t.promise.Reject(context.Cause(ctx))
		default:
			t.promise.Reject(err)
		}
	}, func(err error) { t.promise.Reject(err) })
	return t.promise.Future()
}

// tryTime bounds one request to JetStream: the server that is asked may have
// gone without a word.
const tryTime = 2 * time.Second

// pause is the wait between two tries.
var pause = timer.Backoff{Initial: 20 * time.Millisecond, Max: time.Second, Jitter: 0.5}

// insist calls fn, which may be repeated, until it succeeds, fails for good, or
// ctx ends.
func insist[T any](ctx context.Context, fn func(ctx context.Context) (T, error)) (T, error) {
	return repeat(ctx, passing, fn)
}

// repeat is insist for errors that again is true of.
func repeat[T any](ctx context.Context, again func(error) bool, fn func(ctx context.Context) (T, error)) (T, error) {
	for n := 2; ; n++ {
		try, cancel := context.WithTimeoutCause(ctx, tryTime, aio.ErrTimeout)
		v, err := fn(try)
		if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			err = context.Cause(try)
		}
		cancel()
		if err == nil || !again(err) {
			return v, err
		}
		if timer.Sleep(ctx, pause.Wait(n)) != nil {
			return v, &endedError{context.Cause(ctx), err}
		}
	}
}

// endedError is the error of what was repeated in vain.
type endedError struct{ cause, last error }

func (e *endedError) Error() string {
	return "nats: " + e.cause.Error() + "; the last try: " + e.last.Error()
}
func (e *endedError) Unwrap() []error { return []error{e.cause, e.last} }

// unsent reports whether an error says that no server has had the request.
func unsent(err error) bool {
	return errors.Is(err, natsgo.ErrNoResponders) || errors.Is(err, natsgo.ErrReconnectBufExceeded) || errors.Is(err, errBroken)
}

// errInProcess is the code of JetStream's word that it is about to store a
// message with this ID: a try before has had no answer, and a later one has it.
const errInProcess jetstream.ErrorCode = 10158

// passing reports whether an error may be none the next time.
func passing(err error) bool {
	for _, e := range []error{
		natsgo.ErrNoResponders, natsgo.ErrTimeout, natsgo.ErrReconnectBufExceeded, natsgo.ErrConnectionReconnecting, natsgo.ErrConnectionClosed,
		natsgo.ErrDisconnected, natsgo.ErrNoServers, natsgo.ErrStaleConnection, context.DeadlineExceeded, context.Canceled, aio.ErrConn,
		jetstream.ErrNoStreamResponse, jetstream.ErrConsumerLeadershipChanged, jetstream.ErrServerShutdown, errBroken,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.Code == 503 || api.Code == 408 || api.ErrorCode == errInProcess) && !isFull(api)
}
