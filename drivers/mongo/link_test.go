package mongo_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
	"goaio.example/drivers/mongo"
)

// Disconnect waits for what is in progress, ends the sessions and closes the
// connections. What is used later connects again.
func TestDisconnect(t *testing.T) {
	answer := func(c *call) bson.D {
		if c.name == "ping" {
			c.wait(time.Second)
		}
		return ok
	}
	inFake(t, nil, answer, func(ctx context.Context, t *testing.T, f *fake) error {
		c := f.client()
		await(ctx, t, c.Disconnect(ctx)) // there is nothing yet
		ping := c.Ping(ctx)
		synctest.Wait()
		await(ctx, t, c.Disconnect(ctx))
		synctest.Wait()
		if _, err := ping.Result(); err != nil {
			t.Errorf("the ping in progress: %v", err)
		}
		if got, want := f.calls(), []string{"ping", "endSessions"}; !slices.Equal(got, want) {
			t.Errorf("the commands %v came, want %v", got, want)
		}
		if n := f.open(); n != 0 {
			t.Errorf("%d connections are left", n)
		}
		await(ctx, t, c.Ping(ctx))
		return nil
	})
}

// A Disconnect whose ctx ends cuts off what is in progress.
func TestDisconnectCutsOff(t *testing.T) {
	inFake(t, nil, silent, func(ctx context.Context, t *testing.T, f *fake) error {
		c := f.client()
		ping := c.Ping(ctx)
		synctest.Wait()
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		wantErr(ctx, t, "Disconnect", c.Disconnect(short), context.DeadlineExceeded)
		if _, err := ping.Await(ctx); err == nil {
			t.Error("a ping that was cut off has no error")
		}
		synctest.Wait()
		if n := f.open(); n != 0 {
			t.Errorf("%d connections are left", n)
		}
		return nil
	})
}

// A server that is gone is one event, and a command waits until it is back.
func TestServerComesBack(t *testing.T) {
	var rec aiotest.Recorder
	answer := func(*call) bson.D { return bson.D{{Key: "ok", Value: 1}, {Key: "n", Value: 1}} }
	inFake(t, &aio.Loop{OnEvent: rec.OnEvent}, answer, func(ctx context.Context, t *testing.T, f *fake) error {
		things := f.things()
		await(ctx, t, things.InsertOne(ctx, bson.D{}))
		f.stop()
		insert := things.InsertOne(ctx, bson.D{})
		time.Sleep(20 * time.Second)
		f.listen(t)
		await(ctx, t, insert)
		events := rec.Events()
		if len(events) != 1 || !events[0].Served || !errors.Is(events[0].Err, aio.ErrConn) {
			t.Errorf("the events are %v, want one of a connection, Served", events)
		}
		f.stop()
		return nil
	})
}

// A client of several loops has a connection in each, and none when they have
// ended.
func TestTwoLoops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startFake(t, func(*call) bson.D { return ok })
		c := f.client()
		for range 2 {
			aiotest.Run(t, func(ctx context.Context) error {
				await(ctx, t, c.Ping(ctx))
				return nil
			})
			synctest.Wait()
			if n := f.open(); n != 0 {
				t.Errorf("%d connections are left", n)
			}
		}
		if _, err := c.Ping(t.Context()).Result(); !errors.Is(err, aio.ErrNoLoop) {
			t.Errorf("without a loop: %v", err)
		}
	})
}

// Settings that are wrong fail the command, and are read again for the next one.
func TestWrongSettings(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		for _, uri := range []string{"http://x", "mongodb://x/?w=0&journal=true", "mongodb+srv://a:27017", "mongodb://u:p@:x"} {
			c := &mongo.Client{URI: uri}
			_, err := c.Ping(ctx).Await(ctx)
			if err == nil || !strings.Contains(err.Error(), "mongo: cannot connect") {
				t.Errorf("%s: the error is %v", uri, err)
			}
		}
		return nil
	})
}

// A Disconnect whose ctx ends does not wait for the reader of a Cursor.
func TestDisconnectCutsOffCursor(t *testing.T) {
	inFake(t, nil, numbers(1<<20), func(ctx context.Context, t *testing.T, f *fake) error {
		c := f.client()
		cur := await(ctx, t, c.Database("test").Collection("things").Find(ctx, bson.D{}))
		synctest.Wait() // it has fetched as much as it may
		begun := time.Now()
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		wantErr(ctx, t, "Disconnect", c.Disconnect(short), context.DeadlineExceeded)
		if took := time.Since(begun); took != time.Second {
			t.Errorf("Disconnect took %v, want 1s, when its ctx ended", took)
		}
		for range cur.C() {
		}
		if cur.Err() == nil {
			t.Error("a Cursor that was cut off has no error")
		}
		synctest.Wait()
		if n := f.open(); n != 0 {
			t.Errorf("%d connections are left", n)
		}
		return nil
	})
}

// The client's name has no part of a password, even if the URI is wrong.
func TestClientName(t *testing.T) {
	for uri, want := range map[string]string{
		"mongodb://a:1,b:2/?appName=x":          "a:1,b:2",
		"mongodb://u:p@a:1/db":                  "a:1",
		"mongodb://u:sec/ret@a:1/db":            "a:1",
		"mongodb://u:sec?ret@a:1/?appName=x":    "a:1",
		"mongodb://%2Ftmp%2Fmongodb.sock/?w=1":  "/tmp/mongodb.sock",
		"mongodb+srv://u:sec@ret@cluster:1/?w=": "cluster:1",
	} {
		var got atomic.Value
		var rec aiotest.Recorder // that no server is there
		l := &aio.Loop{OnEvent: rec.OnEvent, Observe: aio.Observer{Began: func(op aio.OpInfo) {
			if op.Kind.String() == "mongo.client" {
				got.Store(op.Name)
			}
		}}}
		inFake(t, l, silent, func(ctx context.Context, t *testing.T, f *fake) error {
			c := f.client()
			c.URI, c.Timeout = uri, time.Second
			if _, err := c.Ping(ctx).Await(ctx); err == nil {
				t.Errorf("a ping of %s has no error", uri)
			}
			return nil
		})
		if got.Load() != want {
			t.Errorf("the client of %s has the name %q, want %q", uri, got.Load(), want)
		}
	}
}

// hanging is a resolver that answers nothing.
type hanging struct{ tcp.Resolver }

func (hanging) LookupSRV(ctx context.Context, _, _, _ string) (string, []*net.SRV, error) {
	<-ctx.Done()
	return "", nil, ctx.Err()
}

func (hanging) LookupTXT(context.Context, string) ([]string, error) { return nil, nil }

// A Disconnect whose ctx ends leaves no client that is still being made.
func TestDisconnectCutsOffLookup(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		c := &mongo.Client{URI: "mongodb+srv://cluster.a.test", Dialer: tcp.Dialer{Resolver: hanging{}}}
		ping := c.Ping(ctx)
		synctest.Wait()
		ping.Cancel(nil)
		wantErr(ctx, t, "a ping that was cancelled", ping, context.Canceled)
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		wantErr(ctx, t, "Disconnect", c.Disconnect(short), context.DeadlineExceeded)
		synctest.Wait()
		for o := range aio.LoopOf(ctx).Ops() {
			if o.Kind.String() == "mongo.client" {
				t.Errorf("the client is left: %+v", o)
			}
		}
		return nil
	})
}
