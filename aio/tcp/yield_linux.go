package tcp

import (
	"runtime/metrics"
	"time"

	"goaio.example/aio/internal/yield"
)

// yieldTime bounds how long goroutines that callbacks have made runnable wait
// for the processor that a poller holds, when all others are busy.
const yieldTime = time.Millisecond

// yielder lets other goroutines run.
type yielder struct {
	last     time.Duration // the process's age then
	busy     bool          // a yield is in progress
	runnable [1]metrics.Sample
	yielder  yield.Yielder
}

func (y *yielder) init() {
	y.runnable[0].Name = "/sched/goroutines/runnable:goroutines"
}

// yield lets the goroutines in the processor's queue run, if there are any.
func (y *yielder) yield() {
	metrics.Read(y.runnable[:])
	if v := y.runnable[0].Value; v.Kind() == metrics.KindUint64 && v.Uint64() == 0 {
		return
	}
	y.yielder.Yield()
}
