package aio

import (
	"context"
	"reflect"
	"runtime"
	"strings"
)

// Spawn runs fn in a goroutine as an operation without a result: its error goes
// to the Scope around it, else to the event handler. It never blocks. name
// names the operation in listings; "" stands for fn's own name. fn runs even if
// ctx has ended, because it may own something to release. If ctx has no running
// loop, Spawn logs that, and fn does not run.
func Spawn(ctx context.Context, name string, fn func(ctx context.Context) error) {
	o := new(Op)
	name = nameOf(name, fn)
	if err := o.start(ctx, kindSpawn, name, 0); err != nil {
		logUnstarted(ctx, name, err)
		return
	}
	o.run.launch(o, func() { o.runTask(fn) })
}

// Daemon is Spawn for functions that serve others. Neither the daemon nor what
// it starts holds the loop open. It is cancelled once the loop is empty, when
// only daemons are left in the Scope around it, and when the loop drains,
// unless work in progress started it.
func Daemon(ctx context.Context, name string, fn func(ctx context.Context) error) {
	o := new(Op)
	name = nameOf(name, fn)
	if err := o.start(ctx, kindDaemon, name, isDaemon); err != nil {
		logUnstarted(ctx, name, err)
		return
	}
	if o.run.drains() && o.TopLevel() {
		o.cancel(ErrExit)
	}
	o.run.start(func() { o.runTask(fn) })
}

// runTask runs the function of a Spawn or Daemon.
func (o *Op) runTask(fn func(ctx context.Context) error) {
	var err error
	ok := false
	defer func() {
		if !ok {
			err = o.caught(recover())
		}
		o.End(err)
	}()
	if o.annotated() {
		defer o.annotate()()
	}
	err = callErr(o.mark(), o.Context(), fn)
	ok = true
}

// callErr calls fn with a mark on the stack.
//
//go:noinline
func callErr(_ mark, ctx context.Context, fn func(ctx context.Context) error) error { return fn(ctx) }

// logUnstarted logs that a Spawn or Daemon could not be started.
func logUnstarted(ctx context.Context, name string, err error) {
	l := LoopOf(ctx)
	if l == nil {
		l = new(Loop)
	}
	l.logger().Error("operation not started", "op", name, "err", err)
}

// nameOf returns name or, if that is empty, the name of the function fn.
func nameOf(name string, fn any) string {
	if name != "" {
		return name
	}
	return FuncName(fn)
}

// FuncName returns the name of the function fn, "" if fn is not a function or
// is nil. Drivers name operations by it. The name begins with that of the
// package, without the rest of the import path, as in httpx.(*Client).Get.
func FuncName(fn any) string {
	v := reflect.ValueOf(fn)
	if v.Kind() != reflect.Func || v.IsNil() {
		return ""
	}
	name := runtime.FuncForPC(v.Pointer()).Name()
	name = name[strings.LastIndexByte(name, '/')+1:]
	return strings.TrimSuffix(name, "-fm") // of a method value
}
