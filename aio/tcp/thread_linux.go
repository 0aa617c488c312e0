package tcp

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"
)

// thread is a thread of the process, about which the kernel is asked what it does.
type thread int

// thisThread returns the thread that the caller runs on.
func thisThread() thread {
	tid, _, _ := syscall.RawSyscall(syscall.SYS_GETTID, 0, 0, 0)
	return thread(tid)
}

// runnable reports whether the thread runs or would, if it had a processor. Unknown counts as not.
func (t thread) runnable() bool {
	// the line of proc_pid_stat(5): number, name in parentheses, state
	line := t.read("stat")
	i := bytes.LastIndexByte(line, ')')
	return i >= 0 && i+2 < len(line) && line[i+2] == 'R'
}

// cpu returns the time that the thread has had a processor for, the first field of its schedstat, and whether that is
// known: not every kernel tells.
func (t thread) cpu() (d time.Duration, known bool) {
	first, _, _ := bytes.Cut(t.read("schedstat"), []byte(" "))
	ns, err := strconv.ParseInt(string(first), 10, 64)
	if err != nil {
		return 0, false
	}
	return time.Duration(ns), true
}

// read reads a file that the kernel has about the thread, nil if there is none.
func (t thread) read(name string) []byte {
	fd, err := syscall.Open("/proc/self/task/"+strconv.Itoa(int(t))+"/"+name, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer syscall.Close(fd)
	buf := make([]byte, os.Getpagesize())
	n, err := ignoringEINTR(func() (int, error) { return syscall.Read(fd, buf) })
	if err != nil {
		return nil
	}
	return buf[:n]
}
