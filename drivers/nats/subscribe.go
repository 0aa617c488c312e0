package nats

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	natsgo "github.com/nats-io/nats.go"

	"goaio.example/aio"
)

var (
	kindSubscribe    = aio.NewKind("nats.subscribe")
	kindSubscription = aio.NewKind("nats.subscription")
)

// ErrSlow matches the events and the Err of a subscription whose channel was
// full when messages came.
var ErrSlow = natsgo.ErrSlowConsumer

// SubscribeOptions are settings of a subscription. The zero value is ready.
type SubscribeOptions struct {
	// Queue is a queue group: each message comes to one of its members. ""
	// means none.
	Queue string
	// Buffer is for how many messages there is room. What comes when it is full
	// is dropped, and told of. 0 or less means 1,024.
	Buffer int
}

// Subscription is a subject's messages as they come. It is an operation (kind
// "nats.subscription") that holds its loop open and ends when the loop drains:
// the server sends no more, and the channel is closed behind the last message
// that it has sent. A connection that breaks does not end it; what is published
// before nats.go has repaired that does not come.
type Subscription struct {
	op   aio.Op
	cn   *conn
	sub  *natsgo.Subscription
	c    chan *Msg
	gone chan struct{} // closed when nats.go sends no more to c

	mu      sync.Mutex
	ending  bool
	dropped int
	err     error
}

// Subscribe subscribes to a subject, which may have the wildcards "*" and ">".
// The future resolves when the server knows: what is published after that
// comes. The subscription is a child of ctx's operation.
func (c *Client) Subscribe(ctx context.Context, subject string, o SubscribeOptions) *aio.Future[*Subscription] {
	if o.Buffer <= 0 {
		o.Buffer = 1024
	}
	return start(ctx, kindSubscribe, subject, func(dial context.Context) (*Subscription, error) {
		l := c.link(dial)
		dial, cancel := c.bound(dial)
		defer cancel()
		cn, err := l.connect(dial)
		if err != nil {
			return nil, err
		}
		s := &Subscription{cn: cn, c: make(chan *Msg, o.Buffer), gone: make(chan struct{})}
		s.op.AsLasting()
		if err := s.op.Start(ctx, kindSubscription, subject, s); err != nil {
			return nil, err
		}
		if err := s.begin(dial, subject, o.Queue); err != nil {
			return nil, err
		}
		return s, nil
	})
}

// begin subscribes.
func (s *Subscription) begin(ctx context.Context, subject, queue string) (err error) {
	s.mu.Lock()
	nc := s.cn.nc
	s.sub, err = nc.ChanQueueSubscribe(subject, queue, s.c)
	if err == nil {
		s.sub.SetClosedHandler(func(string) { close(s.gone) })
		s.cn.watch(s.sub, s)
	}
	ending := s.ending
	s.mu.Unlock()
	if err == nil && ending {
		err = aio.ErrExit // cancelled, or the loop drains
	}
	if err == nil {
		err = cause(ctx, nc.FlushWithContext(ctx))
	}
	switch {
	case s.sub == nil:
		s.op.End(nil) // the caller has the error
	case err != nil:
		s.finish(s.sub.Unsubscribe)
	default:
		s.op.Go(s.watchConn, func(error) {})
	}
	return err
}

// watchConn ends the subscription when its connection is closed for good.
func (s *Subscription) watchConn() {
	<-s.gone
	s.finish(nil)
}

// OpDrain ends the subscription behind what the server has sent.
func (s *Subscription) OpDrain() { s.leave((*natsgo.Subscription).Drain) }

// OpCancel ends the subscription at once.
func (s *Subscription) OpCancel(error) { s.leave((*natsgo.Subscription).Unsubscribe) }

// leave has nats.go unsubscribe in some way, if there is a subscription.
func (s *Subscription) leave(how func(*natsgo.Subscription) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ending = true
	if sub := s.sub; sub != nil && !isClosed(s.gone) {
		if n, err := sub.Dropped(); err == nil {
			s.dropped = n
		}
		// fails if it has ended
		s.op.Go(func() { _ = how(sub) }, func(error) {})
	}
}

// finish ends the operation.
func (s *Subscription) finish(unsubscribe func() error) {
	if unsubscribe != nil {
		_ = unsubscribe() // fails if it has ended
		<-s.gone
	}
	s.cn.watch(s.sub, nil)
	s.mu.Lock()
	if s.cn.over() && !s.ending {
		s.err = errors.Join(s.err, aio.NewConnError("read", "nats", s.sub.Subject, -1, aio.ErrClosed))
	}
	s.mu.Unlock()
	close(s.c)
	s.op.End(nil)
}

// report is called with a condition: that the channel was full, mostly.
func (s *Subscription) report(err error) {
	n, _ := s.sub.Dropped() // an error has 0
	s.mu.Lock()
	s.dropped = max(s.dropped, n)
	if errors.Is(err, ErrSlow) {
		s.err = err
	}
	s.mu.Unlock()
	s.op.Report(fmt.Errorf("nats: %s: %w", s.sub.Subject, err))
}

// C returns the channel that receives the messages. It is closed when the
// subscription has ended, behind its last message.
func (s *Subscription) C() <-chan *Msg { return s.c }

// All yields the messages until the subscription has ended or ctx ends, which
// is yielded as an error, as is Err at the end.
func (s *Subscription) All(ctx context.Context) iter.Seq2[*Msg, error] {
	return func(yield func(*Msg, error) bool) {
		for {
			select {
			case m, ok := <-s.c:
				if !ok {
					if err := s.Err(); err != nil {
						yield(nil, err)
					}
					return
				}
				if !yield(m, nil) {
					return
				}
			case <-ctx.Done():
				yield(nil, context.Cause(ctx))
				return
			}
		}
	}
}

// Dropped returns how many messages were dropped because the channel was full.
func (s *Subscription) Dropped() int {
	if n, err := s.sub.Dropped(); err == nil {
		return n
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

// Err returns why messages are missing: an ErrSlow if some were dropped, an
// aio.ErrClosed if the connection was closed for good. It is nil otherwise.
func (s *Subscription) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close ends the subscription as a drain does. It does not block. It may be
// called more than once.
func (s *Subscription) Close() { s.OpDrain() }
