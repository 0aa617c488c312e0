package aio

import (
	"context"
	"reflect"
	"runtime"
	"strings"
)

// Spawn runs fn as an operation whose result nobody waits for: its error goes
// to the Scope around it or to the event handler. It never blocks. name says
// what it is in listings; "" stands for fn's own name. fn runs even if ctx is
// dead, because it may own something to release. If ctx has no running loop, fn
// does not run, and that is logged.
func Spawn(ctx context.Context, name string, fn func(ctx context.Context) error) {
	o := new(Op)
	name = nameOf(name, fn)
	if err := o.start(ctx, kindSpawn, name, 0); err != nil {
		logUnstarted(ctx, name, err)
		return
	}
	o.run.launch(o, func() { o.runTask(fn) })
}

// Daemon is Spawn for work that serves other work: it does not hold the loop
// open, nor does what it starts, and it is cancelled once the loop is empty,
// when the Scope around it has nothing else left, or at drain, unless it serves
// work in progress that started it.
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

// logUnstarted tells of a Spawn or Daemon that could not be started.
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

// FuncName returns the name of the function fn, "" for anything else: what
// drivers name unnamed operations by. The name begins with that of the package,
// without the rest of the import path, as in httpx.(*Client).Get.
func FuncName(fn any) string {
	v := reflect.ValueOf(fn)
	if v.Kind() != reflect.Func || v.IsNil() {
		return ""
	}
	name := runtime.FuncForPC(v.Pointer()).Name()
	name = name[strings.LastIndexByte(name, '/')+1:]
	return strings.TrimSuffix(name, "-fm") // of a method value
}
