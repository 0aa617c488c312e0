package mongo_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/drivers/mongo"
)

// numbers answers for a collection of total documents, in batches of 100.
func numbers(total int) func(c *call) bson.D {
	return func(c *call) bson.D {
		key, n := "firstBatch", 0
		switch c.name {
		case "find":
		case "getMore":
			key, n = "nextBatch", int(c.doc.Lookup("getMore").Int64())
		default:
			return ok
		}
		var docs []bson.D
		for len(docs) < 100 && n < total {
			docs = append(docs, bson.D{{Key: "_id", Value: n}})
			n++
		}
		if n == total {
			n = 0
		}
		return batch(key, int64(n), docs...)
	}
}

// A Cursor's documents come in order, by All and by C.
func TestCursorReads(t *testing.T) {
	inFake(t, nil, numbers(950), func(ctx context.Context, t *testing.T, f *fake) error {
		n := 0
		for doc, err := range mongo.All[struct {
			ID int `bson:"_id"`
		}](ctx, await(ctx, t, f.things().Find(ctx, bson.D{}))) {
			if err != nil || doc.ID != n {
				t.Fatalf("document %d is %+v, %v", n, doc, err)
			}
			n++
		}
		cur := await(ctx, t, f.things().Find(ctx, bson.D{}))
		m := 0
		for doc := range cur.C() {
			if got := int(doc.Lookup("_id").Int32()); got != m {
				t.Fatalf("document %d came, want %d", got, m)
			}
			m++
		}
		if n != 950 || m != 950 || cur.Err() != nil {
			t.Errorf("All yielded %d documents, C %d, want 950; Err is %v", n, m, cur.Err())
		}
		return nil
	})
}

// A reader that stops early closes the cursor, and the server is told. What is
// fetched ahead is bounded.
func TestCursorClosedEarly(t *testing.T) {
	inFake(t, nil, numbers(1<<20), func(ctx context.Context, t *testing.T, f *fake) error {
		cur := await(ctx, t, f.things().Find(ctx, bson.D{}))
		for _, err := range cur.All(ctx) {
			if err != nil {
				t.Fatalf("unexpected error: %v", err)
			}
			synctest.Wait() // fetches as much as it may
			break
		}
		synctest.Wait()
		if got, want := f.calls(), []string{"find", "killCursors"}; !slices.Equal(got, want) {
			t.Errorf("the commands %v came, want %v", got, want)
		}
		for range cur.C() { // closed, behind what was there
		}
		if err := cur.Err(); err != nil {
			t.Errorf("after an early end Err is %v", err)
		}
		return nil
	})
}

// A Cursor goes on while the loop drains.
func TestCursorDrains(t *testing.T) {
	inFake(t, nil, numbers(500), func(ctx context.Context, t *testing.T, f *fake) error {
		cur := await(ctx, t, f.things().Find(ctx, bson.D{}))
		aio.LoopOf(ctx).Exit(nil)
		n := 0
		for _, err := range cur.All(ctx) {
			if err != nil {
				t.Fatalf("unexpected error: %v", err)
			}
			n++
		}
		if n != 500 {
			t.Errorf("%d documents came while the loop drained, want 500", n)
		}
		return nil
	})
}

// A getMore that is not answered, a reader whose ctx ends, a parent that fails.
func TestCursorEnds(t *testing.T) {
	answer := func(c *call) bson.D {
		if c.name == "getMore" {
			return nil
		}
		return numbers(1000)(c)
	}
	inFake(t, nil, answer, func(ctx context.Context, t *testing.T, f *fake) error {
		c := f.client()
		c.Timeout = 5 * time.Second
		things := c.Database("test").Collection("things")
		var last error
		n := 0
		for _, err := range await(ctx, t, things.Find(ctx, bson.D{})).All(ctx) {
			if last = err; err == nil {
				n++
			}
		}
		if n != 100 || !errors.Is(last, aio.ErrTimeout) {
			t.Errorf("%d documents came and the error %v, want 100 and an aio.ErrTimeout", n, last)
		}
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		for _, err := range await(ctx, t, things.Find(ctx, bson.D{})).All(short) {
			last = err
		}
		if last != context.DeadlineExceeded {
			t.Errorf("the last error is %v, want that of the reader's ctx", last)
		}
		cause := errors.New("enough")
		work := aio.Go(ctx, "work", func(ctx context.Context) (*mongo.Cursor, error) {
			cur, err := things.Find(ctx, bson.D{}).Await(ctx)
			return cur, errors.Join(err, cause)
		})
		cur, _ := work.Await(ctx)
		begun := time.Now()
		for range cur.C() {
		}
		if took := time.Since(begun); cur.Err() == nil || took > 0 {
			t.Errorf("a Cursor whose parent failed ended after %v with the error %v, want one at once", took, cur.Err())
		}
		return nil
	})
}

// A tailable cursor waits for documents, and does not ask all the time where the
// server does not wait.
func TestCursorTails(t *testing.T) {
	answer := func(c *call) bson.D {
		switch c.name {
		case "find":
			return batch("firstBatch", 1, bson.D{{Key: "_id", Value: 1}})
		case "getMore":
			if c.doc.Lookup("getMore").Int64() == 1 && len(c.f.calls()) > 20 {
				return batch("nextBatch", 0, bson.D{{Key: "_id", Value: 2}})
			}
			return batch("nextBatch", 1)
		}
		return ok
	}
	inFake(t, nil, answer, func(ctx context.Context, t *testing.T, f *fake) error {
		begun := time.Now()
		o := options.Find().SetCursorType(options.TailableAwait).SetMaxAwaitTime(2 * time.Second)
		n := 0
		for _, err := range await(ctx, t, f.things().Find(ctx, bson.D{}, o)).All(ctx) {
			if err != nil {
				t.Fatalf("unexpected error: %v", err)
			}
			n++
		}
		if took := time.Since(begun); n != 2 || took < 900*time.Millisecond {
			t.Errorf("%d documents came in %v, want 2, with 20 waits of 50 ms", n, took)
		}
		return nil
	})
}

// Cancellations at all moments of a cursor's life leave nothing.
func TestCursorCancelledAnywhere(t *testing.T) {
	answer := func(c *call) bson.D {
		c.wait(3 * time.Millisecond)
		return numbers(1000)(c)
	}
	synctest.Test(t, func(t *testing.T) {
		f := startFake(t, answer)
		for after := range 50 {
			aiotest.Run(t, func(ctx context.Context) error {
				short, cancel := context.WithTimeout(ctx, time.Duration(after)*time.Millisecond)
				defer cancel()
				cur, err := f.things().Find(short, bson.D{}).Await(ctx)
				if err != nil {
					return nil // cancelled before its answer
				}
				for range cur.All(short) {
				}
				return nil
			})
		}
	})
}
