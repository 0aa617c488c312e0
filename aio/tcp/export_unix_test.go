//go:build unix

package tcp

import "time"

// SetReadyTime sets how long HandOver waits without a deadline, until restore
// is called. It returns the old time.
func SetReadyTime(d time.Duration) (old time.Duration, restore func()) {
	old, readyTime = readyTime, d
	return old, func() { readyTime = old }
}

// OnAccept has before called before each connection is taken from a listener's
// queue, until restore is called. Its error is that of accepting.
func OnAccept(before func() error) (restore func()) {
	old := acceptCloseOnExec
	acceptCloseOnExec = func(fd int) (int, error) {
		if err := before(); err != nil {
			return -1, err
		}
		return old(fd)
	}
	return func() { acceptCloseOnExec = old }
}
