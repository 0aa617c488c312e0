//go:build race

package tcp

import "syscall"

// Package syscall tells the race detector that a write on one side of a
// connection happens before the read on the other side. The system calls on
// bare sockets do not go through package syscall, so the functions here tell
// it.

// racy reports whether the race detector is on.
const racy = true

// readTold is readNow through package syscall.
func readTold(fd int, p []byte) (int, error) {
	for {
		if n, err := syscall.Read(fd, p); err != syscall.EINTR { //nolint:errorlint // it is bare
			return max(n, 0), err
		}
	}
}

// tellWrite tells the race detector that data is about to be written.
func tellWrite() { syscall.Write(-1, nil) } //nolint:errcheck // it writes nothing
