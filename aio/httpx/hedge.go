package httpx

import (
	"context"
	"net/http"
	"time"

	"goaio.example/aio"
)

// Hedge makes a second request if the first takes long. The first response's
// header wins, and the other request is cancelled. Only requests that may be
// repeated are hedged: see Retry.
type Hedge struct {
	// Delay is how long to wait for a response before the next request is made.
	// 0 means no hedging.
	Delay time.Duration
	// Max is the number of additional requests. 0 means 1.
	Max int
}

// hedged makes the request, and makes it again as Hedge says.
func (ex *outgoing) hedged(hc *http.Client) (*http.Response, error) {
	h := ex.client.Hedge
	if h.Delay <= 0 || !ex.repeatable() {
		return ex.try(ex.context(), hc)
	}
	r := &hedgeRace{ex: ex, hc: hc, won: make(chan hedgeResult)}
	defer r.settle()
	r.enter()
	wait := time.NewTimer(h.Delay)
	defer wait.Stop()
	var first error
	for {
		select {
		case res := <-r.won:
			r.running--
			if res.err == nil {
				return r.win(res)
			}
			if first == nil {
				first = res.err
			}
			if r.running == 0 {
				return nil, first
			}
		case <-wait.C:
			if r.entered <= max(h.Max, 1) {
				r.enter()
				wait.Reset(h.Delay)
			}
		case <-ex.context().Done():
			return nil, context.Cause(ex.context())
		}
	}
}

// hedgeRace is a set of concurrent attempts of one request.
type hedgeRace struct {
	ex      *outgoing
	hc      *http.Client
	won     chan hedgeResult
	over    []context.CancelFunc
	entered int
	running int
}

type hedgeResult struct {
	n    int
	resp *http.Response
	err  error
}

// enter starts one more attempt, as an operation.
func (r *hedgeRace) enter() {
	ctx, cancel := context.WithCancel(r.ex.context())
	n := r.entered
	r.entered++
	r.running++
	r.over = append(r.over, cancel)
	tell := func(resp *http.Response, err error) {
		select {
		case r.won <- hedgeResult{n, resp, err}:
		case <-ctx.Done():
			drop(resp)
		}
	}
	op, err := aio.Begin(r.ex.context(), kindAttempt, "attempt of "+requestName(r.ex.req))
	if err != nil { // the loop has ended: the wait ends soon
		cancel()
		return
	}
	op.Go(func() {
		tell(r.ex.try(ctx, r.hc))
		op.End(nil)
	}, func(err error) { // a panic, which has been reported
		tell(nil, err)
		op.End(nil)
	})
}

// kindAttempt is the kind of an attempt of a hedged request.
var kindAttempt = aio.NewKind("http.attempt")

// win keeps the winner's request alive until the exchange is done, and ends the
// others.
func (r *hedgeRace) win(res hedgeResult) (*http.Response, error) {
	r.ex.onDone(r.over[res.n])
	r.over[res.n] = func() {}
	return res.resp, nil
}

// settle ends all requests but the winner.
func (r *hedgeRace) settle() {
	for _, cancel := range r.over {
		cancel()
	}
}
