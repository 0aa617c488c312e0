package mongo_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/drivers/mongo"
)

// changes is a server's log of changes. Its methods may be called from any
// goroutine of a bubble, and in one bubble after the other.
type changes struct {
	mu   sync.Mutex
	n    int           // how many there are
	more chan struct{} // closed when there are more; nil: nobody waits
	cut  int           // how many clients have gone while they waited for more
	fail func(c *call) bson.D
}

// add adds changes.
func (l *changes) add(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n += n
	if l.more != nil {
		close(l.more)
		l.more = nil
	}
}

// token is that of a change.
func token(n int) bson.D { return bson.D{{Key: "_data", Value: fmt.Sprintf("%08d", n)}} }

// after returns the number of the change that a token is of.
func after(token bson.Raw) (n int) {
	if v, err := token.LookupErr("_data"); err == nil {
		n, _ = strconv.Atoi(v.StringValue())
	}
	return n
}

// from returns the changes behind one, at most three.
func (l *changes) from(key string, n int) bson.D {
	var docs []bson.D
	for ; n < l.n && len(docs) < 3; n++ {
		docs = append(docs, bson.D{{Key: "_id", Value: token(n + 1)}, {Key: "n", Value: n + 1}})
	}
	r := batch(key, int64(n)+1, docs...) // the cursor's ID is where it is
	r[1].Value = append(r[1].Value.(bson.D), bson.E{Key: "postBatchResumeToken", Value: token(n)})
	return r
}

// answer answers for a replica set that has the log.
func (l *changes) answer(c *call) bson.D {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		if r := l.fail(c); r != nil {
			return r
		}
	}
	switch c.name {
	case "aggregate":
		stage := c.doc.Lookup("pipeline", "0", "$changeStream").Document()
		n := l.n
		for _, key := range []string{"resumeAfter", "startAfter"} {
			if v, err := stage.LookupErr(key); err == nil {
				n = after(v.Document())
			}
		}
		return l.from("firstBatch", n)
	case "getMore":
		n := int(c.doc.Lookup("getMore").Int64()) - 1
		patience := time.Second // as real servers have, unless they are told
		if v, err := c.doc.LookupErr("maxTimeMS"); err == nil {
			patience = time.Duration(v.AsInt64()) * time.Millisecond
		}
		wait := time.NewTimer(patience)
		defer wait.Stop()
		for n >= l.n {
			if l.more == nil {
				l.more = make(chan struct{})
			}
			more := l.more
			l.mu.Unlock()
			select {
			case <-more:
				l.mu.Lock()
			case <-wait.C:
				l.mu.Lock()
				return l.from("nextBatch", n)
			case <-c.gone:
				l.mu.Lock()
				l.cut++
				return nil
			}
		}
		return l.from("nextBatch", n)
	}
	return ok
}

// wantChanges receives changes with the numbers from to to.
func wantChanges(t *testing.T, s *mongo.ChangeStream, from, to int) {
	t.Helper()
	for n := from; n <= to; n++ {
		doc, open := <-s.C()
		if !open {
			t.Fatalf("the stream has ended before change %d: %v", n, s.Err())
		}
		if got := doc.Lookup("n").Int32(); int(got) != n {
			t.Fatalf("change %d came, want %d", got, n)
		}
	}
}

// Changes come in order, the loop's drain ends the stream and the wait for more,
// and a new stream goes on where the reader was.
func TestChangeStream(t *testing.T) {
	log := new(changes)
	var resume bson.Raw
	inFake(t, nil, log.answer, func(ctx context.Context, t *testing.T, f *fake) error {
		s := await(ctx, t, f.things().Watch(ctx, bson.A{}))
		log.add(5)
		wantChanges(t, s, 1, 4)
		synctest.Wait()
		resume = s.ResumeToken()
		if got := after(resume); got != 4 {
			t.Errorf("the token is that of change %d, want the last that was received, 4", got)
		}
		aio.LoopOf(ctx).Exit(nil)
		synctest.Wait()
		if _, open := <-s.C(); open {
			t.Error("a change came after the drain had begun")
		}
		if err := s.Err(); err != nil {
			t.Errorf("after a drain Err is %v", err)
		}
		if !slices.Contains(f.calls(), "killCursors") {
			t.Errorf("the server was not told that the stream has ended: %v", f.calls())
		}
		return nil
	})
	log.more = nil
	inFake(t, nil, log.answer, func(ctx context.Context, t *testing.T, f *fake) error {
		s := await(ctx, t, f.client().Watch(ctx, bson.A{}, options.ChangeStream().SetResumeAfter(resume)))
		wantChanges(t, s, 5, 5)
		time.Sleep(time.Minute) // a stream may wait for longer than any timeout
		log.add(1)
		wantChanges(t, s, 6, 6)
		synctest.Wait()
		s.Close()
		if _, open := <-s.C(); open {
			t.Error("a change came after Close")
		}
		synctest.Wait()
		log.mu.Lock()
		defer log.mu.Unlock()
		if log.cut != 1 {
			t.Errorf("%d waits for more changes were cut off, want that of the stream", log.cut)
		}
		return nil
	})
}

// The server may wait for changes for longer than Timeout.
func TestChangeStreamWaits(t *testing.T) {
	log := new(changes)
	inFake(t, nil, log.answer, func(ctx context.Context, t *testing.T, f *fake) error {
		c := f.client()
		c.Timeout = 5 * time.Second
		s := await(ctx, t, c.Watch(ctx, bson.A{}, options.ChangeStream().SetMaxAwaitTime(time.Minute)))
		time.Sleep(30 * time.Second)
		log.add(1)
		wantChanges(t, s, 1, 1)
		if got, want := f.calls(), []string{"aggregate", "getMore"}; !slices.Equal(got[:2], want) || len(got) > 3 {
			t.Errorf("the commands %v came, want %v and perhaps the next one", got, want)
		}
		s.Close()
		return nil
	})
}

// A stream that is begun while the loop drains ends at once.
func TestChangeStreamWhileDraining(t *testing.T) {
	log := new(changes)
	inFake(t, nil, log.answer, func(ctx context.Context, t *testing.T, f *fake) error {
		aio.LoopOf(ctx).Exit(nil)
		<-aio.Draining(ctx)
		s := await(ctx, t, f.things().Watch(ctx, bson.A{}))
		begun := time.Now()
		for range s.C() {
		}
		if took := time.Since(begun); took > 0 || s.Err() != nil {
			t.Errorf("the stream ended after %v with the error %v, want at once", took, s.Err())
		}
		return nil
	})
}

// All yields decoded changes, and closes the stream when its loop ends.
func TestChangeStreamAll(t *testing.T) {
	log := new(changes)
	inFake(t, nil, log.answer, func(ctx context.Context, t *testing.T, f *fake) error {
		s := await(ctx, t, f.client().Database("test").Watch(ctx, bson.A{}))
		log.add(7)
		want := 1
		for change, err := range mongo.All[struct{ N int }](ctx, s) {
			if err != nil || change.N != want {
				t.Fatalf("change %d is %+v, %v", want, change, err)
			}
			if want++; want > 7 {
				break
			}
		}
		synctest.Wait()
		for o := range aio.LoopOf(ctx).Ops() {
			if o.Kind.String() == "mongo.stream" {
				t.Errorf("the stream is left: %+v", o)
			}
		}
		return nil
	})
}

// The driver goes on after connections have broken, and after the server says
// that it may.
func TestChangeStreamResumes(t *testing.T) {
	log := new(changes)
	var rec aiotest.Recorder
	inFake(t, &aio.Loop{OnEvent: rec.OnEvent}, log.answer, func(ctx context.Context, t *testing.T, f *fake) error {
		s := await(ctx, t, f.things().Watch(ctx, bson.A{}))
		for round := range 5 {
			log.add(4)
			wantChanges(t, s, round*4+1, round*4+2)
			if round%2 == 0 {
				f.breakAll()
			} else {
				once := true
				log.mu.Lock()
				log.fail = func(c *call) bson.D {
					if c.name != "getMore" || !once {
						return nil
					}
					once = false
					return refuse(91, "ShutdownInProgress", "ResumableChangeStreamError")
				}
				log.mu.Unlock()
			}
			wantChanges(t, s, round*4+3, round*4+4)
		}
		s.Close()
		return nil
	})
}

// A stream ends with an error when no server answers any more, when the server
// has no more, when it is refused, and when it is cancelled.
func TestChangeStreamEnds(t *testing.T) {
	cause := errors.New("enough")
	for _, test := range []struct {
		name   string
		fail   func(c *call) bson.D
		cancel bool
		want   func(err error) bool
	}{
		{"silence", func(c *call) bson.D { return bson.D{} }, false, func(err error) bool { return errors.Is(err, aio.ErrTimeout) }},
		{"refused", func(c *call) bson.D { return refuse(280, "ChangeStreamFatalError") }, false, func(err error) bool { return err != nil }},
		{"over", func(c *call) bson.D { return batch("nextBatch", 0) }, false, func(err error) bool { return err == nil }},
		{"cancelled", nil, true, func(err error) bool { return err == cause }},
	} {
		t.Run(test.name, func(t *testing.T) {
			log := new(changes)
			if test.fail != nil {
				log.fail = func(c *call) bson.D {
					if c.name != "getMore" {
						return nil
					}
					return test.fail(c)
				}
			}
			answer := func(c *call) bson.D {
				if r := log.answer(c); len(r) > 0 {
					return r
				}
				return nil
			}
			inFake(t, nil, answer, func(ctx context.Context, t *testing.T, f *fake) error {
				work := aio.Go(ctx, "work", func(ctx context.Context) (*mongo.ChangeStream, error) {
					return f.things().Watch(ctx, bson.A{}).Await(ctx)
				})
				s := await(ctx, t, work)
				if test.cancel {
					time.Sleep(10 * time.Second)
					for o := range aio.LoopOf(ctx).Refs() {
						if o.Kind().String() == "mongo.stream" {
							o.Cancel(cause)
						}
					}
				}
				for doc := range s.C() {
					t.Errorf("a change came: %v", doc)
				}
				if err := s.Err(); !test.want(err) {
					t.Errorf("Err is %v", err)
				}
				return nil
			})
		})
	}
}

// The token is that of the change that the loop over All has, at once.
func TestChangeStreamAllToken(t *testing.T) {
	log := new(changes)
	inFake(t, nil, log.answer, func(ctx context.Context, t *testing.T, f *fake) error {
		s := await(ctx, t, f.things().Watch(ctx, bson.A{}))
		log.add(7)
		want := 1
		for _, err := range s.All(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			if got := after(s.ResumeToken()); got != want {
				t.Errorf("the token at change %d is that of %d", want, got)
			}
			synctest.Wait() // the stream waits with the next change
			if want++; want > 7 {
				break
			}
		}
		return nil
	})
}
