package aiotest

import (
	"context"
	"testing"
	"testing/synctest"

	"goaio.example/aio"
)

// Run runs main in a zero aio.Loop and fails the test for unnoticed errors and
// for anything left behind. See Runner.Run.
func Run(t testing.TB, main func(ctx context.Context) error) {
	t.Helper()
	Runner{}.Run(t, main)
}

// RunLoop is Run with the caller's loop. See Runner.Run for the fields that it
// sets.
func RunLoop(t testing.TB, l *aio.Loop, main func(ctx context.Context) error) {
	t.Helper()
	Runner{Loop: l}.Run(t, main)
}

// RunBubble is Run inside a new synctest bubble: time advances only when
// everything in the loop waits for it, and then at once. main must use the t
// that it is given, which belongs to the bubble. To run a loop with settings in
// a bubble, call RunLoop inside synctest.Test.
func RunBubble(t *testing.T, main func(ctx context.Context, t *testing.T) error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		Run(t, func(ctx context.Context) error { return main(ctx, t) })
	})
}

// A Runner says how a test runs a loop. The zero value is what Run uses.
type Runner struct {
	// Loop is the loop to run; nil means a zero one.
	Loop *aio.Loop

	// Parallel says that other tests run at the same time, as after t.Parallel.
	// Then goroutines and file descriptors, which cannot be distinguished from
	// those of the other tests, are not compared. Inside a synctest bubble it
	// is not needed.
	Parallel bool

	// Overdue says that the test is about operations that Grace cuts off: they
	// do not fail it.
	Overdue bool
}

// Run runs main in the loop. It fails the test when
//
//   - the loop's Run returns an error: main's, one given to Exit or Cancel, or
//     an *aio.StuckError, whose operations are listed with their stacks;
//   - an event that is more than information reaches the loop's handler,
//     including errors of futures that the program did not look at. Where the
//     default handler exits the loop, this one cancels it, unless the event is
//     lost or about a connection;
//   - operations, or main, had to be cancelled because the loop's Grace had
//     passed (see aio.Loop.Overdue): a connection that was not closed, or a
//     main that waits on its ctx;
//   - new goroutines or file descriptors are left. Those that are about to end
//     have half a second.
//
// If Loop.OnEvent is set, it gets the events instead, and the test must look at
// them: see Recorder. A nil Loop.OnEvent and a nil Loop.Logger are set, the
// latter to the test's log.
//
// When main calls t.FailNow or t.SkipNow, directly or through another function,
// Run ends the loop and does not return. The same holds for an operation; its
// error is then not reported separately.
func (r Runner) Run(t testing.TB, main func(ctx context.Context) error) {
	t.Helper()
	l := r.Loop
	if l == nil {
		l = new(aio.Loop)
	}
	w := watch(t, l)
	before := look(r.Parallel)
	defer func() {
		t.Helper()
		if !r.Overdue {
			w.overdue(l)
		}
		w.end()
		before.compare(t)
	}()
	w.conclude(l.Run(context.Background(), main))
}
