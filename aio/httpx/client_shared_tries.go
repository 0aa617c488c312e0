package httpx

import (
	"context"
	"time"
)

// sharedTries counts how often a request is made again because the server has
// closed a connection for HTTP/2 without answering a request on it, or no longer
// speaks HTTP/2. The bound keeps a server that closes every connection at once,
// or changes its protocol each time, from being dialed forever.
type sharedTries struct {
	n    int
	wait bool // pause waits
}

// mostTries bounds the repetitions of a request. Many requests share a
// connection, so a server under load may close several of them in a row before
// the client has read an answer.
const mostTries = 5

// another counts a repetition. It reports false if there were too many.
func (t *sharedTries) another() bool {
	if t.n == mostTries {
		return false
	}
	t.n++
	t.wait = t.n > 1
	return true
}

// pause waits before the second and each further repetition that another has
// counted: 10 ms, and twice as long each time. It returns the cause of ctx's
// end.
func (t *sharedTries) pause(ctx context.Context) error {
	if !t.wait {
		return nil
	}
	t.wait = false
	timer := time.NewTimer(10 * time.Millisecond << (t.n - 2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
