package tcp_test

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// frameTape records the frames and the conditions of a connection.
type frameTape struct {
	t      testing.TB
	mu     sync.Mutex
	log    []string
	conn   chan *tcp.Conn // the connection, from Open
	closed chan error     // what Closed was called with
}

func newFrameTape(t testing.TB) *frameTape {
	return &frameTape{t: t, conn: make(chan *tcp.Conn, 1), closed: make(chan error, 1)}
}

func (p *frameTape) note(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, what)
}

// handler records, and goes on to frame if that is not nil.
func (p *frameTape) handler(f tcp.Framing, frame func(c *tcp.Conn, frame string)) tcp.Handler {
	return f.Handler(p.conditions(), func(c *tcp.Conn, data []byte) {
		p.note(string(data))
		if frame != nil {
			frame(c, string(data))
		}
	})
}

// conditions is a handler that records all but the data.
func (p *frameTape) conditions() tcp.Handler {
	return tcp.Handler{
		Open:   func(c *tcp.Conn) { p.conn <- c },
		Event:  func(_ *tcp.Conn, err error) { p.note("(" + frameCondition(err) + ")") },
		Closed: func(_ *tcp.Conn, err error) { p.closed <- err },
	}
}

// frameCondition is condition with those of framing.
func frameCondition(err error) string {
	switch {
	case errors.Is(err, tcp.ErrFrameTooLong):
		return "too long"
	case errors.Is(err, errFrameCut):
		return "cut short"
	}
	return condition(err)
}

// got returns what was recorded.
func (p *frameTape) got() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.log)
}

// want wants the connection to be closed with cond, after these.
func (p *frameTape) want(cond error, log ...string) {
	p.t.Helper()
	if err := soon(p.t, p.closed); cond == nil && err != nil || cond != nil && !errors.Is(err, cond) {
		p.t.Errorf("closed with %v, want %v", err, cond)
	}
	if got := p.got(); !slices.Equal(got, log) {
		p.t.Errorf("recorded %q, want %q", got, log)
	}
}

// wantNow waits for these to be recorded.
func (p *frameTape) wantNow(log ...string) {
	p.t.Helper()
	aiotest.Eventually(p.t, func() bool { return len(p.got()) >= len(log) })
	if got := p.got(); !slices.Equal(got, log) {
		p.t.Errorf("recorded %q, want %q", got, log)
	}
}

// wantKept waits until n bytes of a frame are kept.
func wantKept(w *world, c *tcp.Conn, n int) {
	w.Helper()
	aiotest.Eventually(w, func() bool { kept, _ := tcp.KeptFrame(c); return kept == n })
}
