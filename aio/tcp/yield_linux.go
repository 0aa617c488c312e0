package tcp

import (
	"runtime/metrics"
	"time"
)

// yieldTime is how long goroutines that callbacks have made runnable wait at
// most for the processor that a poller holds, when all others are busy.
const yieldTime = time.Millisecond

// yielder lets other goroutines run.
type yielder struct {
	last     time.Duration // the process's age then
	busy     bool          // it is being done
	runnable [1]metrics.Sample
	done     chan struct{}
}

func (y *yielder) init() {
	y.runnable[0].Name = "/sched/goroutines/runnable:goroutines"
	y.done = make(chan struct{})
}

// yield lets those goroutines run that are in the processor's queue, if there
// are any. runtime.Gosched would put the caller behind those that become
// runnable meanwhile, too, which may be for a second.
func (y *yielder) yield() {
	metrics.Read(y.runnable[:])
	if v := y.runnable[0].Value; v.Kind() == metrics.KindUint64 && v.Uint64() == 0 {
		return
	}
	go func() { y.done <- struct{}{} }()
	go func() {}() // takes the place of the first, which goes to the end of the queue
	<-y.done
}
