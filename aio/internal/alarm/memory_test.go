package alarm_test

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"goaio.example/aio/internal/alarm"
)

// collected reports whether the object that p points to is garbage.
func collected[T any](p weak.Pointer[T]) bool {
	runtime.GC()
	runtime.GC()
	return p.Value() == nil
}

// set sets a new alarm, to which only the heap refers.
func set(h *alarm.Heap, d time.Duration, fn func()) weak.Pointer[alarm.Alarm] {
	a := alarm.New(fn)
	h.Set(a, d)
	return weak.Make(a)
}

// A heap does not refer to alarms that have fired.
func TestForgetsFired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := new(alarm.Heap)
		var all []weak.Pointer[alarm.Alarm]
		for i := range 5 {
			all = append(all, set(h, time.Duration(i+1)*time.Second, func() {}))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for i, p := range all {
			if !collected(p) {
				t.Errorf("alarm %d has fired, and its heap still refers to it", i)
			}
		}
		runtime.KeepAlive(h)
	})
}

// A heap does not refer to alarms that it has swept out.
func TestForgetsStopped(t *testing.T) {
	h := new(alarm.Heap)
	var alarms []*alarm.Alarm
	for i := range 100 {
		a := alarm.New(func() {})
		h.Set(a, time.Duration(100-i)*time.Hour)
		alarms = append(alarms, a)
	}
	var stopped []weak.Pointer[alarm.Alarm]
	for _, a := range alarms[:70] {
		h.Stop(a)
		stopped = append(stopped, weak.Make(a))
	}
	kept := weak.Make(alarms[99])
	clear(alarms)
	for i, p := range stopped {
		if !collected(p) {
			t.Errorf("alarm %d of 100 was stopped with 69 others, and its heap still refers to it", i)
		}
	}
	if kept.Value() == nil {
		t.Error("a pending alarm was collected")
	}
	h.Close()
}

// While an alarm's function runs, those that fired before it are garbage.
func TestForgetsAsItFires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := new(alarm.Heap)
		var first weak.Pointer[alarm.Alarm]
		gone := false
		// the others are due by then
		h.Set(alarm.New(func() { time.Sleep(time.Minute) }), time.Second)
		first = set(h, 2*time.Second, func() {})
		h.Set(alarm.New(func() { gone = collected(first) }), 3*time.Second)
		time.Sleep(time.Hour)
		synctest.Wait()
		if !gone {
			t.Error("a heap refers to an alarm that has fired while it fires the next one")
		}
		h.Close()
	})
}

// Nothing refers to a closed heap: its timer is stopped.
func TestForgetsClosed(t *testing.T) {
	p := func() weak.Pointer[alarm.Heap] {
		h := new(alarm.Heap)
		h.Set(alarm.New(func() {}), time.Hour)
		h.Close()
		return weak.Make(h)
	}()
	if !collected(p) {
		t.Error("a closed heap is still referred to, by its timer perhaps")
	}
}
