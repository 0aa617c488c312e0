package beanstalk_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/beanstalk"
)

// session puts a job, reserves it, and does all that can be done with it. It
// returns the first error.
func session(ctx context.Context, c *beanstalk.Client) error {
	id, err := c.Put(ctx, "a", []byte("hello"), beanstalk.PutOptions{TTR: time.Hour}).Await(ctx)
	if err != nil {
		return err
	}
	cons := &beanstalk.Consumer{Client: c, Tubes: []string{"a"}, Stats: true}
	j, err := cons.Reserve(ctx).Await(ctx)
	if err != nil {
		return err
	}
	for _, f := range []func() error{
		func() error { return errOf(ctx, j.Touch(ctx)) },
		func() error { return errOf(ctx, j.Stats(ctx)) },
		func() error { return errOf(ctx, cons.Watch(ctx, "b")) },
		func() error { return errOf(ctx, cons.Watched(ctx)) },
		func() error { return errOf(ctx, c.Stats(ctx)) },
		func() error { return errOf(ctx, j.Bury(ctx, 1)) },
		func() error { return errOf(ctx, c.Kick(ctx, "a", 1)) },
		func() error {
			j, err = cons.ReserveWithin(ctx, 0).Await(ctx)
			return err
		},
		func() error { return errOf(ctx, j.Release(ctx, 1, 0)) },
		func() error {
			j, err = cons.ReserveJob(ctx, id).Await(ctx)
			return err
		},
		func() error { return errOf(ctx, j.Delete(ctx)) },
	} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// The ctx ends at every moment at which it is looked at: what was asked for
// ends with its cause, and nothing is left. Afterwards no job is reserved.
func TestEachCancel(t *testing.T) {
	aiotest.EachCancel(t, func(t *testing.T, looks *aiotest.Looks) {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			defer f.stop()
			synctest.Wait()
			aiotest.Run(t, func(ctx context.Context) error {
				err := session(looks.Context(ctx), f.client())
				if looks.Reached() && err != nil && !errors.Is(err, looks.Cause()) {
					t.Errorf("%v, want the cause", err)
				}
				if !looks.Reached() && err != nil {
					t.Errorf("session: %v", err)
				}
				return nil
			})
			synctest.Wait()
			for id := range f.all() {
				if got := f.state(id); got == "reserved" {
					t.Errorf("job %d is still reserved", id)
				}
			}
		})
	})
}

// Every read and every write fails in turn: the operation that it was for
// fails, and a second session, on good connections, is as it should be.
func TestEachFault(t *testing.T) {
	aiotest.EachFault(t, func(t *testing.T, plan aiotest.Plan) {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			defer f.stop()
			synctest.Wait()
			good := f.client()
			c := f.client()
			first := true
			c.Dialer.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				nc, err := good.Dialer.DialContext(ctx, network, addr)
				if err == nil && first {
					first = false
					nc = aiotest.Faulty(nc, plan)
				}
				return nc, err
			}
			aiotest.Run(t, func(ctx context.Context) error {
				err := session(ctx, c)
				if err != nil && !errors.Is(err, beanstalk.ErrUnanswered) && !errors.Is(err, beanstalk.ErrJobLost) && !errors.Is(err, aio.ErrConn) {
					t.Errorf("%v, want an error of the connection", err)
				}
				for id := range f.all() {
					want(t, "delete what is left", errOf(ctx, eventuallyFree(ctx, f, good, id)))
				}
				return session(ctx, good)
			})
		})
	})
}

// eventuallyFree deletes a job once no connection has reserved it.
func eventuallyFree(ctx context.Context, f *fake, c *beanstalk.Client, id uint64) *aio.Future[struct{}] {
	c.CloseIdle()
	time.Sleep(2 * time.Hour) // its TTR
	if f.state(id) == "" {
		return aio.Resolved(struct{}{})
	}
	return c.Delete(ctx, id)
}
