// Package aiotest helps to test programs that use package aio. It runs a loop
// and fails the test for unnoticed errors and for anything left behind. It
// provides networks, connections and contexts that fail where a test wants them
// to. Import it only in tests.
//
// # Usage
//
// [Run] is aio.Run for a test:
//
//	func TestEcho(t *testing.T) {
//		aiotest.Run(t, func(ctx context.Context) error {
//			f := aio.Go(ctx, "answer", answer)
//			got, err := f.Await(ctx)
//			...
//		})
//	}
//
// The test fails if Run returns an error, if an error went to the event handler
// because the program did not look at it, if operations did not end or ended
// only because Grace had passed, and if new goroutines or file descriptors are
// left. [RunBubble] does the same inside a synctest bubble, where hours pass in
// no time, [RunLoop] with the caller's loop, [Runner] next to parallel tests.
//
// A test that expects an error of Run calls aio.Run itself, and [CheckLeaks]
// first. One that expects events gives its loop a [Recorder]. A whole package
// is checked by
//
//	func TestMain(m *testing.M) { aiotest.VerifyMain(m) }
//
// To test a program, there are:
//
//   - [Network] and [Pipe] provide in-memory connections that behave like
//     TCP's. Use them in place of a net.Listener, a net.Conn or a DialContext
//     function.
//   - [DNS] is a name server whose zone is a few lines of text and which
//     misbehaves on request, on loopback and in memory.
//   - [Faulty] makes chosen reads and writes of a connection fail, shrink or
//     linger, and [EachFault] runs a test once for every read and write that
//     can fail, with every error.
//   - [CancelAt] is a context that ends at the k-th look at it, and
//     [EachCancel] runs a test once for every look.
//   - [Eventually] waits for a condition that no channel signals.
//
// # Cancellation
//
// A test does not hang on a failure of its loop: the loop is cancelled when an
// event fails the test, and when t.FailNow or t.SkipNow is called in an
// operation. Called in main, they end the loop gracefully first and then the
// test. So main may use t.Fatal as any test does, as long as its operations do
// not run for longer than the loop's Grace.
//
// # Bubbles
//
// Everything works inside a testing/synctest bubble, where the helpers notice
// that they are in one: then they compare only the goroutines of this bubble,
// so parallel tests do not matter, and no file descriptors, which belong to no
// bubble. They compare when all other goroutines in the bubble are durably
// blocked: a goroutine that waits for something outside the bubble delays this.
// If goroutines are left in a bubble, synctest panics at its end; the report is
// then in the test's output, above that panic.
//
// Objects made in a bubble must be used only in it. [EachFault] and
// [EachCancel] start subtests, which bubbles forbid: call them outside, and
// [RunBubble] in each of their subtests.
//
// # Errors and panics
//
// Failures are reported with t.Errorf, so that one test shows all of them.
// Helpers that cannot continue ([Eventually], [Recorder.Wait]) use t.Fatalf. A
// panic in an operation is handled by package aio: without Loop.CatchPanics it
// panics in Run, in the test's goroutine; with CatchPanics it is an event that
// fails the test.
//
// # Limitations
//
//   - Outside a bubble, goroutines and file descriptors are those of the whole
//     process: next to parallel tests the comparison is not reliable. There,
//     set Parallel in [Runner], leave out [CheckLeaks], and rely on
//     [VerifyMain].
//   - File descriptors are compared on Linux only.
//   - What an operation named by an aio.StuckError does after Run goes
//     unnoticed: events and log of a loop reach the test only until Run
//     returns.
package aiotest
