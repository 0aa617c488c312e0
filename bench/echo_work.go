package main

import (
	"encoding/binary"
	"math"
	"runtime"
	"sync"
	"time"
)

// An echo server does with each message what its first five bytes ask for,
// before it sends the message back: a mark, and an amount.
const (
	sleepMark   = 'S' // sleep for so many microseconds
	computeMark = 'C' // compute so many steps
)

// asking returns a message of size bytes that asks a server to sleep for d, or
// to compute what takes an idle processor d.
func asking(mark byte, d time.Duration, size int) []byte {
	amount := d.Microseconds()
	if mark == computeMark {
		amount = int64(d.Seconds() * stepsPerSecond())
	}
	m := make([]byte, size)
	m[0] = mark
	binary.LittleEndian.PutUint32(m[1:], uint32(amount))
	return m
}

// obey does what a message asks for.
func obey(message []byte) {
	if len(message) < 5 || message[0] == 0 {
		return
	}
	amount := binary.LittleEndian.Uint32(message[1:])
	switch message[0] {
	case sleepMark:
		time.Sleep(time.Duration(amount) * time.Microsecond)
	case computeMark:
		compute(int(amount))
	}
}

// compute makes so many steps of a computation that the compiler cannot leave
// out.
func compute(steps int) {
	x := uint64(1)
	for range steps {
		x = x*6364136223846793005 + 1442695040888963407
	}
	runtime.KeepAlive(x)
}

// stepsPerSecond returns how many steps a processor makes in a second: the best
// of several attempts, so that other programs do not count. The program that
// measures asks for steps, so that all servers compute the same.
var stepsPerSecond = sync.OnceValue(func() float64 {
	const steps = 100_000
	best := time.Duration(math.MaxInt64)
	for range 50 {
		begin := time.Now()
		compute(steps)
		best = min(best, time.Since(begin))
	}
	return steps / best.Seconds()
})
