//go:build !linux

package aio_test

import "time"

// threadTime stands in for the processor time that the calling thread has used.
func threadTime() time.Duration { return cpuTime() }
