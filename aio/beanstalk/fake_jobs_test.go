package beanstalk_test

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A fakeJob is a job of a fake's.
type fakeJob struct {
	fake        *fake
	id          uint64
	tube, state string
	body        []byte
	pri         uint32
	put         time.Time
	delay, ttr  time.Duration
	// that has reserved it
	by *fakeConn
	// of its delay, or its TTR
	due                                         time.Time
	timer                                       *time.Timer
	reserves, timeouts, releases, buries, kicks int
}

func (f *fake) insert(tube string, body []byte, pri uint32, delay, ttr time.Duration) *fakeJob {
	f.last++
	j := &fakeJob{fake: f, id: f.last, tube: tube, body: body, pri: pri, put: time.Now(), ttr: max(ttr, time.Second)}
	f.jobs[j.id] = j
	j.after(delay)
	return j
}

// after makes the job ready after a delay.
func (j *fakeJob) after(d time.Duration) {
	j.delay = d
	if d == 0 {
		j.ready()
		return
	}
	j.enter("delayed", nil)
	j.expire(d, func() { j.ready() })
}

func (j *fakeJob) ready() {
	j.enter("ready", nil)
	j.fake.wake()
}

// reserve reserves the job for a connection.
func (j *fakeJob) reserve(c *fakeConn) string {
	j.enter("reserved", c)
	j.reserves++
	j.touch()
	return fmt.Sprintf("RESERVED %d %d\r\n%s\r\n", j.id, len(j.body), j.body)
}

func (j *fakeJob) touch() {
	j.expire(j.ttr, func() {
		j.timeouts++
		j.ready()
	})
}

func (j *fakeJob) enter(state string, by *fakeConn) {
	if j.timer != nil {
		j.timer.Stop()
		j.timer = nil
	}
	j.state, j.by, j.due = state, by, time.Time{}
}

// expire calls fn when d has passed, if the job is in the same state then.
func (j *fakeJob) expire(d time.Duration, fn func()) {
	if j.timer != nil {
		j.timer.Stop()
	}
	j.due = time.Now().Add(d)
	var t *time.Timer
	t = time.AfterFunc(d, func() {
		j.fake.mu.Lock()
		defer j.fake.mu.Unlock()
		if j.timer == t {
			fn()
		}
	})
	j.timer = t
}

// delete forgets the job.
func (j *fakeJob) delete() {
	j.enter("", nil)
	delete(j.fake.jobs, j.id)
}

// wake has the connections that wait look again.
func (f *fake) wake() {
	for c := range f.conns {
		select {
		case c.more <- struct{}{}:
		default:
		}
	}
}

// first returns the job in one of the states that comes first.
func (f *fake) first(state string, tubes []string, less func(a, b *fakeJob) int) *fakeJob {
	var found *fakeJob
	for _, j := range f.jobs {
		if j.state == state && slices.Contains(tubes, j.tube) && (found == nil || less(j, found) < 0) {
			found = j
		}
	}
	return found
}

func byPriority(a, b *fakeJob) int { return cmp.Or(cmp.Compare(a.pri, b.pri), cmp.Compare(a.id, b.id)) }
func byTime(a, b *fakeJob) int     { return a.due.Compare(b.due) }
func byID(a, b *fakeJob) int       { return cmp.Compare(a.id, b.id) }

// reserve answers a reserve, which may wait.
func (c *fakeConn) reserve(cmd fakeCommand) string {
	timeout := time.Duration(-1)
	if len(cmd.words) == 2 {
		s, err := strconv.Atoi(cmd.words[1])
		if err != nil {
			return "BAD_FORMAT\r\n"
		}
		timeout = time.Duration(s) * time.Second
	}
	began := time.Now()
	for {
		answer, again := c.tryReserve(timeout, began)
		if answer != "" {
			return answer
		}
		t := time.NewTimer(again)
		select {
		case <-c.more:
		case <-t.C:
		case <-c.gone:
			t.Stop()
			return "TIMED_OUT\r\n"
		}
		t.Stop()
	}
}

// tryReserve returns an answer, or when to look again.
func (c *fakeConn) tryReserve(timeout time.Duration, began time.Time) (string, time.Duration) {
	c.fake.mu.Lock()
	defer c.fake.mu.Unlock()
	now := time.Now()
	tubes := slices.DeleteFunc(slices.Clone(c.watch), func(t string) bool { return c.fake.paused[t].After(now) })
	if j := c.fake.first("ready", tubes, byPriority); j != nil {
		return j.reserve(c), 0
	}
	again := time.Hour
	for _, j := range c.fake.jobs {
		if j.by == c {
			again = min(again, j.due.Sub(now)-time.Second)
		}
	}
	if again <= 0 {
		return "DEADLINE_SOON\r\n", 0
	}
	if timeout >= 0 {
		left := timeout - now.Sub(began)
		if left <= 0 {
			return "TIMED_OUT\r\n", 0
		}
		again = min(again, left)
	}
	for _, t := range c.watch {
		if d := c.fake.paused[t].Sub(now); d > 0 {
			again = min(again, d)
		}
	}
	return "", again
}

// stats returns what stats-job tells of the job.
func (j *fakeJob) stats() string {
	left := time.Duration(0)
	if !j.due.IsZero() {
		left = time.Until(j.due)
	}
	return chunk("OK", fmt.Appendf(nil, "---\nid: %d\ntube: \"%s\"\nstate: %s\npri: %d\nage: %d\ndelay: %d\nttr: %d\n"+
		"time-left: %d\nfile: 0\nreserves: %d\ntimeouts: %d\nreleases: %d\nburies: %d\nkicks: %d\n",
		j.id, j.tube, j.state, j.pri, time.Since(j.put)/time.Second, j.delay/time.Second, j.ttr/time.Second,
		left/time.Second, j.reserves, j.timeouts, j.releases, j.buries, j.kicks))
}

// tubes returns the names of all tubes.
func (f *fake) tubes() []string {
	names := []string{"default"}
	for _, j := range f.jobs {
		names = append(names, j.tube)
	}
	for c := range f.conns {
		names = append(append(names, c.use), c.watch...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func yamlList(names []string) string {
	return chunk("OK", []byte("---\n- "+strings.Join(names, "\n- ")+"\n"))
}
