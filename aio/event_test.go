package aio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

func failing(context.Context) error { return errTest }

func TestEventGoesToNearestScope(t *testing.T) {
	var loop, outer, inner, before recorder
	l := loop.loop()
	synctest.Test(t, func(t *testing.T) {
		err := l.Run(aio.OnEvent(context.Background(), before.add), func(ctx context.Context) error {
			aio.Spawn(ctx, "of the loop", failing)
			ctx = aio.OnEvent(ctx, outer.add)
			aio.Spawn(ctx, "of the outer", func(ctx context.Context) error {
				aio.Spawn(ctx, "inherits", failing)
				aio.Spawn(context.WithValue(aio.OnEvent(ctx, inner.add), key("k"), 1), "of the inner", failing)
				aio.Spawn(aio.Detach(ctx), "detached", failing)
				return nil
			})
			return nil
		})
		wantErr(t, "Run", err, nil)
	})
	names := func(r *recorder) (out []string) {
		for _, e := range r.events() {
			if e.Err != errTest || e.Lost || e.Loop != l || e.Time.IsZero() {
				t.Errorf("%+v", e)
			}
			out = append(out, e.Op.Name)
		}
		return out
	}
	eq(t, "loop", names(&loop), []string{"of the loop"})
	eq(t, "outer", len(names(&outer)), 2)
	eq(t, "inner", names(&inner), []string{"of the inner"})
	eq(t, "outside of the loop", len(names(&before)), 0)
}

// A scope made outside of any loop serves a loop without a handler.
func TestEventScopeAroundLoop(t *testing.T) {
	var rec recorder
	synctest.Test(t, func(t *testing.T) {
		err := (&aio.Loop{Logger: quiet}).Run(aio.OnEvent(context.Background(), rec.add), func(ctx context.Context) error {
			aio.Spawn(ctx, "", failing)
			return nil
		})
		wantErr(t, "Run", err, nil)
	})
	rec.want(t, errTest.Error())
}

func TestEventsOfNestedLoops(t *testing.T) {
	var outer, scoped, inner recorder
	must(t, outer.loop(), func(ctx context.Context) {
		ctx = aio.OnEvent(ctx, scoped.add)
		spawn := func(ctx context.Context) error { aio.Spawn(ctx, "", failing); return nil }
		wantErr(t, "with a handler", inner.loop().Run(ctx, spawn), nil)
		wantErr(t, "without", (&aio.Loop{Logger: quiet}).Run(ctx, spawn), nil)
	})
	inner.want(t, errTest.Error())
	scoped.want(t, errTest.Error())
	outer.want(t)
}

// Handlers are serialised, may start operations and may pass on to
// DefaultOnEvent. An undelivered event holds the loop open.
func TestHandlers(t *testing.T) {
	var inside, calls, retried atomic.Int64
	var main context.Context
	l := &aio.Loop{Logger: quiet}
	l.OnEvent = func(e aio.Event) {
		if inside.Add(1) != 1 {
			t.Error("two calls at once")
		}
		calls.Add(1)
		time.Sleep(time.Second)
		aio.Spawn(main, "retry", func(ctx context.Context) error { retried.Add(1); return ctx.Err() })
		inside.Add(-1)
	}
	took := must(t, l, func(ctx context.Context) {
		main = ctx
		for range 5 {
			aio.Spawn(ctx, "", failing)
		}
	})
	eq(t, "calls", calls.Load(), 5)
	eq(t, "retries that ran", retried.Load(), 5)
	eq(t, "took", took, 5*time.Second)
}

// TestHandlerHoldsTheLoopOpen checks that in each phase the loop ends as soon
// as its event handlers have returned, if nothing else is left, and not before.
func TestHandlerHoldsTheLoopOpen(t *testing.T) {
	for _, phase := range []string{"running", "leaving", "draining"} {
		returned := false
		l := &aio.Loop{Logger: quiet, Grace: time.Minute, OnEvent: func(aio.Event) {
			time.Sleep(time.Second)
			returned = true
		}}
		if phase == "leaving" {
			l.DrainDelay = time.Minute
		}
		took := must(t, l, func(ctx context.Context) {
			aio.Spawn(ctx, "fails", failing)
			if phase != "running" {
				l.Exit(nil)
			}
		})
		eq(t, phase+": Run took", took, time.Second)
		eq(t, phase+": the handler has returned", returned, true)
	}
}

func TestDefaultOnEvent(t *testing.T) {
	connErr := aio.NewConnError("read", "tcp", "1.2.3.4:5", 3, errors.New("broken"))
	for _, c := range []struct {
		name string
		err  error
		want error
		log  string
	}{
		{"an error", errTest, errTest, "ERROR"},
		{"of a connection", connErr, nil, "ERROR"},
		{"information", aio.NewConnError("read", "tcp", "1.2.3.4:5", 3, io.EOF), nil, "DEBUG"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			l := &aio.Loop{Name: "L", Logger: slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))}
			_, err := bubble(t, l, func(ctx context.Context) error {
				aio.Spawn(ctx, "op name", func(context.Context) error { return c.err })
				return nil
			})
			wantErr(t, "Run", err, c.want)
			for _, s := range []string{c.log, `op="op name"`, "kind=aio.spawn", "loop=L"} {
				if !strings.Contains(b.String(), s) {
					t.Errorf("%q is not in the log: %s", s, b.String())
				}
			}
		})
	}
}

// A panic is fatal by default, whatever its value is.
func TestDefaultOnEventPanic(t *testing.T) {
	for _, v := range []any{"oh", io.EOF, aio.ErrEOF, aio.ErrRefused, context.Canceled, aio.ErrGoexit} {
		var b bytes.Buffer
		l := &aio.Loop{CatchPanics: true, Logger: slog.New(slog.NewTextHandler(&b, nil))}
		_, err := bubble(t, l, func(ctx context.Context) error {
			aio.Spawn(ctx, "", func(context.Context) error { panic(v) })
			return nil
		})
		var p *aio.PanicError
		if !errors.As(err, &p) || p.Value != v {
			t.Errorf("%v: Run returned %v", v, err)
		}
		if !strings.Contains(b.String(), "event_test.go") {
			t.Errorf("%v: no stack in the log: %s", v, b.String())
		}
	}
}

func TestHandlerPanics(t *testing.T) {
	for _, catch := range []bool{false, true} {
		t.Run(fmt.Sprint(catch), func(t *testing.T) {
			var fatal error
			var delivered atomic.Int64
			l := &aio.Loop{Logger: quiet, CatchPanics: catch, OnFatal: func(err error) { fatal = err }}
			l.OnEvent = func(e aio.Event) {
				delivered.Add(1)
				if e.Op.Name == "bad" {
					panic("in handler")
				}
			}
			var v any
			var err error
			synctest.Test(t, func(*testing.T) {
				v = protect(func() {
					err = run(l, func(ctx context.Context) error {
						aio.Spawn(ctx, "bad", failing)
						synctest.Wait()
						aio.Spawn(ctx, "good", failing)
						return untilDraining(ctx)
					})
				})
			})
			if catch == (v != nil) {
				t.Errorf("Run panicked with %v", v)
			}
			if v != nil {
				err, _ = v.(error)
			}
			var p *aio.PanicError
			if !errors.As(err, &p) || p.Value != "in handler" || fatal != error(p) {
				t.Errorf("Run: %v, OnFatal: %v", err, fatal)
			}
			eq(t, "delivered", delivered.Load(), 2)
		})
	}
}

func untilDraining(ctx context.Context) error { <-aio.Draining(ctx); return nil }

func TestHandlerGoexit(t *testing.T) {
	var delivered atomic.Int64
	l := &aio.Loop{Logger: quiet, OnEvent: func(aio.Event) { delivered.Add(1); runtime.Goexit() }}
	must(t, l, func(ctx context.Context) {
		for range 3 {
			aio.Spawn(ctx, "", failing)
		}
	})
	eq(t, "delivered", delivered.Load(), 3)
}

// A handler that hangs is given up on, and named.
func TestHandlerHangs(t *testing.T) {
	for _, exit := range []bool{false, true} {
		t.Run(fmt.Sprintf("exit=%v", exit), func(t *testing.T) {
			release := make(chan struct{})
			var b bytes.Buffer
			l := &aio.Loop{Grace: 3 * time.Second, Abandon: 2 * time.Second}
			l.Logger = slog.New(slog.NewTextHandler(&b, nil))
			var err error
			synctest.Test(t, func(t *testing.T) {
				release = make(chan struct{})
				l.OnEvent = func(aio.Event) { <-release }
				start := time.Now()
				err = l.Run(context.Background(), func(ctx context.Context) error {
					aio.Spawn(ctx, "first", failing)
					synctest.Wait()
					aio.Spawn(ctx, "second", failing)
					if exit {
						l.Exit(nil)
					}
					return nil
				})
				eq(t, "took", time.Since(start), 5*time.Second)
				close(release)
			})
			var s *aio.StuckError
			if !errors.As(err, &s) || len(s.Ops) != 1 || s.Ops[0].Name != "OnEvent" || !strings.Contains(s.Ops[0].Stack, "event_test.go") {
				t.Errorf("Run: %v", err)
			}
			if !strings.Contains(b.String(), "op=second") {
				t.Errorf("the event not delivered is not in the log: %s", b.String())
			}
		})
	}
}

// An event after the loop's end is logged.
func TestEventAfterEnd(t *testing.T) {
	var b bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		l := &aio.Loop{Grace: -1, Abandon: -1, Logger: slog.New(slog.NewTextHandler(&b, nil))}
		err := run(l, func(ctx context.Context) error {
			aio.Spawn(ctx, "late", func(context.Context) error { <-release; return errTest })
			l.Exit(nil)
			return nil
		})
		if err == nil {
			t.Error("nothing stuck")
		}
		close(release)
		synctest.Wait()
	})
	if s := b.String(); !strings.Contains(s, "op=late") || !strings.Contains(s, errTest.Error()) {
		t.Errorf("log: %s", s)
	}
}

// An operation can report a condition without ending.
func TestReport(t *testing.T) {
	var rec recorder
	must(t, rec.loop(), func(ctx context.Context) {
		op, err := aio.Begin(ctx, 0, "reporter")
		if err != nil {
			t.Fatalf("aio.Begin: %v", err)
		}
		op.Report(errTest)
		op.Report(errStop)
		op.End(nil)
	})
	rec.want(t, errTest.Error(), errStop.Error())
}

// What serves a peer, and what that has started, wherever it has gone to since:
// its errors and panics are events that do not exit the loop by default.
func TestDefaultOnEventServed(t *testing.T) {
	kind := aio.NewKind("test.served")
	panics := func(context.Context) error { panic("oh") }
	for _, fn := range []func(context.Context) error{failing, panics} {
		for name, start := range map[string]func(ctx context.Context){
			"child":          func(ctx context.Context) { aio.Spawn(ctx, "", fn) },
			"grandchild":     func(ctx context.Context) { spawn(ctx, func(ctx context.Context) error { spawn(ctx, fn); return nil }) },
			"daemon":         func(ctx context.Context) { aio.Daemon(ctx, "", fn) },
			"detached":       func(ctx context.Context) { aio.Spawn(aio.Detach(ctx), "", fn) },
			"without cancel": func(ctx context.Context) { aio.Spawn(context.WithoutCancel(ctx), "", fn) },
			"lent loop":      func(ctx context.Context) { aio.Spawn(aio.WithLoop(ctx, aio.LoopOf(ctx)), "", fn) },
			"of a detached": func(ctx context.Context) {
				spawn(aio.Detach(ctx), func(ctx context.Context) error { spawn(ctx, fn); return nil })
			},
			"later": func(ctx context.Context) {
				spawn(ctx, func(ctx context.Context) error {
					time.Sleep(time.Second) // what has started it has ended
					aio.Spawn(ctx, "", fn)
					return nil
				})
			},
		} {
			t.Run(name, func(t *testing.T) {
				l := &aio.Loop{Logger: quiet, CatchPanics: true}
				var served []bool
				_, err := bubble(t, l, func(ctx context.Context) error {
					ctx = aio.OnEvent(ctx, func(e aio.Event) {
						served = append(served, e.Served)
						aio.DefaultOnEvent(e)
					})
					var op aio.Op
					op.AsServed()
					if err := op.Start(ctx, kind, "request", nil); err != nil {
						return err
					}
					start(op.Context())
					op.End(nil)
					<-time.After(time.Hour)
					select {
					case <-aio.Draining(ctx):
						t.Error("the loop exits")
					default:
					}
					return nil
				})
				wantErr(t, "Run", err, nil)
				if len(served) != 1 || !served[0] {
					t.Errorf("events: served %v", served)
				}
			})
		}
	}
}

func spawn(ctx context.Context, fn func(context.Context) error) { aio.Spawn(ctx, "", fn) }

// Main's own children are not served, whatever else is: also the operation that
// its loop runs in.
func TestNotServed(t *testing.T) {
	around := map[string]func(ctx context.Context) context.Context{
		"":                                   func(context.Context) context.Context { return context.Background() },
		" in a served one":                   func(ctx context.Context) context.Context { return ctx },
		" in one detached from a served one": aio.Detach,
		" in one with a ctx lent a loop": func(ctx context.Context) context.Context {
			return aio.WithLoop(ctx, aio.LoopOf(ctx))
		},
	}
	for name, sub := range map[string]func(ctx context.Context) context.Context{
		"main":           func(ctx context.Context) context.Context { return ctx },
		"detached":       aio.Detach,
		"without cancel": context.WithoutCancel,
		"value":          func(ctx context.Context) context.Context { return context.WithValue(ctx, key("k"), 1) },
		"lent loop":      func(ctx context.Context) context.Context { return aio.WithLoop(context.Background(), aio.LoopOf(ctx)) },
	} {
		for where, around := range around {
			t.Run(name+where, func(t *testing.T) {
				must(t, nil, func(ctx context.Context) {
					var served aio.Op
					served.AsServed()
					served.Start(ctx, 0, "", nil)
					defer served.End(nil)
					err := (&aio.Loop{Logger: quiet}).Run(around(served.Context()), func(ctx context.Context) error {
						aio.Spawn(sub(ctx), "", failing)
						return untilDraining(ctx)
					})
					wantErr(t, "Run", err, errTest)
				})
			})
		}
	}
}

// LogEvents logs what DefaultOnEvent does, and the loop goes on.
func TestLogEvents(t *testing.T) {
	var b bytes.Buffer
	l := &aio.Loop{CatchPanics: true, OnEvent: aio.LogEvents, Logger: slog.New(slog.NewTextHandler(&b, nil))}
	must(t, l, func(ctx context.Context) {
		aio.Spawn(ctx, "fails", failing)
		aio.Spawn(ctx, "panics", func(context.Context) error { panic("oh") })
		time.Sleep(time.Second)
		select {
		case <-l.Draining():
			t.Error("the loop exits")
		default:
		}
	})
	for _, s := range []string{"op=fails", "op=panics", "event_test.go", "level=ERROR"} {
		if !strings.Contains(b.String(), s) {
			t.Errorf("%q is not in the log: %s", s, b.String())
		}
	}
}

// TestLogEventsRecord checks the record that LogEvents makes of each kind of
// event.
func TestLogEventsRecord(t *testing.T) {
	oh := &aio.PanicError{Value: "oh", Stack: []byte("its stack")}
	for _, c := range []struct {
		name string
		e    aio.Event
		want string
	}{
		{"an error", aio.Event{Err: errTest}, `level=ERROR msg=event op=work kind=op err="test error"`},
		{"a lost error", aio.Event{Err: errTest, Lost: true}, `level=ERROR msg=event op=work kind=op err="test error" lost=true`},
		{"information", aio.Event{Err: aio.ErrEOF}, `level=DEBUG msg=event op=work kind=op err="aio: EOF"`},
		{"a panic", aio.Event{Err: oh}, `level=ERROR msg=event op=work kind=op err="aio: panic: oh" stack="its stack"`},
		{"a panic with information", aio.Event{Err: &aio.PanicError{Value: aio.ErrEOF, Stack: oh.Stack}}, `level=ERROR msg=event op=work kind=op err="aio: panic: aio: EOF" stack="its stack"`},
	} {
		var b bytes.Buffer
		c.e.Loop = &aio.Loop{Logger: slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{
			Level: slog.LevelDebug,
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			},
		}))}
		c.e.Op.Name = "work"
		aio.LogEvents(c.e)
		eq(t, "LogEvents logs of "+c.name, strings.TrimSpace(b.String()), c.want)
	}
}

// A child that learns of its parent's cancellation before its own returns that
// cause: this is not an event.
func TestCancelledBeforeChild(t *testing.T) {
	var rec recorder
	l := rec.loop()
	err := run(l, func(ctx context.Context) error {
		op, err := aio.Begin(ctx, aio.NewKind("test.parent"), "parent")
		if err != nil {
			return err
		}
		learned := make(chan struct{})
		aio.Spawn(op.Context(), "child", func(context.Context) error {
			<-learned
			return context.Cause(op.Context())
		})
		op.OnCancel(func(error) { // is called before the children are cancelled
			close(learned)
			for l.Stats().InFlight > 2 {
				runtime.Gosched()
			}
		})
		op.Cancel(errStop)
		op.End(errStop)
		return nil
	})
	wantErr(t, "Run", err, nil)
	rec.want(t)
}

// reporter is a handler of package log/slog that reports the first record's
// arrival as an event.
type reporter struct {
	slog.Handler
	op      *aio.Op
	records atomic.Int64
}

func (r *reporter) Enabled(context.Context, slog.Level) bool { return true }

func (r *reporter) Handle(context.Context, slog.Record) error {
	if r.records.Add(1) == 1 {
		r.op.Report(errTest)
	}
	return nil
}

// Events after the end of the loop are logged, even by a logger that itself
// causes events.
func TestReportAfterEnd(t *testing.T) {
	r := &reporter{Handler: slog.DiscardHandler}
	err := run(&aio.Loop{Logger: slog.New(r)}, func(ctx context.Context) (err error) {
		r.op, err = aio.Begin(ctx, 0, "")
		r.op.End(nil)
		return err
	})
	wantErr(t, "Run", err, nil)
	r.op.Report(errTest)
	eq(t, "records", r.records.Load(), 2)
}
