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

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
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

// Settings that are wrong fail the command, and are read again for the next
// one.
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
