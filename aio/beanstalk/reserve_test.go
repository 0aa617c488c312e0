package beanstalk_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/beanstalk"
)

// A Reserve waits for a job, which comes with its body; the job is bound to its
// connection.
func TestReserve(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		cons := c.Consumer("a", "b")
		r := cons.Reserve(ctx)
		pending(t, "a Reserve without a job", r)
		if got, want := f.commands(), []string{"watch a", "watch b", "ignore default", "reserve-with-timeout 30"}; !slices.Equal(got, want) {
			t.Errorf("sent %q, want %q", got, want)
		}
		f.put("other", "x", 0, time.Minute)
		pending(t, "a Reserve with a job in another tube", r)
		id := f.put("b", "hello", 0, time.Minute)
		j := must(ctx, t, r)
		if j.ID != id || string(j.Body) != "hello" {
			t.Errorf("reserved %d %q", j.ID, j.Body)
		}
		if _, known := j.LastStats(); known || !j.Deadline().IsZero() {
			t.Errorf("stats that were not asked for: deadline %v", j.Deadline())
		}
		want(t, "delete by another connection", errOf(ctx, c.Delete(ctx, id)), beanstalk.ErrNotFound)
		must(ctx, t, j.Touch(ctx))
		must(ctx, t, j.Delete(ctx))
		if got := f.state(id); got != "" {
			t.Errorf("a deleted job is %s", got)
		}
		for what, fut := range map[string]*aio.Future[struct{}]{
			"delete": j.Delete(ctx), "release": j.Release(ctx, 0, 0), "bury": j.Bury(ctx, 0), "touch": j.Touch(ctx),
		} {
			err := errOf(ctx, fut)
			want(t, what+" of a deleted job", err, beanstalk.ErrJobDone)
			wantNot(t, what+" of a deleted job", err, beanstalk.ErrJobLost)
		}
		return nil
	})
}

func TestReleaseAndBury(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		cons := c.Consumer()
		id := f.put("default", "x", 5, time.Minute)
		want(t, "negative delay", errOf(ctx, must(ctx, t, cons.Reserve(ctx)).Release(ctx, 1, -1)), beanstalk.ErrInvalid)
		c.CloseIdle()
		f.mu.Lock()
		for fc := range f.conns {
			fc.nc.Close()
		}
		f.mu.Unlock()
		j := must(ctx, t, cons.Reserve(ctx))
		must(ctx, t, j.Release(ctx, 9, 1500*time.Millisecond))
		if s := must(ctx, t, c.StatsJob(ctx, id)); s.State != beanstalk.Delayed || s.Priority != 9 || s.Delay != 2*time.Second {
			t.Errorf("released: %+v", s)
		}
		j = must(ctx, t, cons.Reserve(ctx))
		must(ctx, t, j.Bury(ctx, 11))
		if s := must(ctx, t, c.StatsJob(ctx, id)); s.State != beanstalk.Buried || s.Priority != 11 {
			t.Errorf("buried: %+v", s)
		}
		must(ctx, t, c.KickJob(ctx, id))
		j = must(ctx, t, cons.Reserve(ctx))
		f.fail(fault{cmd: "release", instead: "BURIED\r\n"})
		want(t, "a release that buries", errOf(ctx, j.Release(ctx, 0, 0)), beanstalk.ErrBuried)
		return nil
	})
}

// What is done with a job does not wait for another job, and one connection
// waits for all Reserves.
func TestOneWaits(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		cons := c.Consumer()
		var waiting []*aio.Future[*beanstalk.Job]
		for range 50 {
			waiting = append(waiting, cons.Reserve(ctx))
		}
		synctest.Wait()
		if n := f.open(); n != 1 {
			t.Errorf("%d connections for 50 Reserves that wait, want 1", n)
		}
		for i := range 5 {
			f.put("default", fmt.Sprint(i), 0, time.Minute)
			j := must(ctx, t, waiting[i]) // who has waited longest
			synctest.Wait()
			begin := time.Now()
			must(ctx, t, j.Touch(ctx))
			must(ctx, t, j.Delete(ctx))
			if d := time.Since(begin); d != 0 {
				t.Errorf("delete took %v beside Reserves that wait", d)
			}
			pending(t, "the next Reserve", waiting[i+1])
		}
		if n := f.open(); n > 2 {
			t.Errorf("%d connections, want 2: one that waits and one that has held jobs", n)
		}
		for range 45 {
			f.put("default", "", 0, time.Minute)
		}
		for _, r := range waiting[5:] {
			must(ctx, t, must(ctx, t, r).Delete(ctx))
		}
		if n := f.made(); n > 2 {
			t.Errorf("%d connections made for 50 jobs, want 2", n)
		}
		return nil
	})
}

// Jobs that trickle in while others are held cost a request or two each, not
// one for each Reserve that waits.
func TestTrickle(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		cons := c.Consumer()
		var waiting []*aio.Future[*beanstalk.Job]
		for range 40 {
			waiting = append(waiting, cons.Reserve(ctx))
		}
		synctest.Wait()
		f.commands()
		for i := range 20 {
			f.put("default", "", 0, time.Minute)
			must(ctx, t, waiting[i])
			synctest.Wait()
		}
		n := 0
		for _, cmd := range f.commands() {
			if strings.HasPrefix(cmd, "reserve") {
				n++
			}
		}
		if n > 3*20 {
			t.Errorf("%d reserves for 20 jobs", n)
		}
		if n := f.open(); n != 21 {
			t.Errorf("%d connections hold 20 jobs and wait, want 21", n)
		}
		return nil
	})
}

// A Reserve that is cancelled loses no job: before a job comes, when it has
// come already, and while its answer is on the way.
func TestCancelReserve(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		cons, other := c.Consumer(), c.Consumer()
		r := cons.Reserve(ctx)
		pending(t, "reserve", r)
		r.Cancel(nil)
		err := errOf(ctx, r)
		want(t, "cancelled", err, context.Canceled)
		wantNot(t, "cancelled", err, beanstalk.ErrUnanswered)
		id := f.put("default", "x", 3, time.Hour)
		j := must(ctx, t, other.Reserve(ctx))
		if j.ID != id {
			t.Errorf("got job %d, want %d", j.ID, id)
		}
		// Now its answer is on the way.
		for _, held := range []bool{false, true} {
			if held { // on a connection that must not be closed
				f.put("default", "held", 0, time.Hour)
				must(ctx, t, cons.Reserve(ctx))
			}
			f.fail(fault{cmd: "reserve-with-timeout", delay: time.Second})
			id = f.put("default", "y", 4, time.Hour)
			r = cons.Reserve(ctx)
			pending(t, "a Reserve whose answer takes a second", r)
			if got := f.state(id); got != "reserved" {
				t.Fatalf("the job is %s", got)
			}
			r.Cancel(nil)
			begin := time.Now()
			got := must(ctx, t, other.Reserve(ctx))
			if d := time.Since(begin); got.ID != id || d > time.Second {
				t.Errorf("job %d after %v, want %d at once", got.ID, d, id)
			}
			if s := must(ctx, t, got.Stats(ctx)); s.Priority != 4 {
				t.Errorf("given back: %+v, want priority 4", s)
			}
			must(ctx, t, got.Delete(ctx))
		}
		return nil
	})
}

// Another Reserve gets the job that comes for one that was cancelled.
func TestCancelOneOfTwo(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		cons := c.Consumer()
		first, second := cons.Reserve(ctx), cons.Reserve(ctx)
		pending(t, "first", first)
		first.Cancel(nil)
		pending(t, "second", second)
		id := f.put("default", "x", 0, time.Hour)
		if j := must(ctx, t, second); j.ID != id {
			t.Errorf("job %d, want %d", j.ID, id)
		}
		if f.made() != 1 {
			t.Errorf("%d connections, want 1", f.made())
		}
		want(t, "first", errOf(ctx, first), context.Canceled)
		return nil
	})
}

// A delete that is under way when a Reserve behind it is cancelled is done.
func TestCancelBehindDelete(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		cons := c.Consumer()
		f.put("default", "x", 0, time.Hour)
		j := must(ctx, t, cons.Reserve(ctx))
		f.fail(fault{cmd: "delete", delay: time.Second})
		d := j.Delete(ctx)
		r := cons.Reserve(ctx)
		pending(t, "delete", d)
		r.Cancel(nil)
		must(ctx, t, d)
		synctest.Wait()
		if n := f.open(); n != 0 {
			t.Errorf("%d connections, want none: no Reserve waits", n)
		}
		return nil
	})
}

func TestReserveWithin(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		cons := c.Consumer()
		within := func(d, took time.Duration, target error) {
			t.Helper()
			begin := time.Now()
			want(t, "no job", errOf(ctx, cons.ReserveWithin(ctx, d)), target)
			if got := time.Since(begin); got != took {
				t.Errorf("ReserveWithin(%v) took %v, want %v", d, got, took)
			}
		}
		within(0, 0, beanstalk.ErrTimedOut)
		within(time.Second, time.Second, beanstalk.ErrTimedOut)
		within(1500*time.Millisecond, 2*time.Second, beanstalk.ErrTimedOut)
		if got := f.commands(); !slices.Equal(got, []string{"watch default", "reserve-with-timeout 0", "reserve-with-timeout 1", "reserve-with-timeout 2"}) {
			t.Errorf("sent %q", got)
		}
		within(75*time.Second, 75*time.Second, beanstalk.ErrTimedOut)
		if f.made() != 1 {
			t.Errorf("%d connections, want 1: the server ends the wait", f.made())
		}
		// Next to one that waits longer, it is late by at most a quarter of a
		// second.
		long := cons.Reserve(ctx)
		pending(t, "long", long)
		within(5*time.Second, 5250*time.Millisecond, beanstalk.ErrTimedOut)
		within(0, 0, beanstalk.ErrTimedOut)
		f.put("default", "x", 0, 3*time.Second)
		must(ctx, t, long)
		time.Sleep(2500 * time.Millisecond)
		within(0, 0, beanstalk.ErrDeadlineSoon)
		f.put("default", "y", 0, time.Hour)
		must(ctx, t, cons.ReserveWithin(ctx, 0))
		return nil
	})
}

// A Reserve that waits asks again every 30 s, so that a server that has gone
// without a word is noticed.
func TestReserveAsksAgain(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		c.Timeout = 5 * time.Second
		cons := c.Consumer()
		r := cons.Reserve(ctx)
		time.Sleep(100 * time.Second)
		if n := len(f.commands()); n != 1+4 {
			t.Errorf("%d commands in 100 s, want watch and 4 reserves", n)
		}
		f.fail(fault{cmd: "reserve-with-timeout", mute: true})
		time.Sleep(120 * time.Second)
		if f.made() != 2 {
			t.Errorf("%d connections after one was mute, want 2", f.made())
		}
		f.put("default", "x", 0, time.Hour)
		must(ctx, t, r)
		return nil
	})
}

// A connection that holds a job is not silent for more than 10 s: a server that
// has overlooked the TTR looks again, and one that has gone is noticed.
func TestNudge(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		f.put("default", "x", 0, time.Hour)
		j := must(ctx, t, c.Consumer().Reserve(ctx))
		f.commands()
		time.Sleep(55 * time.Second)
		if got := f.commands(); len(got) != 5 || got[0] != "list-tube-used" {
			t.Errorf("sent %q in 55 s", got)
		}
		f.fail(fault{cmd: "list-tube-used", mute: true})
		begin := time.Now()
		<-j.Lost()
		if d := time.Since(begin); d != 5*time.Second+30*time.Second {
			t.Errorf("a mute server was noticed after %v", d)
		}
		want(t, "delete", errOf(ctx, j.Delete(ctx)), beanstalk.ErrJobLost, aio.ErrTimeout)
		return nil
	})
}

// The TTR passes: the job is another's.
func TestTTR(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		cons := &beanstalk.Consumer{Client: c, Stats: true}
		id := f.put("default", "x", 0, 10*time.Second)
		time.Sleep(time.Hour)
		j := must(ctx, t, cons.Reserve(ctx))
		s, known := j.LastStats()
		if !known || s.TTR != 10*time.Second || s.State != beanstalk.Reserved || s.Reserves != 1 || s.Age != time.Hour {
			t.Errorf("stats: %+v, %v", s, known)
		}
		if left := time.Until(j.Deadline()); left != 10*time.Second {
			t.Errorf("deadline in %v, want 10 s", left)
		}
		time.Sleep(8 * time.Second)
		must(ctx, t, j.Touch(ctx))
		if left := time.Until(j.Deadline()); left != 10*time.Second {
			t.Errorf("deadline in %v after Touch, want 10 s", left)
		}
		time.Sleep(4500 * time.Millisecond)
		if s := must(ctx, t, j.Stats(ctx)); s.TimeLeft != 5*time.Second || time.Until(j.Deadline()) != 5*time.Second {
			t.Errorf("stats: %+v, deadline in %v", s, time.Until(j.Deadline()))
		}
		select {
		case <-j.Lost():
			t.Error("lost before its TTR")
		case <-time.After(6 * time.Second):
		}
		want(t, "touch after the TTR", errOf(ctx, j.Touch(ctx)), beanstalk.ErrJobLost, beanstalk.ErrNotFound)
		<-j.Lost()
		want(t, "delete after that", errOf(ctx, j.Delete(ctx)), beanstalk.ErrJobLost)
		if got := f.state(id); got != "ready" {
			t.Errorf("the job is %q, want ready", got)
		}
		// The same connection reserves it again: the old one stays lost.
		j = must(ctx, t, cons.Reserve(ctx))
		time.Sleep(11 * time.Second)
		again := must(ctx, t, cons.ReserveWithin(ctx, 0))
		if again.ID != id {
			t.Fatalf("job %d, want %d", again.ID, id)
		}
		<-j.Lost()
		want(t, "delete by the old one", errOf(ctx, j.Delete(ctx)), beanstalk.ErrJobLost)
		must(ctx, t, again.Delete(ctx))
		return nil
	})
}

// The job is gone, or reserved by another consumer, before its stats arrive: it
// is not given to anybody.
func TestStatsOfLostJob(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		cons := &beanstalk.Consumer{Client: c, Stats: true}
		first, second := f.put("default", "x", 0, time.Hour), f.put("default", "y", 0, time.Hour)
		f.fail(fault{cmd: "stats-job", instead: "NOT_FOUND\r\n"})
		if j := must(ctx, t, cons.Reserve(ctx)); j.ID != second {
			t.Errorf("job %d, want %d", j.ID, second)
		}
		f.fail(fault{cmd: "stats-job", cut: true})
		third := f.put("default", "z", 5, time.Hour)
		if j := must(ctx, t, cons.Reserve(ctx)); j.ID != first && j.ID != second && j.ID != third {
			t.Errorf("job %d", j.ID)
		}
		f.fail(fault{cmd: "stats-job", instead: "OUT_OF_MEMORY\r\n"})
		j := must(ctx, t, cons.Reserve(ctx))
		if _, known := j.LastStats(); known {
			t.Error("stats that the server did not tell")
		}
		must(ctx, t, j.Touch(ctx))
		return nil
	})
}

func TestReserveJob(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		cons := c.Consumer()
		id := f.put("elsewhere", "x", 0, time.Hour)
		waiting := cons.Reserve(ctx)
		pending(t, "reserve", waiting)
		j := must(ctx, t, cons.ReserveJob(ctx, id))
		if j.ID != id || string(j.Body) != "x" {
			t.Errorf("reserved %d %q", j.ID, j.Body)
		}
		want(t, "again", errOf(ctx, cons.ReserveJob(ctx, id)), beanstalk.ErrNotFound)
		must(ctx, t, j.Release(ctx, 0, 0))
		f.fail(fault{cmd: "reserve-job", instead: "UNKNOWN_COMMAND\r\n"})
		want(t, "on an old server", errOf(ctx, cons.ReserveJob(ctx, id)), beanstalk.ErrUnknownCommand)
		f.fail(fault{cmd: "reserve-job", delay: time.Second})
		r := cons.ReserveJob(ctx, id)
		pending(t, "reserve-job", r)
		r.Cancel(nil)
		time.Sleep(2 * time.Second)
		if got := f.state(id); got != "ready" {
			t.Errorf("after the cancellation the job is %q, want ready", got)
		}
		waiting.Cancel(nil)
		want(t, "waiting", errOf(ctx, waiting), context.Canceled)
		return nil
	})
}

// A job that is longer than the client takes is put aside, so that it does not
// come again and again.
func TestReserveTooBig(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		c.MaxJobSize = 10
		cons := c.Consumer()
		big := f.put("default", strings.Repeat("x", 5000), 6, time.Hour)
		small := f.put("default", "small", 7, time.Hour)
		err := errOf(ctx, cons.Reserve(ctx))
		want(t, "big", err, beanstalk.ErrJobTooBig)
		if !strings.Contains(err.Error(), fmt.Sprint("job ", big)) {
			t.Errorf("%v does not name job %d", err, big)
		}
		if j := must(ctx, t, cons.Reserve(ctx)); j.ID != small {
			t.Errorf("job %d, want %d", j.ID, small)
		}
		synctest.Wait()
		if s := must(ctx, t, c.StatsJob(ctx, big)); s.State != beanstalk.Buried || s.Priority != 6 {
			t.Errorf("big: %+v, want it buried with priority 6", s)
		}
		want(t, "peek", errOf(ctx, c.Peek(ctx, big)), beanstalk.ErrJobTooBig)
		want(t, "reserve-job", errOf(ctx, cons.ReserveJob(ctx, big)), beanstalk.ErrJobTooBig)
		return nil
	})
}

func TestWatch(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		cons := c.Consumer("a")
		watched := func(want ...string) {
			t.Helper()
			got := must(ctx, t, cons.Watched(ctx))
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("watched: %q, want %q", got, want)
			}
		}
		want(t, "ignore the only one", errOf(ctx, cons.Ignore(ctx, "a")), beanstalk.ErrNotIgnored)
		watched("a")
		f.put("a", "held", 0, time.Hour)
		must(ctx, t, cons.Reserve(ctx))
		if n := must(ctx, t, cons.Watch(ctx, "b")); n != 2 {
			t.Errorf("%d tubes", n)
		}
		watched("a", "b")
		r := cons.Reserve(ctx)
		pending(t, "reserve", r)
		if n := must(ctx, t, cons.Watch(ctx, "c")); n != 3 {
			t.Errorf("%d tubes", n)
		}
		must(ctx, t, cons.Ignore(ctx, "a"))
		must(ctx, t, cons.Ignore(ctx, "none"))
		f.put("a", "x", 0, time.Hour)
		pending(t, "a Reserve with a job in a tube that is ignored", r)
		id := f.put("c", "y", 0, time.Hour)
		if j := must(ctx, t, r); j.ID != id {
			t.Errorf("job %d, want %d", j.ID, id)
		}
		watched("b", "c")
		return nil
	})
}

// A program may make any number of consumers: those that have nothing to do are
// forgotten.
func TestManyConsumers(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		for i := range 20 {
			cons := &beanstalk.Consumer{Client: c, Stats: i%2 == 0}
			f.put("default", "x", 0, time.Hour)
			must(ctx, t, must(ctx, t, cons.Reserve(ctx)).Delete(ctx))
			want(t, "within 0", errOf(ctx, cons.ReserveWithin(ctx, 0)), beanstalk.ErrTimedOut)
			r := c.Consumer().Reserve(ctx)
			r.Cancel(nil)
			want(t, "cancelled", errOf(ctx, r), context.Canceled)
		}
		if n := beanstalk.Consumers(c); n < 20 {
			t.Errorf("%d consumers with idle connections, want 20", n)
		}
		time.Sleep(61 * time.Second)
		if n := beanstalk.Consumers(c); n != 0 {
			t.Errorf("%d consumers are kept that have nothing to do", n)
		}
		f.stop()
		want(t, "unreachable", errOf(ctx, c.Consumer().Reserve(ctx)), aio.ErrRefused)
		if n := beanstalk.Consumers(c); n != 0 {
			t.Errorf("%d consumers are kept that could not be served", n)
		}
		return nil
	})
}

func TestCloseConsumer(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		cons := c.Consumer()
		f.put("default", "x", 0, time.Hour)
		j := must(ctx, t, cons.Reserve(ctx))
		r := cons.Reserve(ctx)
		pending(t, "reserve", r)
		cons.Close()
		want(t, "waiting", errOf(ctx, r), aio.ErrClosed)
		want(t, "new", errOf(ctx, cons.Reserve(ctx)), aio.ErrClosed)
		synctest.Wait()
		if n := f.open(); n != 1 {
			t.Errorf("%d connections, want 1, with the job", n)
		}
		must(ctx, t, j.Touch(ctx))
		must(ctx, t, j.Delete(ctx))
		synctest.Wait()
		if n := f.open(); n != 0 {
			t.Errorf("%d connections are open", n)
		}
		cons.Close()
		return nil
	})
}
