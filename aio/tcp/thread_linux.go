package tcp

import (
	"syscall"
	"unsafe"
)

// stint measures a task of a goroutine: it holds how often its thread had been
// without a processor before.
type stint struct {
	slept     int64 // voluntarily, as when the goroutine waits
	preempted int64
}

// beginStint begins a stint of the calling goroutine.
func beginStint() stint {
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	// cannot fail
	syscall.RawSyscall(syscall.SYS_GETRUSAGE, thread, uintptr(unsafe.Pointer(&u)), 0)
	return stint{int64(u.Nvcsw), int64(u.Nivcsw)} //nolint:unconvert // they are 32 bits wide on some processors
}

// end returns why the stint took long. A goroutine that has waited may continue
// on another thread, which has other counts. A preempted thread has waited for
// a processor.
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
