//go:build !unix

package dnsx

import "time"

// cpuTime is the CPU time that the process has used; 0: it is not known.
func cpuTime() time.Duration { return 0 }
