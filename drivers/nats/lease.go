package nats

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"goaio.example/aio/jobs"
)

// lease is a job that JetStream has handed out. JetStream's acknowledgements
// (ADR-13) are requests to the subject that came with it, and are answered
// ("double ack").
type lease struct {
	s     *source
	nc    *natsgo.Conn
	m     *natsgo.Msg
	d     jobs.Delivery
	until time.Time // when the lease ends; the source's lock guards it
}

// newLease makes a lease of a message. wait is how much longer the job is kept
// back.
func newLease(in *inbox, m *natsgo.Msg) (l *lease, wait time.Duration, err error) {
	meta, err := m.Metadata()
	if err != nil {
		return nil, 0, fmt.Errorf("nats: a message that is no job: %w", err)
	}
	now := time.Now()
	// 0 if there is none
	delay, _ := time.ParseDuration(m.Header.Get(delayHeader))
	attempts := int(min(meta.NumDelivered, 1<<20))
	if delay > 0 {
		wait = meta.Timestamp.Add(delay).Sub(now)
		attempts = max(attempts-1, 1) // it was handed out early once
	}
	return &lease{in.s, in.nc, m, jobs.Delivery{
		Queue:    strings.TrimPrefix(m.Subject, in.s.b.stream()+"."),
		Data:     m.Data,
		BrokerID: fmt.Sprint(meta.Sequence.Stream),
		Attempts: attempts,
		Lease:    in.lease,
	}, now.Add(in.lease)}, wait, nil
}

func (l *lease) Delivery() jobs.Delivery { return l.d }

func (l *lease) Touch(ctx context.Context) error {
	begun := time.Now()
	if err := l.tell(ctx, []byte("+WPI")); err != nil {
		return err
	}
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	l.until = begun.Add(l.d.Lease)
	return nil
}

// Delete is sent also when the lease has ended: the job is done.
func (l *lease) Delete(ctx context.Context) error { return l.settle(l.ask(ctx, []byte("+ACK"))) }

func (l *lease) Release(ctx context.Context, delay time.Duration) error {
	return l.settle(l.tell(ctx, nak(delay)))
}

// Bury stores the job in the stream for buried ones, and takes it from its
// queue.
func (l *lease) Bury(ctx context.Context, why error) error {
	if !l.lasts() {
		return l.settle(jobs.ErrLeaseLost)
	}
	reason := oneLine(why)
	m := natsgo.NewMsg(l.s.b.buriedStream() + "." + l.d.Queue)
	m.Data = l.m.Data
	m.Header.Set(natsgo.MsgIdHdr, l.s.b.stream()+"/"+l.d.BrokerID)
	m.Header.Set("Aio-Why", reason)
	m.Header.Set("Aio-Attempts", fmt.Sprint(l.d.Attempts))
	if err := l.s.b.store(ctx, l.s.b.buriedStream(), m); err != nil {
		return err
	}
	return l.settle(l.tell(ctx, []byte("+TERM "+reason)))
}

// oneLine returns the text of an error for a header.
func oneLine(err error) string {
	if err == nil {
		return ""
	}
	text := strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, err.Error())
	return strings.ToValidUTF8(text[:min(len(text), 1000)], "")
}

// nak is the word that gives a job back, to be handed out after a delay.
func nak(delay time.Duration) []byte {
	if delay <= 0 {
		return []byte("-NAK")
	}
	return fmt.Appendf(nil, `-NAK {"delay":%d}`, delay)
}

// lasts reports whether the lease has not ended by the clock.
func (l *lease) lasts() bool {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	return time.Now().Before(l.until)
}

// tell is ask for a lease that lasts: JetStream would take the word for the
// delivery that is out at the time.
func (l *lease) tell(ctx context.Context, word []byte) error {
	if !l.lasts() {
		return jobs.ErrLeaseLost
	}
	return l.ask(ctx, word)
}

// ask sends a word about the job, and waits for the answer.
func (l *lease) ask(ctx context.Context, word []byte) error {
	_, err := insist(ctx, func(ctx context.Context) (*natsgo.Msg, error) {
		nc, err := l.s.link.nats(ctx)
		if err != nil {
			return nil, err
		}
		return nc.RequestWithContext(ctx, l.m.Reply, word)
	})
	return err
}

// giveBack has the job be handed out at once, without waiting for an answer.
// else it waits for the end of its lease
func (l *lease) giveBack() { _ = l.nc.Publish(l.m.Reply, nak(0)) }

// settle forgets a lease that has ended.
func (l *lease) settle(err error) error {
	if err == nil || errors.Is(err, jobs.ErrLeaseLost) {
		l.s.mu.Lock()
		defer l.s.mu.Unlock()
		delete(l.s.held, l)
	}
	return err
}
