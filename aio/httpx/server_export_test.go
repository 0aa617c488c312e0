package httpx

import (
	"testing"
	"time"
)

// SetCertLook sets how often a certificate's files are looked at, until the
// test ends.
func SetCertLook(t testing.TB, d time.Duration) {
	old := certLook
	certLook = d
	t.Cleanup(func() { certLook = old })
}

// ValidH2 is validH2.
var ValidH2 = validH2

// H1Conns returns how many connections the HTTP/1 engine has in its list.
func H1Conns(s *Server) (n int) {
	s.h1.mu.Lock()
	defer s.h1.mu.Unlock()
	for k := s.h1.first; k != nil; k = k.next {
		n++
	}
	return n
}

// InFlight returns how many requests count for MaxInFlight.
func InFlight(s *Server) int64 { return s.inFlight.Load() }

// TellNoDone ends an exchange for a server without a Done.
func TellNoDone() { noDone.tellDone(nil, OutcomeAnswered) }

// anything but the look at Done would panic
var noDone = &inbound{s: new(Server)}
