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

// limits is a Server's limits with the defaults filled in. A duration of 0 is
// none.
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

// durationOr returns a duration: zero is the default, negative is none, which
// is 0.
func durationOr(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return max(d, 0)
}

// unbounded is a bound that is none, with room for what is added to it.
const unbounded = 1<<31 - 1<<16

// atMost returns a bound: zero is the default, negative is no bound.
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

// negativeIfNone returns a duration as net/http wants it, where 0 may stand for
// another one.
func negativeIfNone(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}
