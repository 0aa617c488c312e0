package timer

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
)

var kindTicker = aio.NewKind("timer.ticker")

// ErrPeriod is the error of a Ticker whose period is not positive.
var ErrPeriod = errors.New("timer: the period of a Ticker must be positive")

// Ticker delivers ticks on a channel, from Every. All methods may be called
// from any goroutine.
type Ticker struct {
	op       aio.Op
	alarm    alarm.Alarm
	interval Interval
	c        chan Tick
	done     chan struct{}

	mu     sync.Mutex
	period time.Duration
	phase  time.Time // when the next tick is due, without its jitter
	at     time.Time // when the next tick is due
	missed int       // ticks dropped since the last one that was delivered
	// not nil while a late tick is handed over; closed to call that off
	late chan struct{}
	err  error // why the ticker has ended
}

// Every returns a Ticker that ticks every d, the first time d from now unless
// Interval says otherwise. A ticker is a daemon: it does not hold the loop
// open. It ends when it is stopped, when ctx ends, once the loop is empty, and
// when the loop drains, unless work in progress started it. Done and Err report
// its end.
//
// If ctx has ended or has no running loop, the ticker has ended from the
// beginning: it never ticks, and Err says why. The same holds if d <= 0, with
// ErrPeriod, which also goes to the Scope around the ticker, else to the event
// handler.
func Every(ctx context.Context, d time.Duration, interval Interval) *Ticker {
	t := &Ticker{interval: interval, period: d, done: make(chan struct{})}
	t.c = make(chan Tick, interval.room())
	driver := (*tickerDriver)(t)
	t.alarm.Init(driver)
	t.op.AsDaemon()
	if err := t.op.Start(ctx, kindTicker, "", driver); err != nil {
		t.close(err)
		return t
	}
	switch {
	case endDead(ctx, &t.op):
	case d <= 0:
		t.end(ErrPeriod)
	default:
		t.begin(interval.Immediate)
	}
	return t
}

// C returns the channel of the ticks, the same one with each call. It is not
// closed when the ticker ends, so that the end is not taken for a tick: range
// over Ticks, or select on Done too.
func (t *Ticker) C() <-chan Tick { return t.c }

// Ticks yields the ticks until the ticker or ctx ends. A nil ctx does not end.
func (t *Ticker) Ticks(ctx context.Context) iter.Seq[Tick] {
	if ctx == nil {
		ctx = context.Background()
	}
	return func(yield func(Tick) bool) {
		for {
			select {
			case tick := <-t.c:
				if !yield(tick) {
					return
				}
			case <-t.done:
				return
			case <-ctx.Done():
				return
			}
		}
	}
}

// Done returns a channel that is closed when the ticker has ended.
func (t *Ticker) Done() <-chan struct{} { return t.done }

// Err returns why the ticker has ended: aio.ErrStopped after Stop, aio.ErrExit
// when the loop drained or was empty, aio.ErrNoLoop or aio.ErrLoopDone without
// a running loop, ErrPeriod, or the cause with which ctx ended. It is nil while
// the ticker ticks.
func (t *Ticker) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// Stop ends the ticker. It reports true if the ticker had not ended before. A
// tick that was not received is withdrawn; one that is being received while
// Stop is called may still arrive.
func (t *Ticker) Stop() bool { return t.end(aio.ErrStopped) }

// Reset makes the ticker tick every d, the first time d from now, and drops
// ticks that were missed or not received. It reports false, and does nothing,
// if the ticker has ended. With d <= 0 it ends the ticker with ErrPeriod and
// reports false.
func (t *Ticker) Reset(d time.Duration) bool {
	if d <= 0 {
		t.end(ErrPeriod)
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return false
	}
	t.withdraw()
	t.period, t.missed = d, 0
	now := time.Now()
	t.schedule(now.Add(d), now)
	return true
}

// begin sets the first alarm, unless the ticker was ended meanwhile.
func (t *Ticker) begin(immediate bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return
	}
	now := time.Now()
	if immediate {
		t.phase, t.at = now, now
		alarm.Of(&t.op).Set(&t.alarm, 0)
		return
	}
	t.schedule(now.Add(t.period), now)
}

// schedule makes phase that of the next tick, and sets the alarm. The lock is
// held.
func (t *Ticker) schedule(phase, now time.Time) {
	t.plan(phase)
	alarm.Of(&t.op).Set(&t.alarm, t.at.Sub(now))
}

// plan makes phase that of the next tick. The lock is held.
func (t *Ticker) plan(phase time.Time) {
	t.phase = phase
	t.at = phase.Add(t.interval.late(t.period))
}

// end ends the ticker with the reason err. It reports false if the ticker has
// ended already.
func (t *Ticker) end(err error) bool {
	t.mu.Lock()
	if t.err != nil {
		t.mu.Unlock()
		return false
	}
	t.close(err)
	handing := t.withdraw()
	t.mu.Unlock()
	alarm.Of(&t.op).Stop(&t.alarm)
	if !handing { // else the operation ends with the handover
		t.op.End(err)
	}
	return true
}

// close makes err the reason of the ticker's end.
func (t *Ticker) close(err error) {
	t.err = err
	close(t.done)
}

// withdraw drops a tick that was not received yet. It reports whether a
// handover was in progress, which it calls off. The lock is held.
func (t *Ticker) withdraw() (handing bool) {
	handing = t.late != nil
	if handing {
		close(t.late)
		t.late = nil
	}
	t.drop()
	return handing
}

// drop drops the tick that is in the channel. The lock is held.
func (t *Ticker) drop() {
	select {
	case <-t.c:
	default:
	}
}

// tickerDriver is a Ticker as seen by the loop and by the heap of alarms.
type tickerDriver Ticker

func (t *tickerDriver) OpCancel(cause error) { (*Ticker)(t).end(cause) }

func (t *tickerDriver) OpName() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return "every " + t.period.String()
}
