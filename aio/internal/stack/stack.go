// Package stack grows the stack of a goroutine that has just begun.
//
// A goroutine starts with a small stack. If its function calls deep, the stack
// doubles step by step, and each time all of it is copied. While it is nearly
// empty there is nothing to copy, so that growing it then takes a tenth of the
// time.
package stack

import "runtime"

// To8K makes the calling goroutine's stack at least 8 KiB large.
//
//go:noinline
func To8K() {
	var room [5 << 10]byte
	runtime.KeepAlive(&room)
}

// To16K makes the calling goroutine's stack at least 16 KiB large.
//
//go:noinline
func To16K() {
	var room [9 << 10]byte
	runtime.KeepAlive(&room)
}
