package nats_test

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"goaio.example/aio"
	"goaio.example/drivers/nats"
)

func TestBucket(t *testing.T) {
	c := client(startServer(t))
	run(t, func(ctx context.Context) error {
		b := c.Bucket(jetstream.KeyValueConfig{Bucket: "conf"})
		wantErr(ctx, t, "Get of no key", b.Get(ctx, "a"), nats.ErrKeyNotFound)
		r1 := await(ctx, t, b.Create(ctx, "a", []byte("1")))
		wantErr(ctx, t, "a second Create", b.Create(ctx, "a", nil), nats.ErrKeyExists)
		r2 := await(ctx, t, b.Update(ctx, "a", []byte("2"), r1))
		wantErr(ctx, t, "Update of an old revision", b.Update(ctx, "a", nil, r1), nats.ErrRevision)
		if e := await(ctx, t, b.Get(ctx, "a")); e.Key != "a" || string(e.Value) != "2" || e.Revision != r2 || e.Created.IsZero() || e.Deleted {
			t.Errorf("Get returned %+v, want the value 2 of revision %d", e, r2)
		}
		if r3 := await(ctx, t, b.Put(ctx, "a", []byte("3"))); r3 <= r2 {
			t.Errorf("the revision of a Put is %d after %d", r3, r2)
		}
		await(ctx, t, b.Delete(ctx, "a"))
		wantErr(ctx, t, "Get of a deleted key", b.Get(ctx, "a"), nats.ErrKeyNotFound)
		wantErr(ctx, t, "Put of a bad key", b.Put(ctx, "a b", nil), jetstream.ErrInvalidKey)
		return nil
	})
}

func TestWatch(t *testing.T) {
	c := client(startServer(t))
	run(t, func(ctx context.Context) error {
		b := c.Bucket(jetstream.KeyValueConfig{Bucket: "conf"})
		await(ctx, t, b.Put(ctx, "a.1", []byte("1")))
		await(ctx, t, b.Put(ctx, "b.1", []byte("no")))
		w := await(ctx, t, b.Watch(ctx, "a.*"))
		if e := receive(t, w.C()); e.Key != "a.1" || string(e.Value) != "1" {
			t.Errorf("the first is %+v, want what was there", e)
		}
		<-w.Ready()
		await(ctx, t, b.Put(ctx, "a.2", []byte("2")))
		await(ctx, t, b.Delete(ctx, "a.1"))
		if e := receive(t, w.C()); e.Key != "a.2" || string(e.Value) != "2" || e.Deleted {
			t.Errorf("the second is %+v, want a.2", e)
		}
		if e := receive(t, w.C()); e.Key != "a.1" || !e.Deleted {
			t.Errorf("the third is %+v, want the deletion of a.1", e)
		}
		for range 1000 { // more than nats.go buffers, and no one receives
			b.Put(ctx, "a.3", []byte("3"))
		}
		w.Close()
		for _, err := range w.All(ctx) {
			if err != nil {
				t.Errorf("All yielded the error %v", err)
			}
		}
		await(ctx, t, b.Watch(ctx))
		aio.LoopOf(ctx).Exit(nil) // ends the second one
		return nil
	})
}
