package beanstalk_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/beanstalk"
	"goaio.example/aio/timer"
)

// The server ends and starts again: what was sent and not answered fails, jobs
// are lost, a Reserve that waits goes on with the same tubes.
func TestServerRestarts(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		cons := c.Consumer("a", "b")
		f.put("a", "held", 0, time.Hour)
		j := must(ctx, t, cons.Reserve(ctx))
		must(ctx, t, cons.Watch(ctx, "c"))
		r := cons.Reserve(ctx)
		f.fail(fault{cmd: "put", mute: true})
		put := c.Put(ctx, "z", nil, beanstalk.PutOptions{})
		pending(t, "put", put)
		pending(t, "reserve", r)
		f.stop()
		err := errOf(ctx, put)
		want(t, "put", err, beanstalk.ErrUnanswered, aio.ErrReset)
		<-j.Lost()
		want(t, "delete", errOf(ctx, j.Delete(ctx)), beanstalk.ErrJobLost, aio.ErrReset)
		f.commands()
		f.listen()
		defer f.stop()
		f.put("c", "new", 0, time.Hour)
		for range 3 {
			j := must(ctx, t, r)
			r = cons.Reserve(ctx)
			must(ctx, t, j.Release(ctx, 0, 0))
		}
		must(ctx, t, must(ctx, t, r).Delete(ctx))
		if got := f.commands(); !slices.Equal(got[:4], []string{"watch a", "watch b", "watch c", "ignore default"}) {
			t.Errorf("after the start, %q were sent first", got[:4])
		}
		must(ctx, t, c.Put(ctx, "a", nil, beanstalk.PutOptions{}))
		return nil
	})
}

// A server that is not there: operations fail when Backoff is used up, as
// often as it says, and nothing was sent.
func TestUnreachable(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		f.stop()
		begin := time.Now()
		put, reserve, now := c.Put(ctx, "a", nil, beanstalk.PutOptions{}), c.Consumer().Reserve(ctx), c.Consumer().ReserveWithin(ctx, 0)
		for what, err := range map[string]error{"put": errOf(ctx, put), "reserve": errOf(ctx, reserve), "reserve within 0": errOf(ctx, now)} {
			want(t, what, err, aio.ErrRefused)
			wantNot(t, what, err, beanstalk.ErrUnanswered)
		}
		if d := time.Since(begin); d > 1500*time.Millisecond {
			t.Errorf("took %v, want at most 0.1 + 0.2 + 0.4 + 0.8 s", d)
		}
		// which is longer than all the waits between the dials
		want(t, "within two seconds", errOf(ctx, c.Consumer().ReserveWithin(ctx, 2*time.Second)), aio.ErrRefused)
		return nil
	})
}

// With Backoff unbounded, operations wait until the server is there, or their
// ctx ends; then nothing goes on dialing.
func TestUnreachableForLong(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		c.Backoff = timer.Backoff{Attempts: -1, Elapsed: -1}
		f.stop()
		put, reserve := c.Put(ctx, "a", nil, beanstalk.PutOptions{}), c.Consumer("a").Reserve(ctx)
		aMinute := errors.New("a minute")
		short, cancel := context.WithTimeoutCause(ctx, time.Minute, aMinute)
		defer cancel()
		err := errOf(ctx, c.Consumer("b").Reserve(short))
		want(t, "for a minute", err, aMinute)
		time.Sleep(time.Hour)
		dials := 0
		for op := range aio.LoopOf(ctx).Ops() {
			if op.Kind.String() == "beanstalk.dial" {
				dials++
			}
		}
		if dials != 2 {
			t.Errorf("%d dials, want 2", dials)
		}
		f.listen()
		defer f.stop()
		must(ctx, t, put)
		must(ctx, t, reserve)
		return nil
	})
}

// A server that accepts and ends: as many connections as Backoff has tries,
// with its waits between them.
func TestAcceptsAndEnds(t *testing.T) {
	for _, cmd := range []string{"use", "watch", "reserve-with-timeout"} {
		withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
			c.Backoff = timer.Backoff{Jitter: -1}
			f.put("a", "x", 0, time.Hour)
			for range 100 {
				f.fail(fault{cmd: cmd, cut: true})
			}
			begin := time.Now()
			var err error
			if cmd == "use" {
				err = errOf(ctx, c.Put(ctx, "a", nil, beanstalk.PutOptions{}))
			} else {
				err = errOf(ctx, c.Consumer("a").Reserve(ctx))
			}
			want(t, cmd, err, aio.ErrConn)
			wantNot(t, cmd, err, beanstalk.ErrUnanswered)
			if n := f.made(); n != 5 {
				t.Errorf("%s: %d connections, want 5", cmd, n)
			}
			if d := time.Since(begin); d != 1500*time.Millisecond {
				t.Errorf("%s: took %v, want 0.1 + 0.2 + 0.4 + 0.8 s", cmd, d)
			}
			return nil
		})
	}
}

// While the loop drains, what is in flight is answered, Reserves that wait end,
// and then the connections do.
func TestDrain(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		cons := c.Consumer()
		f.put("default", "x", 0, time.Hour)
		j := must(ctx, t, cons.Reserve(ctx))
		waiting := cons.Reserve(ctx)
		f.fail(fault{cmd: "put", delay: 3 * time.Second})
		put := c.Put(ctx, "z", []byte("y"), beanstalk.PutOptions{})
		pending(t, "put", put)
		pending(t, "reserve", waiting)
		loop := aio.LoopOf(ctx)
		work := aio.Go(ctx, "work", func(ctx context.Context) (int, error) {
			<-aio.Draining(ctx)
			time.Sleep(2 * time.Second)
			if err := errOf(ctx, j.Touch(ctx)); err != nil {
				return 0, err
			}
			time.Sleep(2 * time.Second)
			must(ctx, t, c.Put(ctx, "z", []byte("z"), beanstalk.PutOptions{}))
			return 0, errOf(ctx, j.Delete(ctx))
		})
		loop.Exit(nil)
		begin := time.Now()
		want(t, "waiting", errOf(ctx, waiting), aio.ErrExit)
		want(t, "new", errOf(ctx, cons.Reserve(ctx)), aio.ErrExit)
		want(t, "new, within 0", errOf(ctx, cons.ReserveWithin(ctx, 0)), aio.ErrExit)
		if d := time.Since(begin); d != 0 {
			t.Errorf("the Reserves ended after %v", d)
		}
		must(ctx, t, put)
		must(ctx, t, work)
		synctest.Wait()
		if n := f.open(); n != 0 {
			t.Errorf("%d connections are open when nothing uses them", n)
		}
		return nil
	})
}

// A job that comes for a Reserve that the drain has ended is given back.
func TestDrainGivesBack(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		cons := c.Consumer()
		f.put("default", "held", 0, time.Hour)
		j := must(ctx, t, cons.Reserve(ctx))
		f.fail(fault{cmd: "reserve-with-timeout", delay: time.Second})
		id := f.put("default", "x", 9, time.Hour)
		r := cons.Reserve(ctx)
		synctest.Wait()
		aio.LoopOf(ctx).Exit(nil)
		want(t, "reserve", errOf(ctx, r), aio.ErrExit)
		time.Sleep(2 * time.Second)
		if got := f.state(id); got != "ready" {
			t.Errorf("the job is %s, want ready", got)
		}
		must(ctx, t, j.Delete(ctx))
		return nil
	})
}

// A server that does not answer while the loop drains: after Grace the
// operation is cancelled, and nothing is left.
func TestGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		defer f.stop()
		synctest.Wait()
		c := f.client()
		f.fail(fault{cmd: "put", mute: true})
		var put *aio.Future[uint64]
		var job *beanstalk.Job
		loop := &aio.Loop{Grace: 3 * time.Second}
		begin := time.Now()
		aiotest.Runner{Loop: loop, Overdue: true}.Run(t, func(ctx context.Context) error {
			f.put("default", "x", 0, time.Hour)
			job = must(ctx, t, c.Consumer().Reserve(ctx))
			put = c.Put(ctx, "default", []byte("y"), beanstalk.PutOptions{})
			synctest.Wait()
			loop.Exit(nil)
			return nil
		})
		_, err := put.Result()
		want(t, "put", err, aio.ErrExit, beanstalk.ErrUnanswered)
		if d := time.Since(begin); d != 3*time.Second {
			t.Errorf("the loop took %v to end, want its Grace", d)
		}
		synctest.Wait()
		if f.open() != 0 {
			t.Errorf("%d connections are open after the loop's end", f.open())
		}
		if got := f.state(job.ID); got != "ready" {
			t.Errorf("a job that was not done with is %s, want ready", got)
		}
	})
}

// A client serves several loops, one after the other and at once.
func TestTwoLoops(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		cons := c.Consumer()
		for range 2 {
			err := aio.Run(context.WithoutCancel(ctx), func(ctx context.Context) error {
				must(ctx, t, c.Put(ctx, "default", nil, beanstalk.PutOptions{}))
				return errOf(ctx, must(ctx, t, cons.Reserve(ctx)).Delete(ctx))
			})
			want(t, "loop", err)
		}
		must(ctx, t, c.Put(ctx, "default", nil, beanstalk.PutOptions{}))
		return errOf(ctx, must(ctx, t, cons.Reserve(ctx)).Delete(ctx))
	})
}

// Operations are listed with what they are about, and nothing of them is left.
func TestListing(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		f.fail(fault{cmd: "put", delay: time.Second})
		put := c.Put(ctx, "default", []byte("12345"), beanstalk.PutOptions{})
		r := c.Consumer("q").Reserve(ctx)
		synctest.Wait()
		found := map[string]string{}
		for op := range aio.LoopOf(ctx).Ops() {
			found[op.Kind.String()] = op.Name
			if op.Kind.String() == "beanstalk.put" && op.BytesOut != 21 {
				t.Errorf("the put has sent %d bytes, want 21", op.BytesOut)
			}
		}
		if found["beanstalk.put"] != "put default" || found["beanstalk.reserve"] != "reserve a job" || found["beanstalk.pool"] == "" {
			t.Errorf("listed: %v", found)
		}
		must(ctx, t, put)
		r.Cancel(nil)
		want(t, "reserve", errOf(ctx, r), context.Canceled)
		for _, k := range aio.LoopOf(ctx).KindStats() {
			if name := k.Kind.String(); strings.HasPrefix(name, "beanstalk.") && name != "beanstalk.pool" && k.Started != k.Ended {
				t.Errorf("%d of %s in flight", k.Started-k.Ended, name)
			}
		}
		return nil
	})
}
