package beanjobs_test

import (
	"os"
	"testing"

	"goaio.example/aio/aiotest"
)

// The tests' program is also a worker, in another process, when
// BEANJOBS_WORKER is the address of a beanstalkd.
func TestMain(m *testing.M) {
	if addr := os.Getenv("BEANJOBS_WORKER"); addr != "" {
		os.Exit(workerMain(addr))
	}
	aiotest.VerifyMain(m)
}

// workerMain is the worker, where there are signals to kill it by.
var workerMain func(addr string) (status int)
