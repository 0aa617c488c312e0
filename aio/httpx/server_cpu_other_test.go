//go:build !unix

package httpx_test

import "time"

// cpuTime returns nothing where it cannot be had.
func cpuTime() time.Duration { return 0 }
