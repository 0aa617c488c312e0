package flow

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
	"goaio.example/aio/timer"
)

var kindKeep = aio.NewKind("flow.keep")

// Keeper is a Keep in progress, or one that has ended. Its methods may be
// called from any goroutine.
type Keeper struct {
	promise aio.Promise[struct{}]
	alarm   alarm.Alarm
	name    string
	restart Restart
	fn      func(ctx context.Context) error
	count   atomic.Int64

	mu    sync.Mutex
	state keeperState

	// Of the goroutine of the function.
	judging  bool      // the function has ended, and what follows is decided
	began    time.Time // when the function began
	failures int       // since it was healthy
	recent   []time.Time
}

// keeperState is what a Keeper does.
type keeperState uint8

const (
	// keeperWaits: for its alarm, or to begin. It begins the function, or ends.
	keeperWaits keeperState = iota
	// keeperRuns: the function runs, or has ended and what follows is decided.
	// It waits, or ends.
	keeperRuns
	// keeperOver: it has ended.
	keeperOver
)

// Keep runs fn, and restarts it when it fails, as r says. A Keep is one
// operation, a child of the one that ctx belongs to, and holds the loop open.
// While it waits to restart fn it has no goroutine. fn needs no slot of an
// aio.Limit or of Loop.MaxInFlight. name names the operation in listings; ""
// stands for fn's own name. Keep never blocks. A Keep that is started below an
// aio.Daemon is a daemon too.
//
// Each run of fn is an aio.Scope: it has ended when everything that fn started
// with its ctx has ended, daemons included. An error of what fn started cancels
// the run and is the run's error. So one run leaves nothing behind when the
// next one begins. A panic, with Loop.CatchPanics, and runtime.Goexit in fn are
// failures.
//
// The Keep ends when fn returns nil (unless r.Always), when ctx ends, and when
// the loop drains and fn has returned. It fails when fn returns an error made
// by timer.Permanent, with that error, and when fn was restarted too often,
// with a *RestartError. The error goes to the Scope around the Keep, else to
// the event handler, unless Keeper.Future was called before.
//
// When ctx ends, a Keep that waits ends at once, and fn's ctx ends. When the
// loop drains, a Keep that waits ends with aio.ErrExit; fn goes on and is not
// restarted. A fn that does not end by itself should end at aio.Draining.
func Keep(ctx context.Context, name string, r Restart, fn func(ctx context.Context) error) *Keeper {
	if name == "" {
		name = aio.FuncName(fn)
	}
	k := &Keeper{name: name, restart: r, fn: fn}
	d := (*keeperDriver)(k)
	k.alarm.Init(d)
	k.promise.AsCallback()
	op := k.promise.Op()
	if k.promise.Start(ctx, kindKeep, name, d) != nil {
		return k
	}
	if op.Draining() && op.TopLevel() {
		d.OpDrain()
	}
	d.Fire()
	return k
}

// Future returns the Keep's future. After a call of Future, an error of the
// Keep's becomes an event only if nothing looks at it. Cancelling the future
// cancels the Keep. If ctx has no running loop, the future has failed with
// aio.ErrNoLoop or aio.ErrLoopDone.
func (k *Keeper) Future() *aio.Future[struct{}] { return k.promise.Future() }

// Restarts returns how often the function was begun again, or is about to be.
func (k *Keeper) Restarts() int { return int(k.count.Load()) }

// keeperDriver is a Keeper as seen by the loop and by the heap of alarms.
type keeperDriver Keeper

var _ aio.Drainer = (*keeperDriver)(nil)

// Fire begins the function.
func (d *keeperDriver) Fire() {
	k := (*Keeper)(d)
	if k.pass(keeperWaits, keeperRuns) {
		k.promise.Op().Go(k.run, k.gone)
	}
}

func (d *keeperDriver) OpCancel(cause error) {
	k := (*Keeper)(d)
	if k.pass(keeperWaits, keeperOver) {
		k.promise.Reject(cause)
		alarm.Of(k.promise.Op()).Stop(&k.alarm)
	}
}

func (d *keeperDriver) OpDrain() { d.OpCancel(aio.ErrExit) }

// pass goes from one state to another. It reports false if the Keeper is not in
// the first.
func (k *Keeper) pass(from, to keeperState) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.state != from {
		return false
	}
	k.state = to
	return true
}

// run runs the function once.
func (k *Keeper) run() {
	ctx := k.promise.Context()
	k.judging, k.began = false, time.Now()
	var err error
	if ctx.Err() == nil {
		err = aio.Scope(ctx, k.name, k.fn)
	} else {
		err = context.Cause(ctx)
	}
	k.judge(err)
}

// gone is called when the goroutine has ended by runtime.Goexit or a panic of
// the function, which another goroutine judges, or of OnRestart.
func (k *Keeper) gone(err error) {
	if k.judging {
		k.end(err)
		return
	}
	k.promise.Op().Go(func() { k.judge(err) }, k.gone)
}

// judge decides what follows a run.
func (k *Keeper) judge(err error) {
	k.judging = true
	switch {
	case k.promise.Context().Err() != nil, k.promise.Op().Draining(), k.isFatal(err), err == nil && !k.restart.Always:
		k.end(err)
	case timer.IsPermanent(err):
		k.fail(err)
	case !k.mayRestart():
		k.fail(&RestartError{Name: k.name, Restarts: len(k.recent), Window: k.restart.window(), Last: err})
	default:
		k.count.Add(1)
		wait := k.restart.Backoff.Wait(k.failures + 1)
		k.tell(err, wait)
		k.wait(wait)
	}
}

// isFatal reports whether err is a panic that ends the loop.
func (k *Keeper) isFatal(err error) bool {
	var p *aio.PanicError
	return !k.promise.Op().Loop().CatchPanics && errors.As(err, &p)
}

// mayRestart reports whether there may be one more restart, and counts it if
// there is a bound.
func (k *Keeper) mayRestart() bool {
	now := time.Now()
	if now.Sub(k.began) >= k.restart.healthy() {
		k.failures = 0
	}
	k.failures++
	limit := k.restart.max()
	if limit < 0 {
		return true
	}
	for len(k.recent) > 0 && now.Sub(k.recent[0]) >= k.restart.window() {
		k.recent = k.recent[1:]
	}
	if len(k.recent) >= limit {
		return false
	}
	k.recent = append(k.recent, now)
	return true
}

// tell reports a restart.
func (k *Keeper) tell(err error, wait time.Duration) {
	if k.restart.OnRestart != nil {
		k.restart.OnRestart(err, wait)
		return
	}
	log := k.promise.Op().Loop().Logger
	if log == nil {
		log = slog.Default()
	}
	log.Warn("restarting", "op", k.name, "wait", wait, "err", err)
}

// wait waits for d, after which the function begins again. It does not block.
func (k *Keeper) wait(d time.Duration) {
	op := k.promise.Op()
	k.mu.Lock()
	k.state = keeperWaits
	// with the lock held, so that OpCancel finds it waiting with its alarm set
	alarm.Of(op).Set(&k.alarm, d)
	k.mu.Unlock()
	ctx, driver := k.promise.Context(), (*keeperDriver)(k)
	switch {
	case ctx.Err() != nil: // OpCancel came before it waited, and did nothing
		driver.OpCancel(context.Cause(ctx))
	case op.Draining():
		driver.OpDrain()
	}
}

// fail ends the Keep with an error after which it does not restart the
// function.
func (k *Keeper) fail(err error) {
	if k.restart.ExitLoop {
		k.promise.Op().Loop().Exit(err)
	}
	k.end(err)
}

// end ends the Keep with the result of the function.
func (k *Keeper) end(err error) {
	k.pass(keeperRuns, keeperOver)
	if _, ok := err.(*aio.PanicError); ok {
		k.promise.Op().Told() // when it happened
	}
	if err != nil {
		k.promise.Reject(err)
	} else {
		k.promise.Resolve(struct{}{})
	}
}
