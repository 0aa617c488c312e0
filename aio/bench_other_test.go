//go:build !unix

package aio_test

import "time"

var started = time.Now()

// cpuTime stands in for the processor time that the process has used.
func cpuTime() time.Duration { return time.Since(started) }
