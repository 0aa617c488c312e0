//go:build race

package tcp

import "syscall"

// The race detector takes what one side of a connection writes to happen before
// the other reads it, as package syscall tells it. The system calls of bare
// sockets do not go through that, so it is told here.

// racy says that the race detector is on.
const racy = true

// readTold is readNow through package syscall.
func readTold(fd int, p []byte) (int, error) {
	for {
		if n, err := syscall.Read(fd, p); err != syscall.EINTR { //nolint:errorlint // it is bare
			return max(n, 0), err
		}
	}
}

// tellWrite says that something is about to be written.
func tellWrite() { syscall.Write(-1, nil) } //nolint:errcheck // it writes nothing
