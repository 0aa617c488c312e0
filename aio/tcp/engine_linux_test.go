package tcp_test

import (
	"context"
	"maps"
	"os"
	"slices"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// engineEnv names the engine of a test's child process.
const engineEnv = "TCP_TEST_ENGINE"

func init() {
	if name := os.Getenv(engineEnv); name != "" {
		tcp.UseEngine(name)
	}
}

// overEngines runs a test with each engine.
func overEngines(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	for _, engine := range slices.Sorted(maps.Keys(tcp.Engines)) {
		t.Run(engine, func(t *testing.T) {
			defer tcp.UseEngine(engine)()
			test(t)
		})
	}
}

// serving runs a test, with each engine, in a loop with a server on a loopback
// address. The loop then exits.
func serving(t *testing.T, s func() *tcp.Server, addr string, test func(t *testing.T, ctx context.Context, s *tcp.Server)) {
	t.Helper()
	overEngines(t, func(t *testing.T) {
		aiotest.RunLoop(t, &aio.Loop{OnEvent: func(aio.Event) {}}, func(ctx context.Context) error {
			s := s()
			if err := s.Start(ctx, addr); err != nil {
				return err
			}
			test(t, ctx, s)
			aio.LoopOf(ctx).Exit(nil)
			return nil
		})
	})
}

// The tests that start servers of their own run with the engine that a server
// has by default; here with the other one.
func TestParkEngine(t *testing.T) {
	defer tcp.UseEngine("park")()
	t.Setenv(engineEnv, "park")
	for _, tt := range []struct {
		name string
		test func(*testing.T)
	}{
		{"slow readers", TestSlowReadersSockets},
		{"exit under load", TestExitUnderLoad},
		{"EMFILE", TestAcceptEMFILE},
	} {
		t.Run(tt.name, tt.test)
	}
}
