package aio_test

import (
	"context"
	"errors"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
)

// endsFirst is a driver whose operation ends as soon as it is cancelled, before
// the cancellation reaches its children. It then calls after.
type endsFirst struct {
	op    aio.Op
	after func(cause error)
}

func (d *endsFirst) OpCancel(cause error) {
	d.op.End(cause)
	d.after(cause)
}

// leftBehind is a driver that does not react to a cancellation.
type leftBehind struct{ op aio.Op }

func (d *leftBehind) OpCancel(error) {}

var kindLeft = aio.NewKind("test.left")

// TestCancelReachesNoMore holds that an operation which ends with the cause of
// an ancestor's cancellation has been cancelled and has not failed, although the
// ancestor has ended and the cancellation has not reached the operation yet.
func TestCancelReachesNoMore(t *testing.T) {
	why := errors.New("why")
	for name, ends := range map[string]func(cause error) error{
		"the cause":        func(cause error) error { return cause },
		"context.Canceled": func(error) error { return context.Canceled },
	} {
		for _, moved := range []bool{false, true} {
			t.Run(name+map[bool]string{false: "", true: " of a child that has moved up"}[moved], func(t *testing.T) {
				aiotest.Run(t, func(ctx context.Context) error {
					kid, between := new(leftBehind), new(leftBehind)
					top := &endsFirst{after: func(cause error) { kid.op.End(ends(cause)) }}
					if err := top.op.Start(ctx, kindLeft, "top", top); err != nil {
						return err
					}
					parent := top.op.Context()
					if moved {
						if err := between.op.Start(parent, kindLeft, "between", between); err != nil {
							return err
						}
						parent = between.op.Context()
					}
					if err := kid.op.Start(parent, kindLeft, "kid", kid); err != nil {
						return err
					}
					if moved {
						between.op.End(nil)
					}
					top.op.Cancel(why)
					return nil
				})
			})
		}
	}
}

// TestCancelReachesNoMoreFails holds that another error of such an operation is
// a failure.
func TestCancelReachesNoMoreFails(t *testing.T) {
	oops := errors.New("oops")
	var events []error
	l := &aio.Loop{OnEvent: func(e aio.Event) { events = append(events, e.Err) }}
	err := l.Run(context.Background(), func(ctx context.Context) error {
		kid := new(leftBehind)
		top := &endsFirst{after: func(error) { kid.op.End(oops) }}
		if err := top.op.Start(ctx, kindLeft, "top", top); err != nil {
			return err
		}
		if err := kid.op.Start(top.op.Context(), kindLeft, "kid", kid); err != nil {
			return err
		}
		top.op.Cancel(errors.New("why"))
		return nil
	})
	if err != nil || len(events) != 1 || !errors.Is(events[0], oops) {
		t.Errorf("Run: %v, events %v; want no error and the event %v", err, events, oops)
	}
}
