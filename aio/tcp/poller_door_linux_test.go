package tcp

import (
	"encoding/binary"
	"syscall"
	"testing"
)

// TestParkDoor checks that a parked member gets each event, whether it comes
// before the member parks or after, and while the door is open or shut. The
// door is shut after a wait that does not keep it open, and after one whose
// event was there already.
func TestParkDoor(t *testing.T) {
	var e epoll
	if err := e.init(); err != nil {
		t.Fatalf("e.init: %v", err)
	}
	defer e.close()
	fd, err := eventfd()
	if err != nil {
		t.Fatalf("eventfd: %v", err)
	}
	defer syscall.Close(fd)
	if err := e.add(fd); err != nil {
		t.Fatalf("e.add: %v", err)
	}
	happen := func() {
		var one [8]byte
		binary.NativeEndian.PutUint64(one[:], 1)
		if _, err := syscall.Write(fd, one[:]); err != nil {
			t.Errorf("syscall.Write: %v", err)
		}
	}
	events := make([]syscall.EpollEvent, maxEvents)
	park := func(when string, keep bool) {
		t.Helper()
		if n := e.park(events, keep); n != 1 || events[0].Fd != int32(fd) {
			t.Fatalf("park with an event %s: %d events, of %d, want 1 of %d", when, n, events[0].Fd, fd)
		}
	}
	for range 1000 {
		go happen()
		park("that comes now", true)
	}
	happen()
	park("that was there", true)
	if e.open {
		t.Errorf("the door is open after an event that was there, want it shut")
	}
	for range 1000 {
		go happen()
		park("that comes while the door is shut", false)
		if e.open {
			t.Fatal("the door is open after a wait that does not keep it open, want it shut")
		}
	}
	for range 1000 {
		// most come after the member has parked, so that the door stays open
		go happen()
		park("that comes now", true)
		if e.open {
			happen()
			e.shut()
			park("from before the door was shut", true)
		}
	}
}
