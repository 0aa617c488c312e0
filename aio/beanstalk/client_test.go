package beanstalk_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/beanstalk"
)

// Each command is sent as protocol.txt says, and its answer understood.
func TestCommands(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		sent := func(want ...string) {
			t.Helper()
			if got := f.commands(); !slices.Equal(got, want) {
				t.Errorf("sent %q, want %q", got, want)
			}
		}
		id := must(ctx, t, c.Put(ctx, "a", []byte("x\r\ny"), beanstalk.PutOptions{Priority: 7, TTR: 1500 * time.Millisecond}))
		sent("use a", "put 7 0 2 4")
		late := must(ctx, t, c.Put(ctx, "a", nil, beanstalk.PutOptions{Delay: time.Minute}))
		sent("put 0 60 60 0")
		if p := must(ctx, t, c.Peek(ctx, id)); p.ID != id || string(p.Body) != "x\r\ny" {
			t.Errorf("peek: %+v", p)
		}
		if p := must(ctx, t, c.PeekReady(ctx, "a")); p.ID != id {
			t.Errorf("peek-ready: %+v", p)
		}
		if p := must(ctx, t, c.PeekDelayed(ctx, "a")); p.ID != late || len(p.Body) != 0 {
			t.Errorf("peek-delayed: %+v", p)
		}
		want(t, "peek-buried", errOf(ctx, c.PeekBuried(ctx, "a")), beanstalk.ErrNotFound)
		sent("peek 1", "peek-ready", "peek-delayed", "peek-buried")
		if s := must(ctx, t, c.StatsJob(ctx, late)); s.State != beanstalk.Delayed || s.TTR != time.Minute || s.Tube != "a" || s.TimeLeft != time.Minute {
			t.Errorf("stats-job: %+v", s)
		}
		if s := must(ctx, t, c.StatsTube(ctx, "a")); s.Name != "a" || s.Ready != 1 || s.Delayed != 1 {
			t.Errorf("stats-tube: %+v", s)
		}
		if s := must(ctx, t, c.Stats(ctx)); s.Version != "fake" || s.MaxJobSize != 65535 || s.UserTime != 1500*time.Millisecond || s.Uptime != 7*time.Second || s.Draining {
			t.Errorf("stats: %+v", s)
		}
		if l := must(ctx, t, c.ListTubes(ctx)); !slices.Equal(l, []string{"a", "default"}) {
			t.Errorf("list-tubes: %q", l)
		}
		if u := must(ctx, t, c.TubeUsed(ctx)); u != "a" {
			t.Errorf("list-tube-used: %q", u)
		}
		sent("stats-job 2", "stats-tube a", "stats", "list-tubes", "list-tube-used")
		must(ctx, t, c.KickJob(ctx, late))
		if n := must(ctx, t, c.Kick(ctx, "a", 100)); n != 0 {
			t.Errorf("kicked %d jobs", n)
		}
		must(ctx, t, c.PauseTube(ctx, "a", time.Second))
		must(ctx, t, c.Delete(ctx, id))
		want(t, "delete again", errOf(ctx, c.Delete(ctx, id)), beanstalk.ErrNotFound)
		sent("kick-job 2", "kick 100", "pause-tube a 1", "delete 1", "delete 1")
		for what, err := range map[string]error{
			"kick-job":   errOf(ctx, c.KickJob(ctx, 99)),
			"stats-job":  errOf(ctx, c.StatsJob(ctx, 99)),
			"stats-tube": errOf(ctx, c.StatsTube(ctx, "none")),
			"pause-tube": errOf(ctx, c.PauseTube(ctx, "none", 0)),
			"peek":       errOf(ctx, c.Peek(ctx, 99)),
		} {
			want(t, what, err, beanstalk.ErrNotFound)
			wantNot(t, what, err, beanstalk.ErrUnanswered, beanstalk.ErrJobLost)
		}
		return nil
	})
}

// What the protocol cannot say is not sent.
func TestInvalid(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		c.MaxJobSize = 3
		evil := "a\r\ndelete 1"
		cons := c.Consumer(evil)
		for what, err := range map[string]error{
			"put":          errOf(ctx, c.Put(ctx, evil, nil, beanstalk.PutOptions{})),
			"put delay":    errOf(ctx, c.Put(ctx, "a", nil, beanstalk.PutOptions{Delay: -1})),
			"put TTR":      errOf(ctx, c.Put(ctx, "a", nil, beanstalk.PutOptions{TTR: 1 << 32 * time.Second})),
			"kick":         errOf(ctx, c.Kick(ctx, evil, 1)),
			"peek-ready":   errOf(ctx, c.PeekReady(ctx, "")),
			"peek-delayed": errOf(ctx, c.PeekDelayed(ctx, "-")),
			"peek-buried":  errOf(ctx, c.PeekBuried(ctx, "a b")),
			"stats-tube":   errOf(ctx, c.StatsTube(ctx, evil)),
			"pause-tube":   errOf(ctx, c.PauseTube(ctx, evil, 0)),
			"pause":        errOf(ctx, c.PauseTube(ctx, "a", -1)),
			"reserve":      errOf(ctx, cons.Reserve(ctx)),
			"within":       errOf(ctx, c.Consumer().ReserveWithin(ctx, -1)),
			"watch":        errOf(ctx, c.Consumer().Watch(ctx, evil)),
			"ignore":       errOf(ctx, c.Consumer().Ignore(ctx, evil)),
		} {
			want(t, what, err, beanstalk.ErrInvalid)
			if strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("%s: the error has a line of the name's: %q", what, err)
			}
		}
		want(t, "long job", errOf(ctx, c.Put(ctx, "a", []byte("1234"), beanstalk.PutOptions{})), beanstalk.ErrJobTooBig)
		if got := f.commands(); len(got) != 0 {
			t.Errorf("sent %q", got)
		}
		return nil
	})
}

// Every error that a put can be answered with.
func TestPutErrors(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		put := func() (uint64, error) {
			return c.Put(ctx, "default", []byte("x"), beanstalk.PutOptions{}).Await(ctx)
		}
		for answer, target := range map[string]error{
			"DRAINING": beanstalk.ErrDraining, "OUT_OF_MEMORY": beanstalk.ErrOutOfMemory, "INTERNAL_ERROR": beanstalk.ErrInternal,
			"JOB_TOO_BIG": beanstalk.ErrJobTooBig, "EXPECTED_CRLF": beanstalk.ErrExpectedCRLF,
		} {
			f.fail(fault{cmd: "put", instead: answer + "\r\n"})
			_, err := put()
			want(t, answer, err, target)
			wantNot(t, answer, err, beanstalk.ErrUnanswered)
		}
		f.fail(fault{cmd: "put", instead: "BURIED 77\r\n"})
		if id, err := put(); id != 77 || !errors.Is(err, beanstalk.ErrBuried) {
			t.Errorf("BURIED 77: got %d, %v", id, err)
		}
		if n := f.made(); n != 1 {
			t.Errorf("%d connections, want 1: none of the errors is about the connection", n)
		}
		// After these the server would take the body for a command.
		for _, answer := range []string{"BAD_FORMAT", "UNKNOWN_COMMAND"} {
			before := f.made()
			f.fail(fault{cmd: "put", instead: answer + "\r\n"})
			if _, err := put(); !errors.Is(err, beanstalk.ErrBadFormat) && !errors.Is(err, beanstalk.ErrUnknownCommand) {
				t.Errorf("%s: %v", answer, err)
			}
			if _, err := put(); err != nil || f.made() != before+1 {
				t.Errorf("after %s: %v, on connection %d, want %d", answer, err, f.made(), before+1)
			}
		}
		return nil
	})
}

// A job never ends up in another tube, also when the server fails to use one.
func TestUseFails(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		must(ctx, t, c.Put(ctx, "a", nil, beanstalk.PutOptions{}))
		f.fail(fault{cmd: "use", instead: "OUT_OF_MEMORY\r\n", delay: time.Second})
		var lost, kept []*aio.Future[uint64]
		for range 3 {
			lost = append(lost, c.Put(ctx, "b", nil, beanstalk.PutOptions{}))
			kept = append(kept, c.Put(ctx, "a", nil, beanstalk.PutOptions{}), c.Put(ctx, "c", nil, beanstalk.PutOptions{}))
		}
		for _, p := range lost {
			err := errOf(ctx, p)
			want(t, "put into b", err, beanstalk.ErrOutOfMemory)
			wantNot(t, "put into b", err, beanstalk.ErrUnanswered)
		}
		for _, p := range kept {
			must(ctx, t, p)
		}
		must(ctx, t, c.Put(ctx, "b", nil, beanstalk.PutOptions{}))
		n := map[string]int{}
		for _, j := range f.all() {
			n[j.tube]++
		}
		if n["a"] != 4 || n["b"] != 1 || n["c"] != 3 {
			t.Errorf("jobs in tubes: %v", n)
		}
		return nil
	})
}

// Puts into several tubes at once take a use for each run of puts, and keep
// their order in each tube.
func TestTubesAtOnce(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		f.latency = time.Second // so that all are there before the connection
		var puts []*aio.Future[uint64]
		for i := range 300 {
			puts = append(puts, c.Put(ctx, fmt.Sprint("t", i%3), []byte(fmt.Sprint(i)), beanstalk.PutOptions{}))
		}
		must(ctx, t, aio.All(ctx, puts...))
		uses := 0
		for _, cmd := range f.commands() {
			if strings.HasPrefix(cmd, "use ") {
				uses++
			}
		}
		if uses > 3 {
			t.Errorf("%d uses for 300 puts into 3 tubes", uses)
		}
		last := map[string]uint64{}
		for i, p := range puts {
			id, _ := p.Result()
			j := f.all()[id]
			if j.tube != fmt.Sprint("t", i%3) || string(j.body) != fmt.Sprint(i) {
				t.Fatalf("put %d is job %q in %s", i, j.body, j.tube)
			}
			if id < last[j.tube] {
				t.Errorf("put %d came before an earlier one", i)
			}
			last[j.tube] = id
		}
		return nil
	})
}

// A put that is cancelled before it was sent is not done; one that was sent may
// be, and its error says so. Neither disturbs others.
func TestCancelPut(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		f.fail(fault{cmd: "use", delay: time.Second})
		held := c.Put(ctx, "a", []byte("held"), beanstalk.PutOptions{})
		held2 := c.Put(ctx, "a", []byte("kept"), beanstalk.PutOptions{})
		pending(t, "a put whose tube is not used yet", held)
		held.Cancel(nil)
		err := errOf(ctx, held)
		want(t, "cancelled before it was sent", err, context.Canceled)
		wantNot(t, "cancelled before it was sent", err, beanstalk.ErrUnanswered)
		must(ctx, t, held2)

		f.fail(fault{cmd: "put", delay: time.Second})
		sent := c.Put(ctx, "a", []byte("sent"), beanstalk.PutOptions{})
		after := c.Put(ctx, "a", []byte("after"), beanstalk.PutOptions{})
		pending(t, "a put whose answer takes a second", sent)
		cause := errors.New("my cause")
		sent.Cancel(cause)
		want(t, "cancelled after it was sent", errOf(ctx, sent), cause, beanstalk.ErrUnanswered)
		must(ctx, t, after)
		var bodies []string
		for _, j := range f.all() {
			bodies = append(bodies, string(j.body))
		}
		slices.Sort(bodies)
		if !slices.Equal(bodies, []string{"after", "kept", "sent"}) {
			t.Errorf("jobs %q", bodies)
		}
		dead, cancel := context.WithCancel(ctx)
		cancel()
		want(t, "with a dead ctx", errOf(ctx, c.Put(dead, "a", nil, beanstalk.PutOptions{})), context.Canceled)
		return nil
	})
}

func TestQueueBound(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		c.MaxQueue, c.MaxQueueBytes = 3, 200
		f.fail(fault{cmd: "stats", delay: time.Second})
		first := c.Stats(ctx)
		second, third := c.Stats(ctx), c.Consumer().Reserve(ctx)
		want(t, "one more than MaxQueue", errOf(ctx, c.Stats(ctx)), aio.ErrBacklog)
		want(t, "one more Reserve", errOf(ctx, c.Consumer().Reserve(ctx)), aio.ErrBacklog)
		third.Cancel(nil)
		want(t, "cancelled", errOf(ctx, third), context.Canceled)
		fourth := c.Put(ctx, "default", make([]byte, 150), beanstalk.PutOptions{})
		must(ctx, t, first)
		must(ctx, t, second)
		must(ctx, t, fourth)

		f.fail(fault{cmd: "put", delay: time.Second})
		// alone it may be
		big := c.Put(ctx, "default", make([]byte, 500), beanstalk.PutOptions{})
		want(t, "over MaxQueueBytes", errOf(ctx, c.Put(ctx, "default", nil, beanstalk.PutOptions{})), aio.ErrBacklog)
		must(ctx, t, big)
		must(ctx, t, c.Put(ctx, "default", nil, beanstalk.PutOptions{}))
		return nil
	})
}

// Nothing is started without a loop.
func TestNoLoop(t *testing.T) {
	ctx := context.Background()
	c := new(beanstalk.Client)
	want(t, "put", errOf(ctx, c.Put(ctx, "a", nil, beanstalk.PutOptions{})), aio.ErrNoLoop)
	want(t, "reserve", errOf(ctx, c.Consumer().Reserve(ctx)), aio.ErrNoLoop)
	want(t, "watch", errOf(ctx, c.Consumer().Watch(ctx, "a")), aio.ErrNoLoop)
	want(t, "zero consumer", errOf(ctx, new(beanstalk.Consumer).Reserve(ctx)), aio.ErrNoLoop)
}

// The connection is kept for IdleTimeout, and closed by CloseIdle.
func TestIdle(t *testing.T) {
	withFake(t, func(ctx context.Context, t *testing.T, f *fake, c *beanstalk.Client) error {
		c.IdleTimeout = 10 * time.Second
		for range 3 {
			must(ctx, t, c.Stats(ctx))
			time.Sleep(9 * time.Second)
		}
		if f.made() != 1 {
			t.Errorf("%d connections while it is used every 9 s, want 1", f.made())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if f.open() != 0 {
			t.Error("the connection is open after IdleTimeout")
		}
		must(ctx, t, c.Stats(ctx))
		c.CloseIdle()
		synctest.Wait()
		if f.open() != 0 {
			t.Error("the connection is open after CloseIdle")
		}
		f.fail(fault{cmd: "stats", delay: time.Second})
		s := c.Stats(ctx)
		pending(t, "stats", s)
		c.CloseIdle()
		must(ctx, t, s)
		return nil
	})
}
