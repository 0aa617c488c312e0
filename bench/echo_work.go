package main

import (
	"encoding/binary"
	"math"
	"runtime"
	"time"
)

// An echo server does with each message what its first five bytes ask for,
// before it sends the message back: a mark, and a time in microseconds.
const (
	sleepMark   = 'S' // sleep for the time
	computeMark = 'C' // keep a processor busy for the time
)

// asking returns a message of size bytes that asks a server to sleep or to
// compute for d.
func asking(mark byte, d time.Duration, size int) []byte {
	m := make([]byte, size)
	m[0] = mark
	binary.LittleEndian.PutUint32(m[1:], uint32(d.Microseconds()))
	return m
}

// obey does what a message asks for.
func obey(message []byte) {
	if len(message) < 5 || message[0] == 0 {
		return
	}
	d := time.Duration(binary.LittleEndian.Uint32(message[1:])) * time.Microsecond
	switch message[0] {
	case sleepMark:
		time.Sleep(d)
	case computeMark:
		compute(d)
	}
}

// compute computes as long as an idle processor takes d for.
func compute(d time.Duration) { steps(int(d.Seconds() * stepsPerSecond)) }

// steps makes n steps of a computation that the compiler cannot leave out.
func steps(n int) {
	x := uint64(1)
	for range n {
		x = x*6364136223846793005 + 1442695040888963407
	}
	runtime.KeepAlive(x)
}

// stepsPerSecond is how many steps a processor makes in a second: the best of
// several attempts, so that other programs do not count.
var stepsPerSecond = func() float64 {
	const n = 100_000
	best := time.Duration(math.MaxInt64)
	for range 20 {
		begin := time.Now()
		steps(n)
		best = min(best, time.Since(begin))
	}
	return n / best.Seconds()
}()
