package httpx

import (
	"testing"
	"time"
)

// SetCertLook sets how often a certificate's files are looked at, until the test ends.
func SetCertLook(t testing.TB, d time.Duration) {
	old := certLook
	certLook = d
	t.Cleanup(func() { certLook = old })
}

// ValidH2 is validH2.
var ValidH2 = validH2
