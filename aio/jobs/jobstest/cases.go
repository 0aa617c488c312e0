package jobstest

import (
	"bytes"
	"errors"
	"maps"
	"time"

	"goaio.example/aio/jobs"
)

func asPut(c *check) {
	want := jobs.Job{
		ID: jobs.NewID(), Type: "text/plain", Body: []byte("a\r\n\x00body\n"), Attempt: 2,
		Meta: map[string]string{"traceparent": "00-1-2-01"},
	}
	s := c.open()
	if id := c.put(want); id != want.ID {
		c.Errorf("Put's future is %s, want %s", id, want.ID)
	}
	l, j := c.reserve(s)
	d := l.Delivery()
	if j.ID != want.ID || j.Type != want.Type || !bytes.Equal(j.Body, want.Body) || !maps.Equal(j.Meta, want.Meta) {
		c.Errorf("the job came as %+v, want %+v", j, want)
	}
	if j.Queue != c.b.Queue || d.Queue != c.b.Queue || j.Attempt != 3 {
		c.Errorf("the job's queue is %s (delivery: %s), its attempt %d; want %s, 3", j.Queue, d.Queue, j.Attempt, c.b.Queue)
	}
	if d.Lease != c.b.Lease || d.BrokerID == "" {
		c.Errorf("the delivery is %+v, want a lease of %v and an ID of the broker's", d, c.b.Lease)
	}
	c.wantAttempt(l, 1)
	c.must("Delete", l.Delete(c.ctx))
}

func deleted(c *check) {
	s := c.open()
	c.put(jobs.Job{})
	l, _ := c.reserve(s)
	c.must("Delete", l.Delete(c.ctx))
	c.none(s, c.b.Lease*3/2)
	other := c.open()
	c.close(s)
	c.none(other, c.b.Lease/2)
}

func released(c *check) {
	s, other := c.open(), c.open()
	id := c.put(jobs.Job{})
	l, _ := c.reserve(s)
	c.must("Release", l.Release(c.ctx, 0))
	again, j := c.reserve(other)
	c.wantID(j, id)
	c.wantAttempt(again, 2)
	c.must("Delete", again.Delete(c.ctx))
}

func releasedLater(c *check) {
	s := c.open()
	id := c.put(jobs.Job{})
	l, _ := c.reserve(s)
	begin := time.Now()
	c.must("Release", l.Release(c.ctx, c.b.Delay))
	again, j := c.reserve(s)
	c.wantID(j, id)
	c.notEarly(begin, c.b.Delay)
	c.wantAttempt(again, 2)
	c.must("Delete", again.Delete(c.ctx))
}

// notEarly checks that d has passed. Brokers may count whole ticks, so a
// hundredth less is accepted.
func (c *check) notEarly(begin time.Time, d time.Duration) {
	c.Helper()
	if took := time.Since(begin); took < d-d/100 {
		c.Errorf("the job came after %v, want %v at least", took, d)
	}
}

func delayed(c *check) {
	s := c.open()
	c.put(jobs.Job{})
	first, _ := c.reserve(s) // what a driver makes at first is there then
	c.must("Delete", first.Delete(c.ctx))
	begin := time.Now()
	late := c.put(jobs.Job{Delay: c.b.Delay})
	soon := c.put(jobs.Job{})
	l, j := c.reserve(s)
	c.wantID(j, soon)
	c.must("Delete", l.Delete(c.ctx))
	l, j = c.reserve(s)
	c.wantID(j, late)
	c.notEarly(begin, c.b.Delay)
	c.wantAttempt(l, 1)
	c.must("Delete", l.Delete(c.ctx))
}

func buried(c *check) {
	s := c.open()
	c.put(jobs.Job{})
	l, _ := c.reserve(s)
	c.must("Bury", l.Bury(c.ctx, errors.New("why")))
	c.none(s, c.b.Lease*3/2)
	if c.b.Buried == nil {
		return
	}
	if n, err := c.b.Buried(c.ctx); n != 1 || err != nil {
		c.Errorf("%d jobs are buried (%v), want 1", n, err)
	}
}

func leaseEnds(c *check) {
	s, other := c.open(), c.open()
	begin := time.Now()
	id := c.put(jobs.Job{})
	l, j := c.reserve(s)
	c.wantID(j, id)
	again, j := c.reserveLost(other, l)
	c.wantID(j, id)
	c.notEarly(begin, c.b.Lease)
	c.wantAttempt(again, 2)
	c.must("Delete", again.Delete(c.ctx))
}

func touched(c *check) {
	s, other := c.open(), c.open()
	c.put(jobs.Job{})
	l, _ := c.reserve(s)
	for range 6 { // two leases long
		c.none(other, c.b.Lease/3)
		c.must("Touch", l.Touch(c.ctx))
	}
	c.must("Delete", l.Delete(c.ctx))
}

func lost(c *check) {
	s, other := c.open(), c.open()
	id := c.put(jobs.Job{})
	l, _ := c.reserve(s)
	again, _ := c.reserveLost(other, l)
	for call, err := range map[string]error{
		"Touch": l.Touch(c.ctx), "Release": l.Release(c.ctx, 0), "Bury": l.Bury(c.ctx, errors.New("why")), "Delete": l.Delete(c.ctx),
	} {
		if c.b.Shared {
			break
		}
		if !errors.Is(err, jobs.ErrLeaseLost) {
			c.Errorf("%s of a lost lease: %v, want %v", call, err, jobs.ErrLeaseLost)
		}
	}
	if c.b.Shared {
		return
	}
	c.must("Touch by the job's new worker", again.Touch(c.ctx))
	c.must("Release by the job's new worker", again.Release(c.ctx, 0))
	last, j := c.reserve(other)
	c.wantID(j, id)
	c.must("Delete", last.Delete(c.ctx))
	if err := last.Delete(c.ctx); err == nil {
		c.Error("a second Delete has succeeded")
	}
}
