package tcp

import (
	"syscall"
	"unsafe"
)

// stint is something that a goroutine does: how often its thread had to do
// without a processor before.
type stint struct {
	slept     int64 // by itself, as it does when the goroutine waits
	preempted int64
}

// beginStint begins a stint of the calling goroutine.
func beginStint() stint {
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	syscall.RawSyscall(syscall.SYS_GETRUSAGE, thread, uintptr(unsafe.Pointer(&u)), 0) // cannot fail
	return stint{int64(u.Nvcsw), int64(u.Nivcsw)}                                     //nolint:unconvert // they are 32 bits wide on some processors
}

// end tells why the stint has taken long. A goroutine that has waited may have
// gone on on another thread, which has other numbers. A thread that was
// preempted has waited for a processor.
func (s stint) end() verdict {
	now := beginStint()
	switch {
	case now.slept != s.slept:
		return waited
	case now.preempted != s.preempted:
		return delayed
	}
	return computed
}
