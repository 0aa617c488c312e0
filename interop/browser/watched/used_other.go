//go:build !unix

package main

import "time"

// used is not known on this system.
func used() time.Duration { return 0 }
