// Package jobstest tests drivers of package jobs: whether a broker's Putter and
// Sources do what package jobs says of them. Only tests import it.
//
// # Usage
//
// A driver's test hands [TestSource] a function that makes a queue on a broker:
//
//	func TestSource(t *testing.T) {
//		jobstest.TestSource(t, func(ctx context.Context, t *testing.T) jobstest.Broker {
//			client := dial(ctx, t)
//			return jobstest.Broker{Putter: client, Queue: newQueue(), Open: client.open, Lease: time.Second}
//		})
//	}
//
// Each case is a subtest with a separate loop and queue. What a broker
// cannot do, the fields of [Broker] say; the cases then ask for less, or are
// skipped. A driver's fake in a synctest bubble runs the cases of [Cases] by
// itself.
//
// # Time
//
// The cases wait for what the broker does, for leases that end and delays that
// pass, and assert no duration that a busy machine could exceed: only that
// nothing comes too early, and that what must come does so within 20 s. A lease
// must be long enough not to be lost because the machine is busy: with 2 s, and
// a delay of 1 s, all cases take some 20 s.
package jobstest
