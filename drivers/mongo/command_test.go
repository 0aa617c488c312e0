package mongo_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
	"goaio.example/drivers/mongo"
)

// silent answers nothing.
func silent(*call) bson.D { return nil }

// A command and its connection are operations of the loop: a silent server's
// are there to be looked at.
func TestOperations(t *testing.T) {
	inFake(t, nil, silent, func(ctx context.Context, t *testing.T, f *fake) error {
		find := f.things().Find(ctx, bson.D{})
		synctest.Wait()
		var got []string
		names := make(map[uint64]string)
		var parents []uint64
		for o := range aio.LoopOf(ctx).Ops() {
			names[o.ID] = o.Name
			switch kind := o.Kind.String(); kind {
			case "tcp.conn.out":
				parents = append(parents, o.Parent)
			case "aio.main":
			default:
				got = append(got, kind+" "+o.Name)
			}
		}
		slices.Sort(got)
		if want := []string{"mongo.client " + fakeAddr, "mongo.read find test.things"}; !slices.Equal(got, want) {
			t.Errorf("the operations are %q, want %q", got, want)
		}
		if len(parents) < 2 {
			t.Errorf("there are %d connections, want one of the driver's monitor and one of the command", len(parents))
		}
		for _, p := range parents {
			if names[p] != fakeAddr {
				t.Errorf("a connection's parent is %q, want the client", names[p])
			}
		}
		find.Cancel(nil)
		wantErr(ctx, t, "a Find that was cancelled", find, context.Canceled)
		return nil
	})
}

// Everything that waits for a server that does not answer ends: by Timeout, by
// ctx, and by a cancellation.
func TestSilence(t *testing.T) {
	inFake(t, nil, silent, func(ctx context.Context, t *testing.T, f *fake) error {
		c := f.client()
		c.Timeout = 7 * time.Second
		things := c.Database("test").Collection("things")
		begun := time.Now()
		_, err := things.InsertOne(ctx, bson.D{}).Await(ctx)
		if !errors.Is(err, aio.ErrTimeout) || !driver.IsTimeout(err) || !strings.Contains(err.Error(), "insertOne test.things") {
			t.Errorf("an insert without an answer fails with %v; want an aio.ErrTimeout that names it", err)
		}
		if took := time.Since(begun); took != c.Timeout {
			t.Errorf("it took %v, want %v", took, c.Timeout)
		}
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		wantErr(ctx, t, "a count whose ctx has ended", things.CountDocuments(short, bson.D{}), context.DeadlineExceeded)
		cause := errors.New("enough")
		own, end := context.WithCancelCause(ctx)
		f1 := things.FindOne(own, bson.D{})
		synctest.Wait()
		end(cause)
		if _, err := f1.Await(ctx); err != cause {
			t.Errorf("a FindOne whose ctx was cancelled fails with %v, want its cause", err)
		}
		return nil
	})
}

// A server that does not even answer the handshake.
func TestBlackHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network aiotest.Network
		if err := network.BlackHole(fakeAddr); err != nil {
			t.Fatalf("network.BlackHole: %v", err)
		}
		var rec aiotest.Recorder
		aiotest.RunLoop(t, &aio.Loop{OnEvent: rec.OnEvent}, func(ctx context.Context) error {
			c := &mongo.Client{URI: "mongodb://" + fakeAddr, Dialer: tcp.Dialer{DialContext: network.DialContext}, Timeout: time.Second}
			wantErr(ctx, t, "a ping", c.Ping(ctx), aio.ErrTimeout)
			return nil
		})
	})
}

// A dial that the driver has given up ends.
func TestDialGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network aiotest.Network
		if err := network.BlackHole(fakeAddr); err != nil {
			t.Fatal(err)
		}
		var rec aiotest.Recorder
		aiotest.RunLoop(t, &aio.Loop{OnEvent: rec.OnEvent}, func(ctx context.Context) error {
			c := &mongo.Client{URI: "mongodb://" + fakeAddr + "/?connectTimeoutMS=500"}
			c.Dialer = tcp.Dialer{DialContext: network.DialContext, Timeout: time.Hour}
			c.Timeout = 20 * time.Second
			wantErr(ctx, t, "a ping", c.Ping(ctx), aio.ErrTimeout)
			if n := len(rec.Events()); n != 1 {
				t.Errorf("%d events, want one: the driver's monitor has given up", n)
			}
			return nil
		})
	})
}

// A connection that breaks in the middle of a command: a read and a write are
// repeated by the driver. A server that breaks each fails them when their time
// is over.
func TestHangUp(t *testing.T) {
	for _, breaks := range []int{1, 1 << 30} {
		var rec aiotest.Recorder
		left := breaks
		answer := func(c *call) bson.D {
			if c.name != "insert" && c.name != "find" {
				return ok
			}
			c.f.mu.Lock()
			left--
			again := left >= 0
			c.f.mu.Unlock()
			if again {
				return c.hangUp()
			}
			if c.name == "find" {
				return batch("firstBatch", 0, bson.D{{Key: "_id", Value: 1}})
			}
			return bson.D{{Key: "ok", Value: 1}, {Key: "n", Value: 1}}
		}
		inFake(t, &aio.Loop{OnEvent: rec.OnEvent}, answer, func(ctx context.Context, t *testing.T, f *fake) error {
			things := f.things()
			_, err := things.InsertOne(ctx, bson.D{}).Await(ctx)
			_, err2 := things.FindOne(ctx, bson.D{}).Await(ctx)
			if breaks == 1 && (err != nil || err2 != nil) {
				t.Errorf("after one broken connection InsertOne fails with %v, FindOne with %v; want none", err, err2)
			}
			for _, err := range []error{err, err2} {
				// the time may also end while the driver waits for a server
				if breaks > 1 && !driver.IsNetworkError(err) && !errors.Is(err, aio.ErrTimeout) {
					t.Errorf("with each connection broken a command fails with %v, want a network error or aio.ErrTimeout", err)
				}
			}
			if n := len(f.calls()); breaks > 1 && n <= 4 {
				t.Errorf("with each connection broken %d commands came, want more than one repetition of each", n)
			}
			return nil
		})
	}
}

// Credentials that the server refuses fail the command, with the server's word.
func TestWrongCredentials(t *testing.T) {
	answer := func(c *call) bson.D {
		if c.name == "saslStart" {
			return refuse(18, "AuthenticationFailed")
		}
		return ok
	}
	var rec aiotest.Recorder
	inFake(t, &aio.Loop{OnEvent: rec.OnEvent}, answer, func(ctx context.Context, t *testing.T, f *fake) error {
		c := f.client()
		c.URI = "mongodb://who:secret@" + fakeAddr
		begun := time.Now()
		_, err := c.Ping(ctx).Await(ctx)
		if err == nil || !strings.Contains(err.Error(), "AuthenticationFailed") {
			t.Errorf("a ping with wrong credentials fails with %v, want AuthenticationFailed", err)
		}
		if took := time.Since(begun); took >= 10*time.Second {
			t.Errorf("it took %v, want no wait for a server", took)
		}
		for o := range aio.LoopOf(ctx).Ops() {
			if strings.Contains(o.Name, "secret") {
				t.Errorf("an operation has the password in its name: %s", o.Name)
			}
		}
		return nil
	})
}

// A command in progress has Grace when the loop drains, and a new one may be
// begun by work in progress.
func TestDrain(t *testing.T) {
	answer := func(c *call) bson.D {
		c.wait(time.Second)
		return ok
	}
	inFake(t, &aio.Loop{Grace: 3 * time.Second}, answer, func(ctx context.Context, t *testing.T, f *fake) error {
		c := f.client()
		first := c.Ping(ctx)
		synctest.Wait()
		aio.LoopOf(ctx).Exit(nil)
		await(ctx, t, first)
		await(ctx, t, c.Ping(ctx))
		return nil
	})
}

// What Grace cuts off fails with the loop's cause, and nothing is left.
func TestGraceCutsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startFake(t, silent)
		var err error
		l := &aio.Loop{Grace: time.Second}
		aiotest.Runner{Loop: l, Overdue: true}.Run(t, func(ctx context.Context) error {
			ping := f.client().Ping(ctx)
			aio.LoopOf(ctx).Exit(nil)
			_, err = ping.Await(context.WithoutCancel(ctx))
			return nil
		})
		if err == nil || errors.Is(err, aio.ErrTimeout) {
			t.Errorf("a ping that Grace cut off fails with %v, want the loop's cause", err)
		}
	})
}

// Cancellations at all moments of commands: nothing hangs, nothing is left, and
// the commands that are not cancelled are answered.
func TestCancelAnywhere(t *testing.T) {
	answer := func(c *call) bson.D {
		c.wait(10 * time.Millisecond)
		if c.name == "find" {
			return batch("firstBatch", 0, bson.D{{Key: "_id", Value: 1}})
		}
		return ok
	}
	synctest.Test(t, func(t *testing.T) {
		f := startFake(t, answer)
		f.network.Latency = 5 * time.Millisecond
		var rec aiotest.Recorder
		aiotest.RunLoop(t, &aio.Loop{OnEvent: rec.OnEvent}, func(ctx context.Context) error {
			things := f.things()
			for after := range 60 {
				var kept, dropped []*aio.Future[*mongo.SingleResult]
				short, cancel := context.WithCancelCause(ctx)
				for range 5 {
					dropped = append(dropped, things.FindOne(short, bson.D{}))
					kept = append(kept, things.FindOne(ctx, bson.D{}))
				}
				time.Sleep(time.Duration(after) * time.Millisecond)
				cancel(context.Canceled)
				for i := range kept {
					await(ctx, t, kept[i])
					if _, err := dropped[i].Await(ctx); err != nil && err != context.Canceled {
						t.Errorf("after %d ms: a command that was cancelled fails with %v", after, err)
					}
				}
			}
			return nil
		})
	})
}
