package mongo

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"goaio.example/aio"
)

var kindTransaction = aio.NewKind("mongo.transaction")

// ErrTransactionOver is the error of a command with the ctx of a transaction
// whose function has returned.
var ErrTransactionOver = errors.New("mongo: the transaction's function has returned")

// turn lets one command of a transaction run at a time, as servers and the
// driver's sessions demand. The commands of a Cursor take part.
type turn struct {
	free    chan struct{} // receives one value for each command that may run
	over    chan struct{} // closed when no command may begin any more
	cursors sync.WaitGroup
}

type turnKey struct{}

// takeTurn waits until a command may run, and returns what ends the turn.
func takeTurn(ctx context.Context) (done func(), err error) {
	t := turnOf(ctx)
	if t == nil {
		return func() {}, nil
	}
	select {
	case <-t.over:
		return nil, ErrTransactionOver
	default:
	}
	select {
	case <-t.free:
	case <-t.over:
		return nil, ErrTransactionOver
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	select {
	case <-t.over: // while it waited
		t.give()
		return nil, ErrTransactionOver
	default:
		return t.give, nil
	}
}

func turnOf(ctx context.Context) *turn {
	t, _ := ctx.Value(turnKey{}).(*turn)
	return t
}

// give ends a turn.
func (t *turn) give() { t.free <- struct{}{} }

// end returns when the commands in progress and the Cursors have ended.
func (t *turn) end() {
	close(t.over)
	<-t.free // a command takes Client.Timeout at most
	t.give() // to the Cursors, which are closed
	t.cursors.Wait()
	<-t.free
}

// Transaction runs fn in a transaction as an operation: commands of this
// package with fn's ctx, or one derived from it, belong to the transaction. They
// run one after the other, in no particular order if several are started. When
// fn returns nil, the command in progress, if there is one, ends and the
// transaction is committed. An error of fn's aborts the transaction and is that
// of the future.
//
// fn is called again when the server says that the transaction failed for a
// passing reason, for Client.Timeout in all, so that it must have no other
// effects. A commit is not cancelled by the end of ctx, but by the loop's. A
// transaction that is to be aborted takes 2 s more at most. A Cursor of a
// transaction must be read within it: when fn returns, it ends with
// ErrTransactionOver. The server must be a replica set or a
// sharded cluster.
func (c *Client) Transaction(ctx context.Context, name string, fn func(ctx context.Context) error, opts ...options.Lister[options.TransactionOptions]) *aio.Future[struct{}] {
	return start(ctx, kindTransaction, name, func(ctx context.Context) (struct{}, error) {
		_, err := call(ctx, c, func(ctx context.Context, l *link) (struct{}, error) {
			s, err := l.driver.StartSession()
			if err != nil {
				return struct{}{}, err
			}
			a := &attempts{ctx, l, s, time.Now().Add(c.timeout())}
			defer a.abort(s.EndSession) // after a panic, and an unknown commit
			return struct{}{}, a.run(fn, opts)
		})
		return struct{}{}, failure(ctx, "the transaction "+name, err)
	})
}

// inTurns calls fn once, and returns when its commands have ended.
func inTurns(ctx context.Context, fn func(ctx context.Context) error) error {
	t := &turn{free: make(chan struct{}, 1), over: make(chan struct{})}
	t.give()
	defer t.end()
	return fn(context.WithValue(ctx, turnKey{}, t))
}
