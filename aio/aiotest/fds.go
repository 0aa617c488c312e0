package aiotest

import (
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// fds holds the process's open file descriptors, each with its target. nil:
// this system does not tell.
type fds map[string]string

const fdDir = "/proc/self/fd"

// openFDs returns the open file descriptors.
func openFDs() fds {
	if runtime.GOOS != "linux" {
		return nil
	}
	warmUp()
	return readFDs()
}

// warmUp makes the runtime open the descriptors that it keeps open after their
// first use: those of its poller.
func warmUp() {
	r, w, err := os.Pipe()
	if err == nil {
		r.Close()
		w.Close()
	}
}

func readFDs() fds {
	entries, err := os.ReadDir(fdDir)
	if err != nil {
		return nil
	}
	open := fds{}
	for _, e := range entries {
		// The descriptor of the directory itself is closed by now.
		if target, err := os.Readlink(fdDir + "/" + e.Name()); err == nil {
			open[e.Name()] = target
		}
	}
	return open
}

// left lists the descriptors that are open now and were not before, one per
// line. It waits for at most half a second for those that are about to be
// closed.
func (before fds) left() string {
	if before == nil {
		return ""
	}
	for wait := time.Millisecond; ; wait *= 2 {
		left := before.added(readFDs())
		if left == "" || wait > 256*time.Millisecond {
			return left
		}
		time.Sleep(wait)
	}
}

// added lists the entries of now that are not in before.
func (before fds) added(now fds) string {
	var b strings.Builder
	for _, fd := range slices.Sorted(maps.Keys(now)) {
		if before[fd] != now[fd] {
			b.WriteString("\n\t" + fd + " -> " + now[fd])
		}
	}
	return b.String()
}
