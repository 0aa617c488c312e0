package mongo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"goaio.example/aio"
	"goaio.example/aio/timer"
)

// Labels of errors, as servers and the driver give them.
const (
	passing       = "TransientTransactionError"
	unknownCommit = "UnknownTransactionCommitResult"
)

// The pause before the first repetition, and the longest one.
const (
	firstPause = 5 * time.Millisecond
	mostPause  = 500 * time.Millisecond
)

// attempts are those to carry out a transaction, as the driver's
// WithTransaction makes them. That has no bound for an abort and a commit
// except the client's timeout: at the loop's end they would go on, without
// connections.
type attempts struct {
	ctx     context.Context
	link    *link
	session *driver.Session
	until   time.Time
}

func (a *attempts) run(fn func(ctx context.Context) error, opts []options.Lister[options.TransactionOptions]) error {
	for pause := firstPause; ; pause = min(pause*3/2, mostPause) {
		if err := a.session.StartTransaction(opts...); err != nil {
			return err
		}
		err := a.once(fn)
		if !labelled(err, passing) {
			return err
		}
		d := rand.N(pause)
		if time.Now().Add(d).After(a.until) {
			return fmt.Errorf("%w (%w)", aio.ErrTimeout, err)
		}
		if cause := timer.Sleep(a.ctx, d); cause != nil {
			return cause
		}
	}
}

// once calls the function, and aborts or commits.
func (a *attempts) once(fn func(ctx context.Context) error) error {
	err := inTurns(driver.NewSessionContext(a.ctx, a.session), fn)
	if err == nil {
		err = context.Cause(a.ctx)
	}
	if err != nil {
		a.abort(func(ctx context.Context) { _ = a.session.AbortTransaction(ctx) }) // else it ends by its time
		return err
	}
	for {
		err := a.commit()
		var refused driver.CommandError
		if !labelled(err, unknownCommit) || errors.As(err, &refused) && refused.IsMaxTimeMSExpiredError() {
			return err
		}
		if !time.Now().Before(a.until) {
			return fmt.Errorf("%w (%w)", aio.ErrTimeout, err)
		}
		if cause := context.Cause(a.link.op.Context()); cause != nil {
			return cause
		}
	}
}

func (a *attempts) commit() error {
	ctx, cancel := a.link.bounded(a.ctx, a.link.client.timeout())
	defer cancel()
	return a.session.CommitTransaction(ctx)
}

// abort calls a function that tells the server that it is to abort.
func (a *attempts) abort(tell func(ctx context.Context)) {
	ctx, cancel := a.link.bounded(a.ctx, endTime)
	defer cancel()
	tell(ctx)
}

// bounded returns a ctx that ends after d or with the link, and not with ctx.
func (l *link) bounded(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), d, aio.ErrTimeout)
	stop := context.AfterFunc(l.op.Context(), cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// labelled reports whether an error has a label.
func labelled(err error, label string) bool {
	var l driver.LabeledError
	return errors.As(err, &l) && l.HasErrorLabel(label)
}
