package nats_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// The tests' program is also a worker or a server, in another process, when
// NATS_ROLE says so.
func TestMain(m *testing.M) {
	if role := os.Getenv("NATS_ROLE"); role != "" {
		os.Exit(childMain(role))
	}
	// A server that is shut down while it makes a stream leaves these of the
	// stream's store behind.
	goleak.VerifyTestMain(
		m,
		goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*fileStore).flushStreamStateLoop"),
		goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server/ats.Register.func1"),
	)
}

// childMain is the program in another process, where there are signals to kill
// it by.
var childMain func(role string) (status int)
