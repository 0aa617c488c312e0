package beanstalk_test

import (
	"context"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/beanstalk"
)

func TestSmoke(t *testing.T) {
	b := realServer(t)
	aiotest.Run(t, func(ctx context.Context) error {
		c := &beanstalk.Client{Addr: b.addr}
		cons := c.Consumer("a", "b")
		cons.Stats = true
		f := cons.Reserve(ctx)
		id, err := c.Put(ctx, "a", []byte("hello"), beanstalk.PutOptions{TTR: 5 * time.Second}).Await(ctx)
		t.Log(id, err)
		j, err := f.Await(ctx)
		if err != nil {
			return err
		}
		t.Log(j.ID, string(j.Body), j.Deadline())
		st, err := c.Stats(ctx).Await(ctx)
		t.Logf("%+v %v", st, err)
		ts, err := c.StatsTube(ctx, "a").Await(ctx)
		t.Logf("%+v %v", ts, err)
		js, err := j.Stats(ctx).Await(ctx)
		t.Logf("%+v %v", js, err)
		l, err := c.ListTubes(ctx).Await(ctx)
		t.Log(l, err)
		l, err = cons.Watched(ctx).Await(ctx)
		t.Log(l, err)
		_, err = j.Delete(ctx).Await(ctx)
		if err != nil {
			return err
		}
		var fs []*aio.Future[*beanstalk.Job]
		for range 100 {
			fs = append(fs, cons.Reserve(ctx))
		}
		for i := range 100 {
			c.Put(ctx, []string{"a", "b"}[i%2], []byte("x"), beanstalk.PutOptions{})
		}
		for _, f := range fs {
			j, err := f.Await(ctx)
			if err != nil {
				return err
			}
			if _, err := j.Delete(ctx).Await(ctx); err != nil {
				return err
			}
		}
		st, err = c.Stats(ctx).Await(ctx)
		t.Logf("%+v %v", st, err)
		_, err = cons.ReserveWithin(ctx, time.Second).Await(ctx)
		t.Log(err)
		_, err = cons.ReserveWithin(ctx, 0).Await(ctx)
		t.Log(err)
		return nil
	})
}
