package httpx

import (
	"io"
	"time"

	"goaio.example/aio/internal/alarm"
	"goaio.example/aio/internal/bell"
)

// While a request is handled net/http reads from its connection in a goroutine, to see the client leave and end the
// request's context. Most requests are over before that is of use. So a wire tells that goroutine that there is nothing,
// and looks by itself: at once when the request is deferred or somebody asks for Gone, else when it has taken a while.

// lookTime is how long a request is handled before its connection is watched, at least; at most it is twice that.
const lookTime = 50 * time.Millisecond

// watch is the watching of a connection. The wire's lock guards it.
type watch struct {
	may   bool          // net/http has read the request whole, and does not read until it is answered
	asked bool          // somebody wants to know
	done  chan struct{} // of the goroutine that watches: closed when it has ended

	alarm alarm.Alarm
	set   bool   // the alarm is pending
	turn  uint64 // counts requests
	seen  uint64 // the one that was handled when the alarm was set
}

// inBackground reports whether the read is the one that net/http makes while a request is handled: it takes a byte, in a
// place where the header's first line would begin. To find nothing ends it, without an error.
func (w *wire) inBackground() bool {
	if !w.check.idle() || w.h2 {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.between {
		return false
	}
	if w.now.Load() == nil { // it has been answered, and nobody would end a watching that begins now
		return true
	}
	w.watch.may = true
	if w.watch.asked {
		w.startWatch()
	}
	return true
}

// begin notes the request that is handled.
func (w *wire) begin(x *inbound) {
	w.now.Store(x)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watch.turn++
	if !w.watch.set {
		w.watch.set, w.watch.seen = true, w.watch.turn
		x.Op().Alarms().Set(&w.watch.alarm, lookTime)
	}
}

// end notes that the request is answered, as far as it will be, and ends the watching.
func (w *wire) end() {
	w.now.Store(nil)
	w.unwatch()
}

// unwatch ends the watching.
func (w *wire) unwatch() {
	w.mu.Lock()
	done := w.watch.done
	w.watch.may, w.watch.asked, w.watch.done = false, false, nil
	if done != nil {
		w.stale = true
		w.c.SetReadDeadline(bell.Past)
	}
	w.mu.Unlock()
	if done != nil {
		<-done
	}
}

// handOver notes that the connection is in other hands: what comes is no HTTP any more.
func (w *wire) handOver() {
	w.unwatch()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.check.state = checkRaw
	w.headerBy, w.bodyBy, w.set, w.stale = time.Time{}, time.Time{}, time.Time{}, false
	w.c.SetReadDeadline(time.Time{}) // fails only on a closed connection, as the next read will
}

// ask has the connection watched now, or as soon as the request has been read.
func (w *wire) ask() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watch.asked = true
	if w.watch.may {
		w.startWatch()
	}
}

// startWatch starts the watching. The lock is held.
func (w *wire) startWatch() {
	if w.watch.done != nil || len(w.first) > 0 {
		return
	}
	done := make(chan struct{})
	w.watch.done = done
	w.set, w.stale = time.Time{}, false
	w.c.SetReadDeadline(time.Time{}) // fails only on a closed connection, as the read will
	w.e.s.op.Op().Go(func() {
		defer close(done)
		w.look()
	}, func(error) {})
}

// look waits until the client says something, or is gone.
func (w *wire) look() {
	var b [1]byte
	n, err := w.c.Read(b[:])
	switch {
	case n > 0:
		w.first = append(w.first, b[:n]...) // the reader waits for done
	case err == io.EOF && w.e.s.HalfOpen, w.isDeadline(err):
	default:
		w.lost(err)
	}
}

// lookAlarm is a wire as what its alarm calls.
type lookAlarm wire

// Fire has the connection watched if the request that was handled when the alarm was set still is.
func (a *lookAlarm) Fire() {
	w := (*wire)(a)
	x := w.now.Load()
	w.mu.Lock()
	defer w.mu.Unlock()
	k := &w.watch
	switch {
	case x == nil:
		k.set = false
	case k.seen != k.turn:
		k.seen = k.turn
		x.Op().Alarms().Set(&k.alarm, lookTime)
	default:
		k.set, k.asked = false, true
		if k.may {
			w.startWatch()
		}
	}
}
