package nats

import (
	"context"
	"fmt"
	"strings"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"goaio.example/aio/jobs"
)

// inbox is a subscription that the jobs of a Source's pulls come to. A pull is
// a request for one job (JetStream's MSG.NEXT, ADR-13). The source's lock
// guards an inbox.
type inbox struct {
	s      *source
	nc     *natsgo.Conn
	sub    *natsgo.Subscription
	broken <-chan struct{} // closed when the connection breaks
	lease  time.Duration
	next   string // the subject to ask for a job
	pulls  int    // that were sent and not answered
	heard  time.Time
}

// open returns the inbox, and makes one if there is none that can be used.
func (s *source) open(ctx context.Context) (*inbox, error) {
	select {
	case s.making <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-s.making }()
	s.mu.Lock()
	in := s.in
	if in != nil && isClosed(in.broken) {
		s.drop(in)
		in = nil
	}
	s.mu.Unlock()
	if in != nil {
		return in, nil
	}
	return s.make(ctx)
}

// make makes an inbox.
func (s *source) make(ctx context.Context) (*inbox, error) {
	tried, cancel := context.WithTimeoutCause(ctx, deaf, errDeaf)
	defer cancel()
	cn, err := s.link.connect(tried)
	if err != nil {
		return nil, err
	}
	in := &inbox{s: s, nc: cn.nc, broken: cn.broken(), heard: time.Now()}
	if !cn.nc.IsConnected() {
		return nil, errBroken
	}
	if err := s.b.makeStream(tried, cn.nc, s.b.stream()); err != nil {
		return nil, fmt.Errorf("nats: the stream %s: %w", s.b.stream(), cause(tried, err))
	}
	if in.lease, err = s.b.makeConsumer(tried, cn.nc, s.queues); err != nil {
		s.b.forget(s.b.stream())
		return nil, fmt.Errorf("nats: the consumer %s of %s: %w", consumerName(s.queues), s.b.stream(), cause(tried, err))
	}
	in.next = fmt.Sprintf("$JS.API.CONSUMER.MSG.NEXT.%s.%s", s.b.stream(), consumerName(s.queues))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed != nil {
		return nil, s.closed
	}
	in.sub, err = cn.nc.Subscribe(natsgo.NewInbox(), in.receive)
	if err != nil {
		return nil, err
	}
	s.inboxes.Add(1)
	in.sub.SetClosedHandler(func(string) { s.inboxes.Done() })
	s.in = in
	return in, nil
}

// drop ends an inbox: no more jobs come to it. The lock is held.
func (s *source) drop(in *inbox) {
	if s.in == in {
		s.in = nil
		in.end()
	}
}

// end unsubscribes. What has come, and what comes before the server's answer,
// is still received.
// fails if the connection is closed: so is the subscription then
func (in *inbox) end() { _ = in.sub.Drain() }

// pump sends a pull for each waiter that has none. The lock is held.
func (in *inbox) pump() error {
	for in.pulls < len(in.s.waiters) {
		body := fmt.Appendf(nil, `{"batch":1,"expires":%d,"idle_heartbeat":%d}`, life, beat)
		if err := in.nc.PublishRequest(in.next, in.sub.Subject, body); err != nil {
			return err
		}
		if in.pulls == 0 {
			in.heard = time.Now()
		}
		in.pulls++
	}
	return nil
}

// receive is called with what comes, by nats.go.
func (in *inbox) receive(m *natsgo.Msg) {
	s := in.s
	s.mu.Lock()
	in.heard = time.Now()
	status := m.Header.Get("Status")
	if status == "100" { // a heartbeat
		s.mu.Unlock()
		return
	}
	in.pulls--
	if status != "" && len(m.Data) == 0 {
		in.noJob(status, m.Header.Get("Description"))
		s.mu.Unlock()
		return
	}
	l, wait, err := newLease(in, m)
	switch {
	case err != nil:
		s.give(outcome{err: err})
	case wait > 0: // put with a delay
		in.again()
	case s.give(outcome{lease: l}):
		s.held[l] = struct{}{}
		l = nil
	}
	s.mu.Unlock()
	if l != nil {
		// else it waits for the end of its lease
		_ = in.nc.Publish(m.Reply, nak(wait))
	}
}

// noJob takes a server's word that a pull brings no job. The lock is held.
func (in *inbox) noJob(status, text string) {
	switch {
	case status == "404" || status == "408":
		in.s.give(outcome{err: jobs.ErrNoJob})
	case strings.Contains(text, "Leadership Change") || strings.Contains(text, "Server Shutdown"):
		in.s.give(outcome{err: errMoved})
		in.s.drop(in)
	default: // 503: there is no such consumer, or no leader
		in.s.give(outcome{err: fmt.Errorf("nats: no job: %s %s", status, text)})
		in.s.b.forget(in.s.b.stream())
		in.s.drop(in)
	}
}

// again sends a pull for the one that has brought nothing. The lock is held.
func (in *inbox) again() {
	if err := in.pump(); err != nil {
		in.s.give(outcome{err: err})
	}
}

// isClosed reports whether a channel is closed.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// cause returns the cause of ctx's end if err is that.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
