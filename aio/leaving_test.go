package aio_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

// ending is a loop that is to end, with the ways to have it do so.
type ending struct {
	*aio.Loop
	sigs   chan os.Signal
	cancel context.CancelFunc // of Run's ctx
	fail   chan error         // main returns what comes
}

func (e *ending) exit()    { e.Exit(nil) }
func (e *ending) exitErr() { e.Exit(errTest) }
func (e *ending) kill()    { e.Cancel(errTest) }
func (e *ending) end()     { e.cancel() }
func (e *ending) signal()  { e.sigs <- syscall.SIGTERM }
func (e *ending) mainErr() { e.fail <- errTest }
func (e *ending) goexit()  { close(e.fail) }
func (e *ending) nothing() {}

func (e *ending) twice() {
	e.Exit(nil)
	e.Exit(nil)
}

// NotifyContext and Loop.Signals take the same signal.
func (e *ending) both() {
	e.signal()
	e.cancel()
}

// Each way into the leaving phase and out of it. DrainDelay is 10 s and Grace
// 30 s; work goes on until it is cancelled.
func TestLeaving(t *testing.T) {
	type way = func(e *ending)
	exit, exitErr, kill, end, signal := (*ending).exit, (*ending).exitErr, (*ending).kill, (*ending).end, (*ending).signal
	mainErr, goexit, twice, both, nothing := (*ending).mainErr, (*ending).goexit, (*ending).twice, (*ending).both, (*ending).nothing
	const s, never = time.Second, time.Duration(0)
	for _, c := range []struct {
		name           string
		deadline       time.Duration // of Run's ctx
		ways           []way         // at 1 s, 3 s, 5 s, 7 s
		left, drained  time.Duration
		dead           time.Duration
		want           error
		sig            os.Signal
		phase1, phase3 string // after the first and the second way
	}{
		{"Exit(nil)", never, []way{exit}, 1 * s, 11 * s, 41 * s, nil, nil, "leaving", "leaving"},
		{"signal", never, []way{signal}, 1 * s, 11 * s, 41 * s, nil, syscall.SIGTERM, "leaving", "leaving"},
		{"ctx cancelled", never, []way{end}, 1 * s, 11 * s, 41 * s, nil, nil, "leaving", "leaving"},
		{"signal and ctx at once", never, []way{both}, 1 * s, 11 * s, 41 * s, nil, syscall.SIGTERM, "leaving", "leaving"},

		{"Exit(err)", never, []way{exitErr}, 1 * s, 1 * s, 31 * s, errTest, nil, "draining", "draining"},
		{"two Exits at once", never, []way{twice}, 1 * s, 1 * s, 31 * s, nil, nil, "draining", "draining"},
		{"main's error", never, []way{mainErr}, 1 * s, 1 * s, 31 * s, errTest, nil, "draining", "draining"},
		{"ctx's deadline", 1 * s, []way{nothing}, 1 * s, 1 * s, 31 * s, errStop, nil, "draining", "draining"},
		{"Cancel", never, []way{kill}, 1 * s, 1 * s, 1 * s, errTest, nil, "done", "done"},

		{"Exit, Exit", never, []way{exit, exit}, 1 * s, 3 * s, 33 * s, nil, nil, "leaving", "draining"},
		{"Exit, Exit(err)", never, []way{exit, exitErr}, 1 * s, 3 * s, 33 * s, errTest, nil, "leaving", "draining"},
		{"Exit, main's error", never, []way{exit, mainErr}, 1 * s, 3 * s, 33 * s, errTest, nil, "leaving", "draining"},
		{"Exit, Cancel", never, []way{exit, kill}, 1 * s, 3 * s, 3 * s, errTest, nil, "leaving", "done"},
		{"Exit, ctx cancelled", never, []way{exit, end}, 1 * s, 11 * s, 41 * s, nil, nil, "leaving", "leaving"},
		{"Exit, ctx's deadline", 3 * s, []way{exit}, 1 * s, 3 * s, 33 * s, nil, nil, "leaving", "draining"},
		{"Exit, signal", never, []way{exit, signal}, 1 * s, 11 * s, 41 * s, nil, syscall.SIGTERM, "leaving", "leaving"},
		{"Exit, signal, signal", never, []way{exit, signal, signal}, 1 * s, 5 * s, 35 * s, nil, syscall.SIGTERM, "leaving", "leaving"},
		{"signal, signal", never, []way{signal, signal}, 1 * s, 3 * s, 33 * s, nil, syscall.SIGTERM, "leaving", "draining"},
		{"signal, signal, signal", never, []way{signal, signal, signal}, 1 * s, 3 * s, 5 * s, nil, syscall.SIGTERM, "leaving", "draining"},
		{"signal, Exit", never, []way{signal, exit}, 1 * s, 3 * s, 33 * s, nil, syscall.SIGTERM, "leaving", "draining"},
		{"signal, Exit, signal", never, []way{signal, exit, signal}, 1 * s, 3 * s, 5 * s, nil, syscall.SIGTERM, "leaving", "draining"},
		{"Exit, signal, Exit, signal", never, []way{exit, signal, exit, signal}, 1 * s, 5 * s, 7 * s, nil, syscall.SIGTERM, "leaving", "leaving"},
		{"signal, Exit(err)", never, []way{signal, exitErr}, 1 * s, 3 * s, 33 * s, errTest, syscall.SIGTERM, "leaving", "draining"},
		{"signal, Cancel", never, []way{signal, kill}, 1 * s, 3 * s, 3 * s, errTest, syscall.SIGTERM, "leaving", "done"},
		{"signal, ctx's deadline", 3 * s, []way{signal}, 1 * s, 3 * s, 33 * s, nil, syscall.SIGTERM, "leaving", "draining"},
		{"ctx cancelled, signal", never, []way{end, signal}, 1 * s, 11 * s, 41 * s, nil, syscall.SIGTERM, "leaving", "leaving"},
		{"ctx cancelled, Exit", never, []way{end, exit}, 1 * s, 3 * s, 33 * s, nil, nil, "leaving", "draining"},
		{"ctx cancelled before its deadline", 3 * s, []way{end}, 1 * s, 11 * s, 41 * s, nil, nil, "leaving", "leaving"},
		{"Goexit in main", never, []way{goexit}, 1 * s, 1 * s, 31 * s, nil, nil, "draining", "draining"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				if c.deadline > 0 {
					ctx, cancel = context.WithTimeoutCause(ctx, c.deadline, errStop)
					defer cancel()
				}
				e := &ending{
					Loop: &aio.Loop{Logger: quiet, DrainDelay: 10 * s, Grace: 30 * s},
					sigs: make(chan os.Signal, 2), cancel: cancel, fail: make(chan error, 1),
				}
				for i, way := range c.ways {
					time.AfterFunc(time.Duration(1+2*i)*s, func() { way(e) })
				}
				phases := make(chan string, 3)
				for _, at := range []time.Duration{s / 2, s + s/2, 3*s + s/2} {
					time.AfterFunc(at, func() { phases <- e.Stats().Phase })
				}
				var left, drained, dead time.Duration
				err := e.RunSignals(ctx, e.sigs, func(ctx context.Context) error {
					aio.Spawn(ctx, "work", func(ctx context.Context) error {
						<-aio.Leaving(ctx)
						left = time.Since(start)
						<-aio.Draining(ctx)
						drained = time.Since(start)
						<-ctx.Done()
						dead = time.Since(start)
						eq(t, "phase", e.Stats().Phase, "cancelling")
						return nil
					})
					select {
					case err, ok := <-e.fail:
						if !ok {
							runtime.Goexit()
						}
						return err
					case <-ctx.Done():
						return nil
					}
				})
				wantErr(t, "Run", err, c.want)
				eq(t, "left, drained, dead", []time.Duration{left, drained, dead}, []time.Duration{c.left, c.drained, c.dead})
				eq(t, "Signal", e.Signal(), c.sig)
				eq(t, "phases", []string{<-phases, <-phases, <-phases}, []string{"running", c.phase1, c.phase3})
				eq(t, "in the end", e.Stats().Phase, "done")
			})
		})
	}
}

// While the loop leaves, what it does goes on as before: daemons, timers,
// functions that queue, and what main starts.
func TestLeavingGoesOn(t *testing.T) {
	var b bytes.Buffer
	l := &aio.Loop{Logger: slog.New(slog.NewTextHandler(&b, nil)), DrainDelay: 10 * time.Second, MaxInFlight: 1}
	var daemon error
	took := must(t, l, func(ctx context.Context) {
		start := time.Now()
		aio.Daemon(ctx, "daemon", func(ctx context.Context) error {
			<-ctx.Done()
			daemon = context.Cause(ctx)
			eq(t, "the daemon ended after", time.Since(start), 10*time.Second)
			return nil
		})
		op, _ := aio.Begin(ctx, 0, "op")
		l.Exit(nil)
		<-aio.Leaving(ctx)
		var dump bytes.Buffer
		l.Dump(&dump)
		if !strings.Contains(dump.String(), ": leaving, ") {
			t.Errorf("dump: %s", dump.String())
		}
		if until := aio.UntilDrain(ctx); until.Err() != nil || op.Draining() {
			t.Error("it drains")
		}
		var fs []*aio.Future[int]
		for range 3 {
			fs = append(fs, aio.Go(ctx, "queued", func(ctx context.Context) (int, error) { return 1, sleep(ctx, time.Second) }))
		}
		if err := aio.Wait(ctx, fs[0], fs[1], fs[2]); err != nil {
			t.Errorf("aio.Wait: %v", err)
		}
		eq(t, "three took", time.Since(start), 3*time.Second)
		<-aio.Draining(ctx)
		if !op.Draining() {
			t.Error("it does not drain")
		}
		op.End(nil)
	})
	eq(t, "took", took, 10*time.Second)
	wantErr(t, "daemon", daemon, aio.ErrExit)
	if text := b.String(); strings.Count(text, "leaving") != 1 || !strings.Contains(text, "level=INFO") || !strings.Contains(text, "delay=10s") {
		t.Errorf("log: %s", text)
	}
}

// A loop that becomes empty ends, and one that was empty does not wait.
func TestLeavingEmpty(t *testing.T) {
	l := func() *aio.Loop { return &aio.Loop{Logger: quiet, DrainDelay: time.Hour, OnEvent: func(aio.Event) {}} }
	for _, c := range []struct {
		name string
		main func(ctx context.Context)
		took time.Duration
	}{
		{"nothing", func(ctx context.Context) { aio.LoopOf(ctx).Exit(nil) }, 0},
		{"a daemon", func(ctx context.Context) {
			aio.Daemon(ctx, "", untilDead)
			aio.LoopOf(ctx).Exit(nil)
			<-aio.Leaving(ctx)
		}, 0},
		{"work", func(ctx context.Context) {
			aio.Spawn(ctx, "", func(ctx context.Context) error { return sleep(ctx, time.Minute) })
			aio.LoopOf(ctx).Exit(nil)
		}, time.Minute},
		{"an event handler", func(ctx context.Context) {
			aio.Spawn(aio.OnEvent(ctx, func(aio.Event) { time.Sleep(time.Minute) }), "", failing)
			aio.LoopOf(ctx).Exit(nil)
		}, time.Minute},
	} {
		eq(t, c.name, must(t, l(), c.main), c.took)
	}
}

// An Exit before Run does not cause a wait, and without a delay there is no
// phase.
func TestLeavingNot(t *testing.T) {
	early := &aio.Loop{DrainDelay: time.Hour}
	early.Exit(nil)
	for name, l := range map[string]*aio.Loop{"Exit before Run": early, "none": {}, "negative": {DrainDelay: -1}} {
		var b bytes.Buffer
		l.Logger = slog.New(slog.NewTextHandler(&b, nil))
		took := must(t, l, func(ctx context.Context) {
			l.Exit(nil)
			<-aio.Leaving(ctx)
			<-aio.Draining(ctx)
		})
		eq(t, name, took, 0)
		eq(t, name, b.String(), "")
	}
	if aio.Leaving(context.Background()) != nil {
		t.Error("Leaving without a loop")
	}
	l := &aio.Loop{DrainDelay: time.Hour, Logger: quiet}
	eq(t, "phase before Run", l.Stats().Phase, "")
	must(t, l, func(context.Context) {
		l.AtExit(func() { <-l.Leaving() }) // it ends without having left
	})
	eq(t, "phase after Run", l.Stats().Phase, "done")
}

// A loop within another leaves and drains with it, and has its own delay for
// its own end.
func TestLeavingNested(t *testing.T) {
	for _, c := range []struct {
		name                string
		outer, inner        time.Duration // their delays
		do                  func(outer, inner *aio.Loop)
		left, drained, took int // seconds
	}{
		{"outer Exit", 10 * time.Second, 0, func(o, _ *aio.Loop) { o.Exit(nil) }, 1, 11, 11},
		{"outer Exit, both have a delay", 10 * time.Second, time.Hour, func(o, _ *aio.Loop) { o.Exit(nil) }, 1, 11, 11},
		{"outer Exit, the inner has a delay", 0, time.Hour, func(o, _ *aio.Loop) { o.Exit(nil) }, 1, 1, 1},
		{"outer Exit(err)", 10 * time.Second, time.Hour, func(o, _ *aio.Loop) { o.Exit(errTest) }, 1, 1, 1},
		{"inner Exit", 10 * time.Second, 5 * time.Second, func(_, i *aio.Loop) { i.Exit(nil) }, 1, 6, 6},
		{"both", 10 * time.Second, 5 * time.Second, func(o, i *aio.Loop) { o.Exit(nil); synctest.Wait(); i.Exit(nil) }, 1, 6, 6},
		{"both, the outer's delay is shorter", 5 * time.Second, 10 * time.Second, func(o, i *aio.Loop) { i.Exit(nil); o.Exit(nil) }, 1, 6, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			outer := &aio.Loop{Logger: quiet, DrainDelay: c.outer}
			inner := &aio.Loop{Logger: quiet, DrainDelay: c.inner}
			var left, drained time.Duration
			took, err := bubble(t, outer, func(ctx context.Context) error {
				start := time.Now()
				time.AfterFunc(time.Second, func() { c.do(outer, inner) })
				return inner.Run(ctx, func(ctx context.Context) error {
					<-aio.Leaving(ctx)
					left = time.Since(start)
					<-aio.Draining(ctx)
					drained = time.Since(start)
					return nil
				})
			})
			if err != nil && !errors.Is(err, errTest) {
				t.Errorf("bubble: %v", err)
			}
			eq(t, "left, drained, took", []time.Duration{left, drained, took},
				[]time.Duration{seconds(c.left), seconds(c.drained), seconds(c.took)})
		})
	}
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
