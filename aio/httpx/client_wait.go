package httpx

import (
	"time"

	"goaio.example/aio/internal/alarm"
)

// errWait is the error of a request that waited too long for one of
// Client.MaxConnsPerHost connections.
var errWait error = timeoutError("no connection to the host became free within Timeouts.Wait: Client.MaxConnsPerHost are in use")

// waitLimit returns how long a request waits while no other one gets a
// connection to its host; 0 means forever.
func (c *Client) waitLimit() time.Duration { return orDefault(c.Timeouts.Wait, 3*time.Minute) }

// waitsTooLong reports whether a wait has taken too long. It began, or last
// made progress, at since. The pool's lock is held.
func (h *host) waitsTooLong(since time.Duration) bool {
	limit := h.pool.client.waitLimit()
	return limit > 0 && h.pool.op.Age()-since >= limit
}

// enqueue adds a trip to the queue. The pool's lock is held.
func (h *host) enqueue(t *trip) {
	h.waiting.push(t)
	limit := h.pool.client.waitLimit()
	if limit == 0 || !h.full() { // its own dial bounds it
		return
	}
	t.since = h.pool.op.Age()
	if !h.timed {
		h.timed = true
		h.alarm.Init(h)
		alarm.Of(&h.pool.op).Set(&h.alarm, limit)
	}
}

// Fire fails the trips that have waited too long.
func (h *host) Fire() {
	limit := h.pool.client.waitLimit()
	var late []*trip
	h.pool.mu.Lock()
	h.timed = false
	for t := h.waiting.head; t != nil; {
		next := t.next
		if t.dial == nil {
			since := max(t.since, h.moved)
			if !h.waitsTooLong(since) {
				h.timed = true
				alarm.Of(&h.pool.op).Set(&h.alarm, limit-(h.pool.op.Age()-since))
				break
			}
			h.waiting.remove(t)
			late = append(late, t)
		}
		t = next
	}
	h.pool.mu.Unlock()
	for _, t := range late {
		t.fail(errWait)
	}
}
