package tcp

import (
	"syscall"
	"testing"
)

// TestBellTakenByOther checks that a member that waits is rung for again after
// another one has taken the bell's event, which is edge-triggered and comes
// once: no member would look at what is posted next.
func TestBellTakenByOther(t *testing.T) {
	p := &poller{conns: new(connTable), left: make(chan struct{})}
	if err := p.ep.init(); err != nil {
		t.Fatalf("p.ep.init: %v", err)
	}
	defer p.ep.close()
	waiting, other := &member{poller: p, free: true}, &member{poller: p}
	// it is about to wait for events
	p.crew.free, p.waiting = []*member{waiting}, 1

	p.post(new(Conn)) // which rings, as all free members wait
	p.mu.Lock()
	// as one that comes back from aside, and looks for events between two
	// posted connections
	p.wait(other)
	p.posted.pop()
	p.mu.Unlock()

	events := make([]syscall.EpollEvent, maxEvents)
	if n := p.ep.poll(events); n != 0 {
		t.Fatalf("%d events are left for the member that waits, not 0: the other one has not taken the bell", n)
	}
	p.post(new(Conn))
	if n := p.ep.poll(events); n != 1 {
		t.Errorf("posting another connection brings %d events to the member that waits, not 1: it waits for ever", n)
	}
}
