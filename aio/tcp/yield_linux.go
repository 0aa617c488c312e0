package tcp

import (
	"runtime/metrics"
	"time"

	"goaio.example/aio/internal/yield"
)

// yieldTime is how long goroutines that callbacks have made runnable wait at
// most for the processor that a poller holds, when all others are busy.
const yieldTime = time.Millisecond

// yielder lets other goroutines run.
type yielder struct {
	last     time.Duration // the process's age then
	busy     bool          // it is being done
	runnable [1]metrics.Sample
	yielder  yield.Yielder
}

func (y *yielder) init() {
	y.runnable[0].Name = "/sched/goroutines/runnable:goroutines"
}

// yield lets those goroutines run that are in the processor's queue, if there
// are any.
func (y *yielder) yield() {
	metrics.Read(y.runnable[:])
	if v := y.runnable[0].Value; v.Kind() == metrics.KindUint64 && v.Uint64() == 0 {
		return
	}
	y.yielder.Yield()
}
