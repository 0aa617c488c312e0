package aio_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
)

func TestBegin(t *testing.T) {
	took := must(t, nil, func(ctx context.Context) {
		op, err := aio.Begin(ctx, 0, "op")
		if err != nil {
			t.Fatalf("aio.Begin: %v", err)
		}
		if op.Loop() != aio.LoopOf(ctx) || op.Info().Name != "op" || op.Ended() || !op.Idle() || !op.TopLevel() {
			t.Error("a new operation")
		}
		kid := aio.NewPromise[int](op.Context(), 0, "kid")
		if op.Idle() || kid.Op().TopLevel() {
			t.Error("an operation with a child")
		}
		kid.Resolve(1)
		if !op.Idle() {
			t.Error("not idle")
		}
		time.AfterFunc(time.Second, func() {
			if !op.End(nil) || op.End(errTest) || !op.Ended() {
				t.Error("End")
			}
			op.Cancel(errStop) // too late
			op.OnCancel(func(error) { t.Error("OnCancel after End") })
		})
	})
	eq(t, "took", took, time.Second)
}

func TestOpEndError(t *testing.T) {
	var rec recorder
	must(t, rec.loop(), func(ctx context.Context) {
		op, _ := aio.Begin(ctx, 0, "")
		op.End(errTest)
		op, _ = aio.Begin(ctx, 0, "")
		op.Cancel(errStop)
		op.End(errStop) // only says that it was cancelled
		op, _ = aio.Begin(ctx, 0, "")
		op.Told()
		op.End(errors.New("told by its driver"))
	})
	rec.want(t, errTest.Error())
}

func TestOnCancel(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		op, _ := aio.Begin(ctx, 0, "")
		var got []error
		note := func(cause error) { got = append(got, cause) }
		op.OnCancel(note)
		op.OnCancel(note)
		op.Cancel(errStop)
		op.Cancel(errTest)
		op.OnCancel(note) // at once
		eq(t, "causes", got, []error{errStop, errStop, errStop})
		op.End(nil)

		dead, cancel := context.WithCancelCause(ctx)
		cancel(errStop)
		op, _ = aio.Begin(dead, 0, "")
		got = nil
		op.OnCancel(note)
		synctest.Wait()
		eq(t, "causes of a dead ctx", got, []error{errStop})
		op.End(nil)
	})
}

func TestDriver(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		d := &testDriver{name: "named by its driver"}
		var op aio.Op
		if err := op.Start(ctx, 0, "", d); err != nil {
			t.Fatalf("op.Start: %v", err)
		}
		eq(t, "names", infoNames(aio.LoopOf(ctx)), []string{d.name})
		a, b := aio.NewPromise[int](op.Context(), 0, ""), aio.NewPromise[int](op.Context(), 0, "")
		for i := range aio.LoopOf(ctx).Ops() {
			if i.Kind.String() == "aio.promise" && i.By != d.name {
				t.Errorf("%+v", i)
			}
		}
		a.Resolve(1)
		eq(t, "told idle", d.idle.Load(), 0)
		b.Resolve(1)
		eq(t, "told idle", d.idle.Load(), 1)
		op.Cancel(errStop)
		op.Cancel(errStop)
		eq(t, "told cancelled", d.cancel.Load(), 1)
		op.End(nil)
	})
}

func TestAsDaemon(t *testing.T) {
	took := must(t, nil, func(ctx context.Context) {
		var op, lazy aio.Op
		d, e := &testDriver{onCancel: func(cause error) { op.End(cause) }}, &testDriver{onCancel: func(cause error) { lazy.End(cause) }}
		op.AsDaemon()
		op.Start(ctx, 0, "daemon", d)
		lazy.AsBackground()
		lazy.Start(ctx, 0, "background", e)
		aio.Spawn(ctx, "work", func(ctx context.Context) error {
			<-aio.Draining(ctx)
			synctest.Wait()
			eq(t, "at drain", []int64{d.cancel.Load(), d.drain.Load(), e.cancel.Load(), e.drain.Load()}, []int64{1, 0, 0, 1})
			return sleep(ctx, time.Second)
		})
		aio.LoopOf(ctx).Exit(nil)
	})
	eq(t, "took", took, time.Second)
}

// A lasting operation outlives the ctx it was started with, but not its
// ancestors.
func TestAsLasting(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		var op aio.Op
		d := &testDriver{}
		d.onCancel = func(cause error) { op.End(cause) }
		around := aio.NewPromise[int](ctx, 0, "")
		sub, cancel := context.WithTimeout(context.WithValue(around.Context(), key("k"), 1), time.Second)
		defer cancel()
		op.AsLasting()
		op.Start(sub, 0, "", d)
		time.Sleep(time.Minute)
		if op.Context().Err() != nil || op.Context().Value(key("k")) != 1 {
			t.Error(op.Context().Err())
		}
		around.Future().Cancel(errStop)
		eq(t, "cancelled", d.cancel.Load(), 1)
		wantErr(t, "cause", context.Cause(op.Context()), errStop)
	})
}

// The ctx that an ancestor was started with cancels a lasting operation with
// that ancestor, while it runs, and not when it has succeeded: in whichever
// order Done was asked for.
func TestAsLastingBelowForeign(t *testing.T) {
	for asked, ask := range map[string]func(ctx context.Context){
		"nothing": func(context.Context) {},
		"Done":    func(ctx context.Context) { ctx.Done() },
	} {
		for _, ends := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s asked, ancestor ends: %v", asked, ends), func(t *testing.T) {
				must(t, nil, func(ctx context.Context) {
					foreign, cancel := context.WithTimeoutCause(ctx, time.Second, errStop)
					defer cancel()
					var op aio.Op
					aio.Go(foreign, "ancestor", func(ctx context.Context) (int, error) {
						ask(ctx)
						aio.Go(ctx, "parent", func(ctx context.Context) (int, error) {
							ask(ctx)
							op.AsLasting()
							return 0, op.Start(ctx, 0, "", nil)
						}).Await(context.Background())
						if !ends {
							time.Sleep(time.Minute)
						}
						return 0, nil
					}).Await(ctx)
					time.Sleep(time.Minute)
					var want error
					if !ends {
						want = errStop
					}
					wantErr(t, "cause", context.Cause(op.Context()), want)
					eq(t, "cancelled", op.Info().Cancelled, !ends)
					op.End(nil)
				})
			})
		}
	}
}

func TestFuncName(t *testing.T) {
	eq(t, "function", aio.FuncName(TestFuncName), "aio_test.TestFuncName")
	eq(t, "method", aio.FuncName(t.Helper), "testing.(*common).Helper")
	eq(t, "nil", aio.FuncName((func())(nil)), "")
	eq(t, "no function", aio.FuncName(3), "")
}

func TestAlarms(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		op, _ := aio.Begin(ctx, 0, "")
		defer op.End(nil)
		if alarm.Of(op) == nil || alarm.Of(op).Len() != 0 {
			t.Error("alarms")
		}
		aio.Timeout(ctx, aio.NewPromise[int](ctx, 0, "").Future(), time.Hour).Cancel(nil)
		eq(t, "alarms of a cancelled Timeout", alarm.Of(op).Len(), 0)
		aio.LoopOf(ctx).Cancel(nil)
	})
}
