package httpx

import (
	"math"
	"time"
)

// The defaults of Server's limits.
const (
	defaultHeaderTimeout   = 10 * time.Second
	defaultBodyTimeout     = 30 * time.Second
	defaultIdleTimeout     = 60 * time.Second
	defaultWriteTimeout    = 30 * time.Second
	defaultResponseTimeout = 60 * time.Second
	defaultHeaderBytes     = 32 << 10
	defaultHeaderFields    = 100
	defaultBodyBytes       = 1 << 20
)

// limits holds a Server's limits with the defaults filled in. A duration of 0
// means none.
type limits struct {
	header, body, idle, write, response, request time.Duration
	headerBytes, headerFields                    int
	bodyBytes                                    int64
}

// limits returns the server's limits.
func (s *Server) limits() limits {
	return limits{
		header:       durationOr(s.HeaderTimeout, defaultHeaderTimeout),
		body:         durationOr(s.BodyTimeout, defaultBodyTimeout),
		idle:         durationOr(s.IdleTimeout, defaultIdleTimeout),
		write:        durationOr(s.WriteTimeout, defaultWriteTimeout),
		response:     durationOr(s.ResponseTimeout, defaultResponseTimeout),
		request:      durationOr(s.RequestTimeout, 0),
		headerBytes:  atMost(s.MaxHeaderBytes, defaultHeaderBytes),
		headerFields: atMost(s.MaxHeaderFields, defaultHeaderFields),
		bodyBytes:    bodyBound(s.MaxBody),
	}
}

// durationOr returns d. It returns def if d is 0, and 0, which means none, if d
// is negative.
func durationOr(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return max(d, 0)
}

// unbounded stands for no limit, and leaves room for additions.
const unbounded = 1<<31 - 1<<16

// atMost returns n. It returns def if n is 0, and unbounded if n is negative.
func atMost(n, def int) int {
	switch {
	case n == 0:
		return def
	case n < 0:
		return unbounded
	}
	return n
}

// bodyBound is atMost for MaxBody.
func bodyBound(n int64) int64 {
	switch {
	case n == 0:
		return defaultBodyBytes
	case n < 0:
		return math.MaxInt64 - 1
	}
	return n
}

// negativeIfNone returns a duration for a field of net/http's in which 0 may
// mean another field's value.
func negativeIfNone(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}
