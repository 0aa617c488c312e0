package dnsx

import (
	"errors"
	"math"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sync/semaphore"
)

// try is one attempt at one server.
type try struct {
	race  *race
	up    *upstream
	call  call
	began time.Time
	slot  *semaphore.Weighted // taken
}

// run asks the server. If others may be asked when it is late, it may end with
// errLate: then resume has to be called.
func (t *try) run(others bool) outcome {
	r, f := t.race, t.race.f
	if t.up.bad != nil {
		return t.ended(answer{}, t.up.bad)
	}
	slot, waited, err := f.slot(t.up)
	if err != nil {
		return t.ended(answer{}, err)
	}
	if waited {
		f.now = time.Now()
	}
	t.slot, t.began = slot, f.now
	t.call = call{
		wire: wires.Get().(*wire), t: &f.plan.transport, up: t.up, ctx: f.op.Context(), stop: &r.stop,
		deadline: t.began.Add(f.plan.timeout), pool: &f.lane.pool, count: &f.x.count,
	}
	if f.end.Before(t.call.deadline) {
		t.call.deadline = f.end
	}
	if err := t.pack(f.plan.edns0 && !t.up.noEDNS.Load()); err != nil {
		return t.ended(answer{}, &Error{Kind: KindName, Err: err})
	}
	var soft time.Time
	if others {
		soft = t.began.Add(t.up.late())
	}
	msg, err := t.call.do(soft)
	if errors.Is(err, errLate) {
		return outcome{up: t.up, err: err}
	}
	return t.judge(msg, err)
}

// resume waits on for a server that is late.
func (t *try) resume() outcome {
	msg, err := t.call.resume()
	if errors.Is(err, errTruncated) {
		msg, err = t.call.overTCP()
	}
	return t.judge(msg, err)
}

// pack makes the query.
func (t *try) pack(edns bool) error {
	f := t.race.f
	return t.call.pack(f.x.ids.next(), t.race.q, edns, f.plan.trustAD, t.up.encrypted())
}

// judge makes an outcome of what the server answered. One that does not know
// EDNS(0) is asked again without.
func (t *try) judge(msg []byte, err error) outcome {
	if err != nil {
		if t.race.stop.fired() == nil {
			t.up.hasFailed()
		}
		return t.ended(answer{}, err)
	}
	a, err := parseAnswer(msg, t.race.q)
	if err == nil && t.call.edns && ednsTrouble(a.rcode) {
		if err := t.pack(false); err != nil {
			return t.ended(answer{}, err)
		}
		msg, err = t.call.do(time.Time{})
		if err != nil {
			return t.ended(answer{}, err)
		}
		if a, err = parseAnswer(msg, t.race.q); err == nil && !ednsTrouble(a.rcode) {
			t.up.noEDNS.Store(true)
		}
	}
	t.up.answered(time.Since(t.began))
	if err == nil && a.rcode != dnsmessage.RCodeSuccess && a.rcode != dnsmessage.RCodeNameError {
		err = &Error{Kind: KindServer, RCode: a.rcode}
	}
	if age := t.call.age / time.Second; age > 0 {
		a.ttl -= uint32(min(age, time.Duration(min(a.ttl, math.MaxInt32))))
	}
	a.ad = a.ad && t.race.f.plan.trustAD
	return t.ended(a, err)
}

// ended gives back what the try used.
func (t *try) ended(a answer, err error) outcome {
	if t.call.wire != nil {
		wires.Put(t.call.wire)
		t.call.wire = nil
	}
	if t.slot != nil {
		t.slot.Release(1)
	}
	if err != nil {
		t.race.f.x.count.failures.Add(1)
	}
	return outcome{a, t.up, err}
}

// ednsTrouble reports whether a server that answers so may do better without
// EDNS(0) (RFC 6891, section 7).
func ednsTrouble(rcode dnsmessage.RCode) bool {
	const badVersion = 16
	return rcode == dnsmessage.RCodeFormatError || rcode == dnsmessage.RCodeNotImplemented || rcode == badVersion
}
