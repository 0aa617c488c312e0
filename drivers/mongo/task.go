package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"goaio.example/aio"
)

var (
	kindRead    = aio.NewKind("mongo.read")
	kindWrite   = aio.NewKind("mongo.write")
	kindCommand = aio.NewKind("mongo.command")
)

// task is a function as an operation of a given kind.
type task[T any] struct{ promise aio.Promise[T] }

// OpCancel does nothing: the function's ctx has ended.
func (*task[T]) OpCancel(error) {}

// start runs fn as an operation, and returns its future.
func start[T any](ctx context.Context, kind aio.Kind, name string, fn func(ctx context.Context) (T, error)) *aio.Future[T] {
	t := new(task[T])
	if t.promise.Start(ctx, kind, name, t) != nil {
		return t.promise.Future()
	}
	t.promise.Op().Go(func() {
		if v, err := fn(t.promise.Context()); err != nil {
			t.promise.RejectWith(v, err)
		} else {
			t.promise.Resolve(v)
		}
	}, func(err error) { t.promise.Reject(err) })
	return t.promise.Future()
}

// command runs fn, which calls the driver, as an operation that Timeout bounds.
func command[T any](ctx context.Context, c *Client, kind aio.Kind, name string, fn func(ctx context.Context, l *link) (T, error)) *aio.Future[T] {
	return start(ctx, kind, name, func(ctx context.Context) (T, error) {
		ctx, cancel := context.WithTimeoutCause(ctx, c.timeout(), aio.ErrTimeout)
		defer cancel()
		v, err := call(ctx, c, fn)
		return v, failure(ctx, name, err)
	})
}

// call calls fn with a link whose driver is there, in turn with the other
// commands of a transaction.
func call[T any](ctx context.Context, c *Client, fn func(ctx context.Context, l *link) (T, error)) (v T, err error) {
	l, err := c.use(ctx)
	if err != nil {
		return v, err
	}
	defer l.users.Done()
	done, err := takeTurn(ctx)
	if err != nil {
		return v, err
	}
	defer done()
	if err := l.wait(ctx); err != nil {
		return v, err
	}
	return fn(ctx, l)
}

// failure returns the error of a command. That of a command that was cancelled
// is the cause. That of one whose time was over is an aio.ErrTimeout or the cause
// that its ctx gives, with what the driver says.
func failure(ctx context.Context, name string, err error) error {
	if err == nil {
		return nil
	}
	if d, ok := ctx.Deadline(); ok && !time.Now().Before(d) {
		<-ctx.Done() // the connection's deadline may come first
	}
	cause := context.Cause(ctx)
	late := driver.IsTimeout(err) || cause != nil && (errors.Is(err, cause) || errors.Is(err, ctx.Err()))
	switch {
	case errors.Is(ctx.Err(), context.Canceled) && (late || driver.IsNetworkError(err)):
		return cause
	case !late:
		return err
	case cause == nil || cause == context.DeadlineExceeded: // or the server, or the driver, has seen it come
		cause = aio.ErrTimeout
	case errors.Is(err, cause):
		return fmt.Errorf("mongo: %s: %w", name, err)
	}
	return fmt.Errorf("mongo: %s: %w (%w)", name, cause, err)
}

// Do runs fn as an operation with the driver's client, for what this package
// has no method for: indexes, bulk writes, GridFS. Each call of the driver
// takes Client.Timeout at most, or as long as its ctx says. The client must not
// be used after fn has returned, nor be disconnected. In a Transaction, whose
// commands take turns, fn must not await another command of that transaction:
// the command would wait for fn until Client.Timeout.
func Do[T any](ctx context.Context, c *Client, name string, fn func(ctx context.Context, d *driver.Client) (T, error)) *aio.Future[T] {
	return start(ctx, kindCommand, name, func(ctx context.Context) (T, error) {
		v, err := call(ctx, c, func(ctx context.Context, l *link) (T, error) { return fn(ctx, l.driver) })
		return v, failure(ctx, name, err)
	})
}
