package memnet

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
)

// PeerEnded sees the peer's end after unread data, and PeerReset what follows
// it.
func TestPeerEnded(t *testing.T) {
	for name, tt := range map[string]struct {
		end, then func(c *Conn)
		over      bool
	}{
		"half-close, then abort": {func(c *Conn) { c.CloseWrite() }, func(c *Conn) { c.Abort() }, false},
		"close, then a write":    {func(c *Conn) { c.Close() }, nil, false},
		"abort":                  {func(c *Conn) { c.Abort() }, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x, y := Pipe()
				a, b := x.(*Conn), y.(*Conn)
				defer a.Close()
				defer b.Close()
				b.Write([]byte("unread"))
				ended := make(chan bool)
				go func() {
					over, err := a.PeerEnded()
					if err != nil {
						t.Errorf("a.PeerEnded: %v", err)
					}
					ended <- over
				}()
				synctest.Wait()
				select {
				case <-ended:
					t.Fatal("PeerEnded has returned before the end")
				default:
				}
				tt.end(b)
				if over := <-ended; over != tt.over {
					t.Errorf("over: %v, want %v", over, tt.over)
				}
				reset := make(chan error, 1)
				go func() { reset <- a.PeerReset() }()
				synctest.Wait()
				if len(reset) == 1 != tt.over {
					t.Error("PeerReset has returned:", len(reset) == 1)
				}
				if tt.then != nil {
					tt.then(b)
				} else {
					a.Write([]byte("x"))
				}
				if err := <-reset; err != nil {
					t.Errorf("result of reset: %v", err)
				}
			})
		})
	}
}

// Closing this end ends both waits.
func TestPeerEndedClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, y := Pipe()
		f := Faulty(x, Plan{})
		defer y.Close()
		errs := make(chan error, 2)
		go func() { _, err := f.PeerEnded(); errs <- err }()
		go func() { errs <- f.PeerReset() }()
		synctest.Wait()
		f.Close()
		for range 2 {
			if err := <-errs; !errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
				t.Errorf("result of errs: %v", err)
			}
		}
	})
}
