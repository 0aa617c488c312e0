package dnsx

import (
	"context"
	"errors"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"goaio.example/aio/dnsx/internal/transport"
)

// errOvertaken ends the tries that are under way when a question has been
// answered.
var errOvertaken = errors.New("dnsx: another server has answered")

// race asks servers one question: one after the other, each beside those that
// are late.
type race struct {
	f       *flight
	q       question
	stop    transport.Interrupt
	pending int         // tries that are late
	late    chan result // of the tries that were late
	refused []*upstream // not to be asked again
	// a negative one, which waits for the servers that were asked before
	denied *result
	worst  *Error
	buf    [4]*upstream
	one    try // the first
}

// result is how a try has ended.
type result struct {
	message message
	up      *upstream
	err     error
}

// race asks the servers q, and returns the first answer.
func (f *flight) race(q question) (message, *upstream, error) {
	r := &f.first
	if r.f != nil {
		r = new(race)
	}
	r.f, r.q = f, q
	if err := f.enter(r); err != nil {
		return message{}, nil, err
	}
	o := r.run()
	r.stop.Fire(errOvertaken)
	for ; r.pending > 0; r.pending-- {
		if late := <-r.late; late.err != nil && o.err == nil {
			late.up.wasLate()
		}
	}
	return o.message, o.up, o.err
}

// run asks each server in each round until one answers.
func (r *race) run() result {
	f := r.f
	order := f.plan.order(r.buf[:0], f.x.turn.Add(1), f.now)
	for round := range f.plan.attempts {
		for i, up := range order {
			if r.useless(up) {
				continue
			}
			if o, ok := r.try(up, round == 0 && i < len(order)-1); ok {
				return o
			}
		}
		if o, ok := r.collect(true); ok {
			return o
		}
	}
	return r.failure()
}

// failure returns the result of a race without an answer.
func (r *race) failure() result {
	if r.worst == nil {
		r.worst = &Error{Kind: KindTimeout, Host: r.q.name}
	}
	return result{err: r.worst}
}

// useless reports whether the server has refused before.
func (r *race) useless(up *upstream) bool {
	for _, u := range r.refused {
		if u == up {
			return true
		}
	}
	return false
}

// try asks one server. It reports whether the race is over. If others can be
// asked, it waits only until the server is late.
func (r *race) try(up *upstream, others bool) (result, bool) {
	if cause := r.f.fired(); cause != nil {
		return result{err: cause}, true
	}
	if !r.f.now.Before(r.f.end) {
		return r.failure(), true
	}
	t := &r.one
	if t.race != nil {
		t = new(try)
	}
	t.race, t.up = r, up
	o := t.run(others)
	r.f.now = time.Now()
	if errors.Is(o.err, transport.ErrLate) {
		r.leaveBehind(t)
		return o, false
	}
	if cause := r.f.fired(); cause != nil && o.err != nil {
		return result{err: cause}, true
	}
	if o, ok := r.take(o); ok {
		return o, true
	}
	return r.collect(false)
}

// leaveBehind continues a late try in another goroutine, beside the others.
func (r *race) leaveBehind(t *try) {
	if r.late == nil {
		r.late = make(chan result, len(r.f.plan.upstreams))
	}
	r.pending++
	r.f.op.Go(func() {
		o := t.resume()
		r.late <- o
		if o.err == nil {
			// the server that is being asked need not answer
			r.stop.Fire(errOvertaken)
		}
	}, func(err error) { r.late <- result{up: t.up, err: err} })
}

// take takes in a result. It reports whether the race is over.
func (r *race) take(o result) (result, bool) {
	switch {
	case o.err == nil && len(o.message.records) == 0 && r.pending > 0:
		// servers may differ in what they know: those asked before decide
		denied := o
		r.denied = &denied
		return r.collect(true)
	case o.err == nil:
		return o, true
	}
	r.note(o)
	return o, false
}

// note keeps the error that tells most.
func (r *race) note(o result) {
	e := errorOf(o, r.q.name)
	if refusal(e) {
		r.refused = append(r.refused, o.up)
	}
	if r.worst == nil || rank(e) >= rank(r.worst) {
		r.worst = e
	}
}

// collect takes in the results of late tries, those that are there or, if wait
// is set, all. It reports whether the race is over.
func (r *race) collect(wait bool) (result, bool) {
	for r.pending > 0 {
		var o result
		if wait {
			o = <-r.late
		} else {
			select {
			case o = <-r.late:
			default:
				return o, false
			}
		}
		r.pending--
		r.f.now = time.Now()
		if o.err == nil {
			return o, true
		}
		r.note(o)
	}
	if cause := r.f.fired(); cause != nil {
		return result{err: cause}, true
	}
	if r.denied != nil {
		return *r.denied, true
	}
	return result{}, false
}

// errorOf returns a result's error as an *Error.
func errorOf(o result, host string) *Error {
	e := &Error{Kind: KindNetwork, Host: host, Server: o.up.Spec, Err: o.err}
	var status *transport.StatusError
	var own *Error
	switch err := o.err; {
	case errors.As(err, &own):
		c := *own
		c.Host, c.Server = host, o.up.Spec
		return &c
	case o.up.Err != nil:
		e.Kind = KindNoServer
	case transport.IsTimeout(err), errors.Is(err, context.DeadlineExceeded):
		e.Kind, e.Err = KindTimeout, nil
	case errors.As(err, &status), errors.Is(err, errLame):
		e.Kind = KindServer
	case errors.Is(err, errLoop), errors.Is(err, errLong):
		e.Kind = KindChain
	case errors.Is(err, errMalformed), transport.IsMalformed(err):
		e.Kind = KindMalformed
	}
	return e
}

// refusal reports whether the server would say the same if it were asked again.
func refusal(e *Error) bool {
	switch e.Kind {
	case KindServer:
		return e.RCode != dnsmessage.RCodeServerFailure
	case KindMalformed, KindNoServer, KindName:
		return true
	}
	return false
}

// rank returns how much an error tells. What a server says tells more than its
// silence.
func rank(e *Error) int {
	switch e.Kind {
	case KindServer, KindChain:
		return 3
	case KindMalformed:
		return 2
	case KindTimeout:
		return 1
	}
	return 0
}
