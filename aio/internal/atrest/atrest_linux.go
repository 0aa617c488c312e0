package atrest

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// tries bounds how often a process is stopped. A busy one is not at rest in nine
// of ten looks.
const tries = 1000

// waiting holds the numbers of the system calls that wait for events, epoll_wait
// and epoll_pwait, by processor.
var waiting = map[string][]string{"amd64": {"232", "281"}, "arm64": {"22"}}

// settle stops a process while it waits for events. It gives up on a process
// that never does, or that may not be looked at.
func settle(p *os.Process) {
	calls := waiting[runtime.GOARCH]
	if calls == nil {
		return
	}
	for range tries {
		if p.Signal(syscall.SIGSTOP) != nil {
			return // it has ended
		}
		call, err := callOf(p.Pid)
		if err != nil || slices.Contains(calls, call) {
			return
		}
		if p.Signal(syscall.SIGCONT) != nil {
			return
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// callOf returns the number of the system call that a process was in when it was
// stopped, or -1.
func callOf(pid int) (string, error) {
	for {
		state, err := stateOf(pid)
		if err != nil {
			return "", err
		}
		if state != "T" {
			continue // the signal is on its way
		}
		call, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", pid)) // proc(5)
		number, _, _ := strings.Cut(string(call), " ")
		return number, err
	}
}

// stateOf returns the state of a process: "T" if it is stopped.
func stateOf(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // behind the name
	state, _, _ := strings.Cut(rest, " ")
	if state == "Z" || state == "X" {
		return "", os.ErrProcessDone
	}
	return state, nil
}
