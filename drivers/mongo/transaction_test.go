package mongo_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"goaio.example/aio"
	"goaio.example/drivers/mongo"
)

// bank answers as a server with transactions does, and notes what came as
// "COMMAND TRANSACTION", where commands outside one have the number 0.
type bank struct {
	notes []string
	busy  bool                 // a command of a transaction runs
	fail  func(c *call) bson.D // nil: all succeeds
}

func (b *bank) answer(c *call) bson.D {
	number := int64(0)
	if _, err := c.doc.LookupErr("autocommit"); err == nil {
		number = c.doc.Lookup("txnNumber").Int64()
	}
	c.f.mu.Lock()
	b.notes = append(b.notes, fmt.Sprint(c.name, " ", number))
	overlap := number > 0 && b.busy
	b.busy = b.busy || number > 0
	fail := b.fail
	c.f.mu.Unlock()
	if overlap {
		return refuse(1, "TwoCommandsOfOneTransaction")
	}
	c.wait(10 * time.Millisecond)
	if number > 0 {
		c.f.mu.Lock()
		b.busy = false
		c.f.mu.Unlock()
	}
	if fail != nil {
		if r := fail(c); r != nil {
			return r
		}
	}
	return bson.D{{Key: "ok", Value: 1}, {Key: "n", Value: 1}, {Key: "nModified", Value: 1}}
}

// wantNotes compares what came, endSessions left out.
func (b *bank) wantNotes(t *testing.T, f *fake, want ...string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Equal(b.notes, want) {
		t.Errorf("the commands %q came, want %q", b.notes, want)
	}
	b.notes = nil
}

// insert inserts documents at once, as futures.
func insert(ctx context.Context, things *mongo.Collection, n int) error {
	var inserts []*aio.Future[*mongo.InsertOneResult]
	for i := range n {
		inserts = append(inserts, things.InsertOne(ctx, bson.D{{Key: "_id", Value: i}}))
	}
	_, err := aio.All(ctx, inserts...).Await(ctx)
	return err
}

// The commands of a transaction belong to it, one after the other, and it is
// committed; commands beside it do not.
func TestTransaction(t *testing.T) {
	b := new(bank)
	inFake(t, nil, b.answer, func(ctx context.Context, t *testing.T, f *fake) error {
		c := f.client()
		things := c.Database("test").Collection("things")
		await(ctx, t, c.Transaction(ctx, "three", func(ctx context.Context) error { return insert(ctx, things, 3) }))
		b.wantNotes(t, f, "insert 1", "insert 1", "insert 1", "commitTransaction 1")
		if err := insert(ctx, things, 1); err != nil {
			t.Errorf("insert: %v", err)
		}
		b.wantNotes(t, f, "insert 0")
		await(ctx, t, c.Transaction(ctx, "one", func(ctx context.Context) error { return insert(ctx, things, 1) }))
		await(ctx, t, c.Disconnect(ctx))
		b.wantNotes(t, f, "insert 3", "commitTransaction 3", "endSessions 0") // one session for all
		return nil
	})
}

// An error of the function aborts the transaction and is that of the future. A
// command in progress ends first, and none begins afterwards.
func TestTransactionAborts(t *testing.T) {
	b := new(bank)
	inFake(t, nil, b.answer, func(ctx context.Context, t *testing.T, f *fake) error {
		c := f.client()
		things := c.Database("test").Collection("things")
		cause := errors.New("not today")
		var left, late *aio.Future[*mongo.InsertOneResult]
		var within context.Context
		f1 := c.Transaction(ctx, "none", func(ctx context.Context) error {
			within = ctx
			left = things.InsertOne(aio.Detach(ctx), bson.D{})
			synctest.Wait()
			return cause
		})
		if _, err := f1.Await(ctx); err != cause {
			t.Errorf("the transaction fails with %v, want its function's error", err)
		}
		await(ctx, t, left)
		late = things.InsertOne(aio.Detach(within), bson.D{})
		wantErr(ctx, t, "a late command", late, mongo.ErrTransactionOver)
		b.wantNotes(t, f, "insert 1", "abortTransaction 1")
		return nil
	})
}

// What fails for a passing reason is done again.
func TestTransactionRepeats(t *testing.T) {
	failures := map[string]int{"insert": 1, "commitTransaction": 1}
	b := &bank{}
	b.fail = func(c *call) bson.D {
		c.f.mu.Lock()
		defer c.f.mu.Unlock()
		if failures[c.name]--; failures[c.name] >= 0 {
			return refuse(112, "WriteConflict", "TransientTransactionError")
		}
		return nil
	}
	inFake(t, nil, b.answer, func(ctx context.Context, t *testing.T, f *fake) error {
		c := f.client()
		things := c.Database("test").Collection("things")
		calls := 0
		await(ctx, t, c.Transaction(ctx, "thrice", func(ctx context.Context) error {
			calls++
			return insert(ctx, things, 1)
		}))
		if calls != 3 {
			t.Errorf("the function was called %d times, want 3", calls)
		}
		b.wantNotes(t, f, "insert 1", "abortTransaction 1", "insert 2", "commitTransaction 2", "insert 3", "commitTransaction 3")
		return nil
	})
}

// A transaction whose server does not answer ends, and one that is cancelled is
// aborted.
func TestTransactionEnds(t *testing.T) {
	inFake(t, nil, silent, func(ctx context.Context, t *testing.T, f *fake) error {
		c := f.client()
		c.Timeout = 5 * time.Second
		things := c.Database("test").Collection("things")
		wantErr(ctx, t, "a transaction without an answer", c.Transaction(ctx, "silence", func(ctx context.Context) error { return insert(ctx, things, 1) }), aio.ErrTimeout)
		return nil
	})
	b := new(bank)
	inFake(t, nil, b.answer, func(ctx context.Context, t *testing.T, f *fake) error {
		c := f.client()
		things := c.Database("test").Collection("things")
		f1 := c.Transaction(ctx, "cancelled", func(ctx context.Context) error {
			if err := insert(ctx, things, 1); err != nil {
				return err
			}
			<-ctx.Done()
			return context.Cause(ctx)
		})
		time.Sleep(time.Second)
		f1.Cancel(nil)
		wantErr(ctx, t, "a transaction that was cancelled", f1, context.Canceled)
		b.wantNotes(t, f, "insert 1", "abortTransaction 1")
		return nil
	})
}

// A Cursor of a transaction takes its turn among the commands: it fetches no
// batch while another command is in progress.
func TestTransactionCursor(t *testing.T) {
	b := &bank{}
	b.fail = func(c *call) bson.D {
		if c.name == "find" || c.name == "getMore" {
			return numbers(300)(c)
		}
		return nil
	}
	inFake(t, nil, b.answer, func(ctx context.Context, t *testing.T, f *fake) error {
		c := f.client()
		things := c.Database("test").Collection("things")
		n := 0
		await(ctx, t, c.Transaction(ctx, "copy", func(ctx context.Context) error {
			cur, err := things.Find(ctx, bson.D{}).Await(ctx)
			if err != nil {
				return err
			}
			for _, err := range cur.All(ctx) {
				if err != nil {
					return err
				}
				n++
				if err := insert(ctx, things, 1); err != nil {
					return err
				}
			}
			return nil
		}))
		if n != 300 {
			t.Errorf("%d documents came, want 300", n)
		}
		return nil
	})
}

// A Cursor of a transaction ends with its function, before the commit. A batch
// that is being fetched arrives first: a request that is cut off would abort the
// transaction at the server.
func TestTransactionCursorLeft(t *testing.T) {
	for _, name := range []string{"closed", "left"} {
		t.Run(name, func(t *testing.T) {
			b := &bank{}
			cut := 0
			b.fail = func(c *call) bson.D {
				select {
				case <-c.gone:
					cut++
				default:
				}
				if c.name == "find" || c.name == "getMore" {
					return numbers(1000)(c)
				}
				return nil
			}
			inFake(t, nil, b.answer, func(ctx context.Context, t *testing.T, f *fake) error {
				c := f.client()
				things := c.Database("test").Collection("things")
				var left *mongo.Cursor
				await(ctx, t, c.Transaction(ctx, name, func(ctx context.Context) (err error) {
					if left, err = things.Find(ctx, bson.D{}).Await(ctx); err != nil {
						return err
					}
					for range 36 { // and it asks for more
						<-left.C()
					}
					synctest.Wait()
					if name == "closed" {
						left.Close()
					}
					return nil
				}))
				b.wantNotes(t, f, "find 1", "getMore 1", "killCursors 1", "commitTransaction 1")
				for range left.C() {
				}
				var want error
				if name == "left" {
					want = mongo.ErrTransactionOver
				}
				if err := left.Err(); err != want {
					t.Errorf("Err of the Cursor is %v, want %v", err, want)
				}
				if cut > 0 {
					t.Errorf("%d commands were cut off", cut)
				}
				return nil
			})
		})
	}
}

// Commands that wait for their turn when the function returns do not begin.
func TestTransactionOverForWaiting(t *testing.T) {
	b := new(bank)
	inFake(t, nil, b.answer, func(ctx context.Context, t *testing.T, f *fake) error {
		c := f.client()
		things := c.Database("test").Collection("things")
		var all []*aio.Future[*mongo.InsertOneResult]
		await(ctx, t, c.Transaction(ctx, "hasty", func(ctx context.Context) error {
			for range 4 {
				all = append(all, things.InsertOne(aio.Detach(ctx), bson.D{}))
			}
			synctest.Wait()
			return nil
		}))
		over := 0
		for _, f := range all {
			if _, err := f.Await(ctx); errors.Is(err, mongo.ErrTransactionOver) {
				over++
			} else if err != nil {
				t.Error(err)
			}
		}
		if over != 3 {
			t.Errorf("%d of 4 commands were refused, want all but the one in progress", over)
		}
		b.wantNotes(t, f, "insert 1", "commitTransaction 1")
		return nil
	})
}
