// Package atrest kills servers of tests at a moment when they do nothing.
//
// A beanstalkd that is killed while it writes a job to its log restores that
// job with a body of zeros and without its end, as the first that is ready: the
// log was filled with zeros before. Each consumer then gets a response that
// breaks the protocol.
package atrest

import "os"

// Kill ends a process by SIGKILL, on Linux while it waits for events. The caller
// waits for its end.
func Kill(p *os.Process) error {
	settle(p)
	return p.Kill()
}
