package tcp

import (
	"runtime/metrics"
	"sync"
	"time"
)

// A collector decides which waits of callbacks the garbage collector may have
// caused: it stops all goroutines twice per collection. A callback that waits
// only for that does not block.
type collector struct {
	cycles func() uint64 // number of completed collections

	mu      sync.Mutex
	seen    uint64        // cycles at the last look
	looked  time.Duration // when that was, as the process's age
	excuses int           // waits that may still be the collector's doing
}

// collections is the process's collector.
var collections = collector{cycles: completedCycles}

const (
	collectorLook = time.Millisecond // least time between two looks
	collectorStop = time.Millisecond // longest stop
	mostExcuses   = 32
)

// excuse reports whether the collector may have caused a wait of d that ended
// at now. Each collection excuses one wait per processor: it causes two there,
// of which at most one in four is examined, and a few more when goroutines
// assist it.
func (c *collector) excuse(d, now time.Duration, procs int) bool {
	if d >= collectorStop {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if now-c.looked >= collectorLook {
		n := c.cycles()
		if more := n - c.seen; n > c.seen && c.looked > 0 {
			c.excuses = min(c.excuses+int(min(more, mostExcuses))*procs, mostExcuses)
		}
		c.seen, c.looked = n, now
	}
	if c.excuses == 0 {
		return false
	}
	c.excuses--
	return true
}

// completedCycles returns the number of collections so far.
func completedCycles() uint64 {
	s := [1]metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}}
	metrics.Read(s[:])
	// there is no metric of this name
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s[0].Value.Uint64()
}
