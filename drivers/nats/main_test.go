package nats_test

import (
	"os"
	"testing"

	"goaio.example/aio/aiotest"
)

// The tests' program is also a worker or a server, in another process, when
// NATS_ROLE says so.
func TestMain(m *testing.M) {
	if role := os.Getenv("NATS_ROLE"); role != "" {
		os.Exit(childMain(role))
	}
	aiotest.VerifyMain(m)
}

// childMain is the program in another process, where there are signals to kill
// it by.
var childMain func(role string) (status int)
