package aio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"goaio.example/aio"
)

var errPanic = errors.New("panicked with an error")

// panics are the ways in which a function may not return.
var panics = []struct {
	name string
	do   func()
	is   func(p *aio.PanicError) bool // nil: Goexit
}{
	{"string", func() { panic("oh") }, func(p *aio.PanicError) bool { return p.Value == "oh" }},
	{"error", func() { panic(errPanic) }, func(p *aio.PanicError) bool { return errors.Is(p, errPanic) }},
	{"cancellation", func() { panic(context.Canceled) }, func(p *aio.PanicError) bool { return p.Value == context.Canceled }},
	{"nil", func() { panic(nil) }, func(p *aio.PanicError) bool {
		var n *runtime.PanicNilError
		return errors.As(p, &n)
	}},
	{"runtime error", func() { _ = noInts[0] }, func(p *aio.PanicError) bool {
		var e runtime.Error
		return errors.As(p, &e)
	}},
	{"PanicError", func() { panic(again) }, func(p *aio.PanicError) bool { return p == again }},
	{"Goexit", runtime.Goexit, nil},
}

var noInts []int

var again = &aio.PanicError{Value: "of another loop", Stack: []byte("panic_test.go")}

// places are where a function of the user's is called. start has do called
// there, once.
var places = []struct {
	name string
	// what the place returns, nil if it has nothing to return
	start func(ctx context.Context, do func()) error
	// start returns the place's error
	future bool
	// do is called at the loop's end
	end bool
}{
	{"Go", func(ctx context.Context, do func()) error {
		return await(ctx, aio.Go(ctx, "", func(context.Context) (int, error) { do(); return 0, nil }))
	}, true, false},
	{"Spawn", func(ctx context.Context, do func()) error {
		aio.Spawn(ctx, "", func(context.Context) error { do(); return nil })
		return nil
	}, false, false},
	{"Daemon", func(ctx context.Context, do func()) error {
		aio.Daemon(ctx, "", func(context.Context) error { do(); return nil })
		synctest.Wait()
		return nil
	}, false, false},
	{"Scope", func(ctx context.Context, do func()) error {
		return await(ctx, aio.Go(ctx, "", func(ctx context.Context) (error, error) {
			return nil, aio.Scope(ctx, "", func(context.Context) error { do(); return nil })
		}))
	}, true, false},
	{"Spawn in a Scope", func(ctx context.Context, do func()) error {
		return aio.Scope(ctx, "", func(ctx context.Context) error {
			aio.Spawn(ctx, "", func(context.Context) error { do(); return nil })
			return nil
		})
	}, true, false},
	{"Then", func(ctx context.Context, do func()) error {
		return await(ctx, aio.Then(ctx, aio.Resolved(1), func(context.Context, int) (int, error) { do(); return 0, nil }))
	}, true, false},
	{"Map", func(ctx context.Context, do func()) error {
		return await(ctx, aio.Map(ctx, aio.Resolved(1), func(int) (int, error) { do(); return 0, nil }))
	}, true, false},
	{"Catch", func(ctx context.Context, do func()) error {
		return await(ctx, aio.Catch(ctx, aio.Failed[int](errTest), func(context.Context, error) (int, error) { do(); return 0, nil }))
	}, true, false},
	{"Op.Go", func(ctx context.Context, do func()) error {
		op, _ := aio.Begin(ctx, 0, "")
		gone := make(chan error, 1)
		op.Go(do, func(err error) { op.End(nil); gone <- err })
		return <-gone
	}, true, false},
	{"Op.Call", func(ctx context.Context, do func()) error {
		op, _ := aio.Begin(ctx, 0, "")
		defer op.End(nil)
		var err error
		done := make(chan struct{})
		go func() {
			defer close(done)
			if e := op.Call(do, func(e error) { err = e }); e != nil {
				err = e
			}
		}()
		<-done
		return err
	}, true, false},
	{"OnCancel", func(ctx context.Context, do func()) error {
		op, _ := aio.Begin(ctx, 0, "")
		op.OnCancel(func(error) { do() })
		protect(func() { op.Cancel(nil) })
		op.End(nil)
		return nil
	}, false, false},
	{"OnEvent", func(ctx context.Context, do func()) error {
		aio.Spawn(aio.OnEvent(ctx, func(aio.Event) { do() }), "", failing)
		return nil
	}, false, false},
	{"AtExit", func(ctx context.Context, do func()) error { aio.LoopOf(ctx).AtExit(do); return nil }, false, true},
}

func await[T any](ctx context.Context, f *aio.Future[T]) error {
	_, err := f.Await(context.WithoutCancel(ctx))
	return err
}

func TestPanics(t *testing.T) {
	for _, place := range places {
		for _, kind := range panics {
			for _, catch := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/catch=%v", place.name, kind.name, catch), func(t *testing.T) {
					if kind.is == nil {
						goexitIn(t, place.start, place.future, catch)
					} else {
						panicIn(t, place.name, place.start, place.future, kind.do, kind.is, catch)
					}
				})
			}
		}
	}
}

func panicIn(t *testing.T, place string, start func(context.Context, func()) error, future bool, do func(), is func(*aio.PanicError) bool, catch bool) {
	var rec recorder
	var log bytes.Buffer
	var got, runErr error
	var fatal []error
	l := rec.loop()
	l.CatchPanics, l.Logger = catch, slog.New(slog.NewTextHandler(&log, nil))
	l.OnFatal = func(err error) { fatal = append(fatal, err) }
	var v any
	synctest.Test(t, func(*testing.T) {
		v = protect(func() {
			runErr = l.Run(context.Background(), func(ctx context.Context) error { got = start(ctx, do); return nil })
		})
	})
	var p *aio.PanicError
	if future && (!errors.As(got, &p) || !is(p)) {
		t.Errorf("the operation's error: %v", got)
	}
	handler := place == "OnEvent" // its panics are fatal
	switch {
	case catch && v != nil:
		t.Errorf("Run panicked with %v", v)
	case catch && !handler:
		ev := rec.events()
		if len(ev) != 1 || !errors.As(ev[0].Err, &p) || !is(p) || ev[0].Lost || runErr != nil || len(fatal) != 0 {
			t.Errorf("events: %v; Run: %v; OnFatal: %v", rec.texts(), runErr, fatal)
		}
	case catch:
		if !errors.As(runErr, &p) || !is(p) {
			t.Errorf("Run: %v", runErr)
		}
	default:
		if p, _ = v.(*aio.PanicError); p == nil || !is(p) {
			t.Fatalf("Run panicked with %v", v)
		}
		if len(rec.events()) != 0 {
			t.Errorf("events besides: %v", rec.texts())
		}
		if len(fatal) != 1 || fatal[0] != error(p) {
			t.Errorf("OnFatal: %v", fatal)
		}
		if !strings.Contains(log.String(), "panic_test.go") {
			t.Errorf("no stack in the log: %s", log.String())
		}
	}
	if p != nil && !strings.Contains(string(p.Stack), "panic_test.go") {
		t.Errorf("not the original stack: %s", p.Stack)
	}
}

func goexitIn(t *testing.T, start func(context.Context, func()) error, future, catch bool) {
	var rec recorder
	var got error
	l := rec.loop()
	l.CatchPanics = catch
	_, err := bubble(t, l, func(ctx context.Context) error { got = start(ctx, runtime.Goexit); return nil })
	if future && !errors.Is(got, aio.ErrGoexit) {
		t.Errorf("the operation's error: %v", got)
	}
	wantErr(t, "Run", err, nil)
	for _, e := range rec.events() {
		wantErr(t, "event", e.Err, aio.ErrGoexit)
	}
}

func TestMainPanics(t *testing.T) {
	for _, kind := range panics {
		for _, catch := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/catch=%v", kind.name, catch), func(t *testing.T) {
				var err error
				var v any
				ended := false
				l := &aio.Loop{Logger: quiet, CatchPanics: catch}
				l.AtExit(func() { ended = true })
				synctest.Test(t, func(*testing.T) {
					v = protect(func() {
						err = run(l, func(ctx context.Context) error {
							aio.Spawn(ctx, "", untilDead)
							kind.do()
							return nil
						})
					})
				})
				if !ended {
					t.Error("AtExit was not called")
				}
				var p *aio.PanicError
				switch {
				case kind.is == nil:
					eq(t, "Run", v, any("goexit"))
				case catch:
					if !errors.As(err, &p) || !kind.is(p) {
						t.Errorf("Run: %v", err)
					}
				default:
					if p, _ = v.(*aio.PanicError); p == nil || !kind.is(p) {
						t.Errorf("Run panicked with %v", v)
					}
				}
			})
		}
	}
}

func TestOnFatalPanics(t *testing.T) {
	for _, kind := range panics {
		for _, catch := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/catch=%v", kind.name, catch), func(t *testing.T) {
				var err error
				var v any
				l := &aio.Loop{Logger: quiet, CatchPanics: catch, OnFatal: func(error) { kind.do() }}
				synctest.Test(t, func(*testing.T) {
					v = protect(func() { err = run(l, failing) })
				})
				if p, _ := v.(*aio.PanicError); catch || kind.is == nil {
					if v != nil || err != errTest {
						t.Errorf("Run: %v, panic %v", err, v)
					}
				} else if p == nil || !kind.is(p) {
					t.Errorf("Run panicked with %v", v)
				}
			})
		}
	}
}

// A loop inside an operation of another passes its panic on, with the original
// stack.
func TestPanicThroughNestedLoop(t *testing.T) {
	var rec recorder
	l := rec.loop()
	l.CatchPanics = true
	must(t, l, func(ctx context.Context) {
		f := aio.Go(ctx, "", func(ctx context.Context) (int, error) {
			return 0, run(nil, func(ctx context.Context) error {
				return (&aio.Loop{Logger: quiet}).Run(ctx, func(ctx context.Context) error {
					aio.Spawn(ctx, "", func(context.Context) error { panic(errPanic) })
					return nil
				})
			})
		})
		_, err := f.Await(ctx)
		var p *aio.PanicError
		if !errors.As(err, &p) || p.Value != errPanic || !strings.Contains(string(p.Stack), "TestPanicThroughNestedLoop") {
			t.Errorf("%v", err)
		}
	})
	rec.want(t, "aio: panic: panicked with an error")
}

// A panic is counted where it happened, and reported once, even if others pass
// the error on.
func TestPanicToldOnce(t *testing.T) {
	var rec recorder
	l := rec.loop()
	l.CatchPanics = true
	must(t, l, func(ctx context.Context) {
		f := aio.Go(ctx, "a", func(context.Context) (int, error) { panic("oh") })
		f.Await(ctx)
		aio.Go(ctx, "dropped", func(context.Context) (int, error) { panic("oh") })
	})
	rec.want(t, "aio: panic: oh", "aio: panic: oh")
	eq(t, "panicked", l.Stats().Panicked, 2)
}

func TestPanicErrorText(t *testing.T) {
	p := &aio.PanicError{Value: 3}
	if p.Error() != "aio: panic: 3" || p.Unwrap() != nil {
		t.Error(p, p.Unwrap())
	}
}
