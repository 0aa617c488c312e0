package live

import (
	"sync/atomic"
	"time"

	"goaio.example/aio"
)

// bounds are the upper bounds of the buckets of a histogram, in seconds. There
// is one more bucket for what is longer.
var bounds = [...]float64{.0001, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60, 600}

// limits are the bounds in nanoseconds.
var limits = func() (l [len(bounds)]time.Duration) {
	for i, b := range bounds {
		l[i] = time.Duration(b * 1e9)
	}
	return l
}()

// maxKinds is how many kinds of operations a program has at most: see
// aio.NewKind.
const maxKinds = 256

// durations have how long the operations of each kind took.
type durations [maxKinds]atomic.Pointer[histogram]

// histogram counts durations by buckets.
type histogram struct {
	buckets [len(bounds) + 1]atomic.Uint64 // each without those below it
	sum     atomic.Int64                   // nanoseconds
}

// add counts a duration of an operation.
func (d *durations) add(k aio.Kind, took time.Duration) {
	h := d[k].Load()
	if h == nil {
		d[k].CompareAndSwap(nil, new(histogram))
		h = d[k].Load()
	}
	i := 0
	for i < len(limits) && took > limits[i] {
		i++
	}
	h.buckets[i].Add(1)
	h.sum.Add(int64(took))
}
