package httpx

import (
	"net/http"

	"goaio.example/aio/timer"
)

// limitedTransport waits for a client's Limiter before each request.
type limitedTransport struct {
	next http.RoundTripper
	of   func(r *http.Request) timer.Limiter
	ex   *outgoing
}

// limited returns a transport that waits for the client's Limiter, if any,
// before rt.
func (ex *outgoing) limited(rt http.RoundTripper) http.RoundTripper {
	if ex.client.Limiter == nil {
		return rt
	}
	return &limitedTransport{rt, ex.client.Limiter, ex}
}

func (t *limitedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.wait(req); err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, &limiterError{err}
	}
	return t.next.RoundTrip(req)
}

func (t *limitedTransport) wait(req *http.Request) error {
	l := t.of(req)
	if l == nil {
		return nil
	}
	t.ex.setPhase(atLimit)
	if err := l.Wait(req.Context()); err != nil {
		return err
	}
	t.ex.setPhase(atDial)
	return nil
}

// limiterError marks an error of a Limiter, which is not taken for a condition
// of a connection.
type limiterError struct{ err error }

func (e *limiterError) Error() string { return "limiter: " + e.err.Error() }
func (e *limiterError) Unwrap() error { return e.err }
