package dnsx

import (
	"context"
	"errors"
	"io"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// errOvertaken ends the tries that are under way when a question has been
// answered.
var errOvertaken = errors.New("dnsx: another server has answered")

// race is a question with the servers that are asked it: one after the other,
// each beside those that are late.
type race struct {
	f       *flight
	q       question
	stop    interrupt
	pending int          // tries that are late
	late    chan outcome // what becomes of them
	refused []*upstream  // there is no use in asking these again
	denied  *outcome     // a negative answer, which waits for those who were asked before
	worst   *Error
	buf     [4]*upstream
	one     try // the first
}

// outcome is what a try brought.
type outcome struct {
	answer answer
	up     *upstream
	err    error
}

// ask returns the first server's answer to q.
func (f *flight) ask(q question) (answer, *upstream, error) {
	r := &f.first
	if r.f != nil {
		r = new(race)
	}
	r.f, r.q = f, q
	if err := f.enter(r); err != nil {
		return answer{}, nil, err
	}
	o := r.run()
	r.stop.fire(errOvertaken)
	for ; r.pending > 0; r.pending-- {
		if late := <-r.late; late.err != nil && o.err == nil {
			late.up.wasLate()
		}
	}
	return o.answer, o.up, o.err
}

// run goes round the servers.
func (r *race) run() outcome {
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

// failure is the outcome when nobody answered.
func (r *race) failure() outcome {
	if r.worst == nil {
		r.worst = &Error{Kind: KindTimeout, Host: r.q.name}
	}
	return outcome{err: r.worst}
}

// useless reports whether the server refused already.
func (r *race) useless(up *upstream) bool {
	for _, u := range r.refused {
		if u == up {
			return true
		}
	}
	return false
}

// try asks one server. It reports whether the race is over. If others may be
// asked, it does not wait for long.
func (r *race) try(up *upstream, others bool) (outcome, bool) {
	if cause := r.f.fired(); cause != nil {
		return outcome{err: cause}, true
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
	if errors.Is(o.err, errLate) {
		r.leaveBehind(t)
		return o, false
	}
	if cause := r.f.fired(); cause != nil && o.err != nil {
		return outcome{err: cause}, true
	}
	if o, ok := r.take(o); ok {
		return o, true
	}
	return r.collect(false)
}

// leaveBehind has a try that is late go on beside the others.
func (r *race) leaveBehind(t *try) {
	if r.late == nil {
		r.late = make(chan outcome, len(r.f.plan.upstreams))
	}
	r.pending++
	r.f.op.Go(func() {
		o := t.resume()
		r.late <- o
		if o.err == nil {
			r.stop.fire(errOvertaken) // whoever is asked meanwhile need not answer
		}
	}, func(err error) { r.late <- outcome{up: t.up, err: err} })
}

// take looks at an outcome. It reports whether the race is over.
func (r *race) take(o outcome) (outcome, bool) {
	switch {
	case o.err == nil && len(o.answer.records) == 0 && r.pending > 0:
		denied := o // servers differ in what they know: those asked before have the first say
		r.denied = &denied
		return r.collect(true)
	case o.err == nil:
		return o, true
	}
	r.note(o)
	return o, false
}

// note keeps the most telling error.
func (r *race) note(o outcome) {
	if errors.Is(o.err, errOvertaken) {
		return
	}
	e := errorOf(o, r.q.name)
	if refusal(e) {
		r.refused = append(r.refused, o.up)
	}
	if r.worst == nil || rank(e) >= rank(r.worst) {
		r.worst = e
	}
}

// collect looks at what became of those who were late; if wait is set, of all
// of them.
func (r *race) collect(wait bool) (outcome, bool) {
	for r.pending > 0 {
		var o outcome
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
		return outcome{err: cause}, true
	}
	if r.denied != nil {
		return *r.denied, true
	}
	return outcome{}, false
}

// errorOf makes the error of an outcome one of the package's.
func errorOf(o outcome, host string) *Error {
	e := &Error{Kind: KindNetwork, Host: host, Server: o.up.spec, Err: o.err}
	var status *statusError
	var own *Error
	switch err := o.err; {
	case errors.As(err, &own):
		c := *own
		c.Host, c.Server = host, o.up.spec
		return &c
	case o.up.bad != nil:
		e.Kind = KindNoServer
	case isTimeout(err), errors.Is(err, context.DeadlineExceeded):
		e.Kind, e.Err = KindTimeout, nil
	case errors.As(err, &status), errors.Is(err, errLame):
		e.Kind = KindServer
	case errors.Is(err, errLoop), errors.Is(err, errLong):
		e.Kind = KindChain
	case isOneOf(err, errMalformed, errShort, errMismatch, errTooBig, errNotDNS, io.ErrUnexpectedEOF):
		e.Kind = KindMalformed
	}
	return e
}

// isOneOf reports whether err is one of those.
func isOneOf(err error, those ...error) bool {
	for _, e := range those {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// refusal reports whether there is no use in asking the server again.
func refusal(e *Error) bool {
	switch e.Kind {
	case KindServer:
		return e.RCode != dnsmessage.RCodeServerFailure
	case KindMalformed, KindNoServer, KindName:
		return true
	}
	return false
}

// rank says how telling an error is: what a server says tells more than its
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
