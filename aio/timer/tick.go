package timer

import (
	"time"

	"goaio.example/aio/internal/alarm"
)

// room returns the capacity of a ticker's channel. A tick that waits for its
// reader waits in the channel or, with MissedDelay, in a handover, which knows
// when the tick is received.
func (i Interval) room() int {
	if i.Missed == MissedDelay {
		return 0
	}
	return 1
}

// Fire is called when the next tick is due.
func (t *tickerDriver) Fire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	// ended, or reset just before
	if t.err != nil || t.late != nil || now.Before(t.at) {
		return
	}
	if t.interval.Missed == MissedBurst || t.interval.Missed == MissedDelay {
		t.deliver(now)
	} else {
		t.skip(now)
	}
}

// skip delivers a tick if the reader has received the one before, and drops it
// otherwise. If the process itself is late by whole periods, those ticks are
// missed too. The lock is held.
func (t *tickerDriver) skip(now time.Time) {
	if behind := now.Sub(t.phase); behind >= t.period {
		t.missed += int(behind / t.period)
		t.phase = t.phase.Add(behind - behind%t.period)
		if t.at.Before(t.phase) {
			t.at = t.phase
		}
	}
	select {
	case t.c <- Tick{At: t.at, Missed: t.missed}:
		t.missed = 0
	default:
		t.missed++
	}
	(*Ticker)(t).schedule(t.phase.Add(t.period), now)
}

// deliver delivers the ticks that are due. If the reader is not ready, a
// handover goes on, so that the ticker has a goroutine only while its reader is
// late. The lock is held.
func (t *tickerDriver) deliver(now time.Time) {
	for !now.Before(t.at) {
		tick := Tick{At: t.at}
		select {
		case t.c <- tick:
			t.advance(now)
		default:
			late := make(chan struct{})
			t.late = late
			t.op.Go(func() { t.handOver(tick, late) }, func(error) {})
			return
		}
	}
	alarm.Of(&t.op).Set(&t.alarm, t.at.Sub(now))
}

// advance plans the next tick after one was received at the time now. The lock
// is held.
func (t *tickerDriver) advance(now time.Time) {
	next := t.phase
	if t.interval.Missed == MissedDelay {
		next = now
	}
	(*Ticker)(t).plan(next.Add(t.period))
}

// handOver delivers late ticks until the reader has caught up or the handover
// is called off.
func (t *tickerDriver) handOver(tick Tick, late chan struct{}) {
	for more := true; more; {
		select {
		case <-late:
			more = false
		default:
			select {
			case t.c <- tick:
				tick, more = t.handedOver(late)
			case <-late:
				more = false
			}
		}
	}
	if err := (*Ticker)(t).Err(); err != nil {
		t.op.End(err)
	}
}

// handedOver returns the next late tick after one was received. more is false
// if there is none, which ends the handover.
func (t *tickerDriver) handedOver(late chan struct{}) (next Tick, more bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.late != late { // called off while the tick was sent
		(*Ticker)(t).drop()
		return Tick{}, false
	}
	now := time.Now()
	t.advance(now)
	if !now.Before(t.at) {
		return Tick{At: t.at}, true
	}
	t.late = nil
	alarm.Of(&t.op).Set(&t.alarm, t.at.Sub(now))
	return Tick{}, false
}
