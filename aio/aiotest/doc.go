// Package aiotest helps to test programs that use package aio: it runs a loop
// and fails the test on anything that goes unnoticed or is left behind, and it
// offers networks, connections and contexts that fail where a test wants them
// to. Only tests import it.
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
// The test fails when Run returns an error, when an error went to the event
// handler because nobody looked at it, when operations did not end or did so
// only because Grace had passed, and when goroutines or file descriptors are
// left that were not there before. [RunBubble] does so inside a synctest
// bubble, where hours pass in no time, [RunLoop] with a loop of the caller's
// own, [Runner] beside parallel tests.
//
// A test that expects an error of Run calls aio.Run itself, and [CheckLeaks]
// first. One that expects events gives its loop a [Recorder]. A whole package
// is checked by
//
//	func TestMain(m *testing.M) { aiotest.VerifyMain(m) }
//
// What a program is tested against:
//
//   - [Network] and [Pipe] are connections in memory that behave like TCP's.
//     They serve where a net.Listener, a net.Conn or a DialContext function
//     does.
//   - [DNS] is a name server that knows a few lines of text and does wrong on
//     demand, on loopback and in memory.
//   - [Faulty] makes chosen reads and writes of a connection fail, shrink or
//     linger, and [EachFault] runs a test once for every read and write that
//     can fail, with every error.
//   - [CancelAt] is a context that ends at the k-th look at it, and
//     [EachCancel] runs a test once for every look.
//   - [Eventually] waits for what no channel tells of.
//
// # Cancellation
//
// A test does not hang on a failure of its loop: the loop is cancelled when an
// event fails the test, and when t.FailNow or t.SkipNow is called in an
// operation. Called in main, they end the loop gracefully first and the test
// then; so main may use t.Fatal as any test does, as long as it does not hang
// on to operations for longer than the loop's Grace.
//
// # Bubbles
//
// Everything works inside a testing/synctest bubble, where the helpers notice
// that they are in one: then only goroutines of this bubble are compared, so
// parallel tests do not matter, and file descriptors, which belong in no
// bubble, are not. The moment of comparison is the one at which all others in
// the bubble are durably blocked: a goroutine that waits for something outside
// the bubble holds it up. When goroutines are left in a bubble, synctest panics
// at its end; the test's output has the report then, above that panic.
//
// What is made in a bubble must be used in it only. [EachFault] and
// [EachCancel] start subtests, which bubbles forbid: call them outside, and
// [RunBubble] in each of their subtests.
//
// # Errors and panics
//
// Failures are reported with t.Errorf, so that one test shows all there are.
// Helpers that cannot go on ([Eventually], [Recorder.Wait]) use t.Fatalf. A
// panic in an operation is aio's: without Loop.CatchPanics it comes out of Run
// in the test's goroutine, with CatchPanics it is an event that fails the test.
//
// # Limitations
//
//   - Outside a bubble, goroutines and file descriptors are those of the whole
//     process: beside parallel tests the comparison is not reliable. Set
//     [Runner] Parallel there, leave out [CheckLeaks], and rely on
//     [VerifyMain].
//   - File descriptors are compared on Linux only.
//   - What an operation named by an aio.StuckError does after Run, it does
//     unheard: events and log of a loop reach the test only until Run returns.
package aiotest
