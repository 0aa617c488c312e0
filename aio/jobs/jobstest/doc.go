// Package jobstest tests drivers of package jobs: whether a broker's Putter and
// Sources follow the rules of package jobs. Import it only in tests.
//
// # Usage
//
// A driver's test passes [TestSource] a function that makes a queue on a
// broker:
//
//	func TestSource(t *testing.T) {
//		jobstest.TestSource(t, func(ctx context.Context, t *testing.T) jobstest.Broker {
//			client := dial(ctx, t)
//			return jobstest.Broker{Putter: client, Queue: newQueue(), Open: client.open, Lease: time.Second}
//		})
//	}
//
// Each case is a subtest with a separate loop and queue. The fields of [Broker]
// say what a broker cannot do; the cases then require less, or are skipped. A
// test with a fake broker in a synctest bubble runs the cases of [Cases]
// itself.
//
// # Time
//
// The cases wait for the broker, for leases to end and for delays to pass. They
// assert no duration that a busy machine could exceed: only that nothing
// happens too early, and that what must happen does so within 20 s. A lease
// must be long enough not to be lost because the machine is busy: with 2 s, and
// a delay of 1 s, all cases take about 20 s.
package jobstest
