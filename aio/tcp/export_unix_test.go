//go:build unix

package tcp

import "time"

// SetReadyTime sets how long HandOver waits without a deadline, until restore
// is called. It returns the old time.
func SetReadyTime(d time.Duration) (old time.Duration, restore func()) {
	old, readyTime = readyTime, d
	return old, func() { readyTime = old }
}
