package aiotest

import (
	"context"
	"testing"
	"testing/synctest"

	"goaio.example/aio"
)

// Run runs main in a zero aio.Loop and fails the test on anything that goes
// unnoticed or is left behind. See Runner.Run.
func Run(t testing.TB, main func(ctx context.Context) error) {
	t.Helper()
	Runner{}.Run(t, main)
}

// RunLoop is Run for a loop of the caller's own. See Runner.Run for what it
// sets in it.
func RunLoop(t testing.TB, l *aio.Loop, main func(ctx context.Context) error) {
	t.Helper()
	Runner{Loop: l}.Run(t, main)
}

// RunBubble is Run inside a synctest bubble of its own: time passes only when
// everything in the loop waits for it, and then at once. The t that main needs
// is that of the bubble. To run a loop with settings in a bubble, call RunLoop
// inside synctest.Test.
func RunBubble(t *testing.T, main func(ctx context.Context, t *testing.T) error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		Run(t, func(ctx context.Context) error { return main(ctx, t) })
	})
}

// Runner says how a test runs a loop. The zero value is what Run uses.
type Runner struct {
	// Loop is the loop to run; nil means a zero one.
	Loop *aio.Loop

	// Parallel says that other tests run at the same time, as after t.Parallel:
	// goroutines and file descriptors, which cannot be told from theirs, are
	// not compared. Inside a synctest bubble it is not needed.
	Parallel bool

	// Overdue says that the test is about operations that Grace cuts off: they
	// do not fail it.
	Overdue bool
}

// Run runs main in the loop. It fails the test when
//
//   - the loop's Run returns an error: main's, one given to Exit or Cancel, or
//     an *aio.StuckError, whose operations are listed with their stacks;
//   - an event that is no mere information reaches the loop's handler, the
//     errors of futures that nobody looked at among them. As the default
//     handler exits the loop, this one cancels it, unless the event is lost or
//     about a connection;
//   - operations, or main, had to be cancelled because the loop's Grace had
//     passed (see aio.Loop.Overdue): a connection that was not closed, or a
//     main that waits on its ctx;
//   - goroutines are left that were not there before, or file descriptors.
//     Those that are just about to go are given half a second.
//
// A Loop.OnEvent that is set takes the events instead, and then it is up to the
// test to look at them: see Recorder. A nil Loop.OnEvent and a nil Loop.Logger
// are set, the latter to the test's log.
//
// When main calls t.FailNow, t.SkipNow or one that does, Run ends the loop and
// does not return; likewise when an operation does, whose error is then not
// reported besides.
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
