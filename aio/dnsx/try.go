package dnsx

import (
	"errors"
	"math"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sync/semaphore"

	"goaio.example/aio/dnsx/internal/transport"
)

// try is one attempt to ask one server.
type try struct {
	race  *race
	up    *upstream
	call  transport.Call
	began time.Time
	slot  *semaphore.Weighted // acquired
}

// run asks the server. If others can be asked when it is late, run may end with
// transport.ErrLate, and resume continues.
func (t *try) run(others bool) result {
	r, f := t.race, t.race.f
	if t.up.Err != nil {
		return t.ended(message{}, t.up.Err)
	}
	slot, waited, err := f.slot(t.up)
	if err != nil {
		return t.ended(message{}, err)
	}
	if waited {
		f.now = time.Now()
	}
	t.slot, t.began = slot, f.now
	t.call = transport.Call{
		Network: &f.plan.network, Server: &t.up.Server, Context: f.op.Context(), Stop: &r.stop,
		Deadline: t.began.Add(f.plan.timeout), Pool: &f.lane.pool, Counters: &f.x.count.sent,
	}
	if f.end.Before(t.call.Deadline) {
		t.call.Deadline = f.end
	}
	if err := t.pack(f.plan.edns0 && !t.up.noEDNS.Load()); err != nil {
		return t.ended(message{}, &Error{Kind: KindName, Err: err})
	}
	var soft time.Time
	if others {
		soft = t.began.Add(t.up.late())
	}
	msg, err := t.call.Do(soft)
	if errors.Is(err, transport.ErrLate) {
		return result{up: t.up, err: err}
	}
	return t.judge(msg, err)
}

// resume continues to wait for a server that is late.
func (t *try) resume() result { return t.judge(t.call.Resume()) }

// pack makes the query.
func (t *try) pack(edns bool) error {
	return t.call.Pack(t.race.q.name, t.race.q.typ, edns, t.race.f.plan.trustAD)
}

// judge returns the result of what the server sent. If the server does not
// implement EDNS(0), judge asks it again without.
func (t *try) judge(msg []byte, err error) result {
	if err != nil {
		if t.race.stop.Fired() == nil {
			t.up.hasFailed()
		}
		return t.ended(message{}, err)
	}
	m, err := parseMessage(msg, t.race.q)
	if err == nil && t.call.EDNS() && ednsTrouble(m.rcode) {
		if err := t.pack(false); err != nil {
			return t.ended(message{}, err)
		}
		msg, err = t.call.Do(time.Time{})
		if err != nil {
			return t.ended(message{}, err)
		}
		if m, err = parseMessage(msg, t.race.q); err == nil && !ednsTrouble(m.rcode) {
			t.up.noEDNS.Store(true)
		}
	}
	t.up.answered(time.Since(t.began))
	if err == nil && m.rcode != dnsmessage.RCodeSuccess && m.rcode != dnsmessage.RCodeNameError {
		err = &Error{Kind: KindServer, RCode: m.rcode}
	}
	if age := t.call.Age() / time.Second; age > 0 {
		m.ttl -= uint32(min(age, time.Duration(min(m.ttl, math.MaxInt32))))
	}
	m.ad = m.ad && t.race.f.plan.trustAD
	return t.ended(m, err)
}

// ended releases what the try has used, and returns its result.
func (t *try) ended(m message, err error) result {
	t.call.Release()
	if t.slot != nil {
		t.slot.Release(1)
	}
	if err != nil {
		t.race.f.x.count.failures.Add(1)
	}
	return result{m, t.up, err}
}

// ednsTrouble reports whether a server that answers with the code may answer
// better without EDNS(0) (RFC 6891, section 7).
func ednsTrouble(rcode dnsmessage.RCode) bool {
	const badVersion = 16
	return rcode == dnsmessage.RCodeFormatError || rcode == dnsmessage.RCodeNotImplemented || rcode == badVersion
}
