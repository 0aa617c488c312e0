package nats

import (
	"context"
	"sync"

	natsgo "github.com/nats-io/nats.go"

	"goaio.example/aio"
)

var (
	kindPublish    = aio.NewKind("nats.publish")
	kindPublishing = aio.NewKind("nats.publishing")
	kindRequest    = aio.NewKind("nats.request")
)

// ErrNoResponders is the error of a Request whose subject nobody subscribes to.
var ErrNoResponders = natsgo.ErrNoResponders

// maxQueue bounds the bytes of messages that wait to be sent.
const maxQueue = 8 << 20

// flusher sends a loop's messages in the order of the calls of Publish, and
// waits for the server's word that it has them, once for all that are there.
type flusher struct {
	mu      sync.Mutex
	waiting []*publication
	bytes   int
	running bool
}

// publication is a message on its way.
type publication struct {
	m       *Msg
	promise aio.Promise[struct{}]
}

// OpCancel rejects the future. The message may be sent.
func (p *publication) OpCancel(cause error) { p.promise.Reject(cause) }

// Publish is PublishMsg of a message without headers.
func (c *Client) Publish(ctx context.Context, subject string, data []byte) *aio.Future[struct{}] {
	return c.PublishMsg(ctx, &Msg{Subject: subject, Data: data})
}

// PublishMsg sends a message, which must not be changed until the future is
// done. It does not block. Messages are sent in the order of the calls, those
// of one loop. The future resolves when the server has the message and all
// before it, not when subscribers do. It fails with an aio.ErrBacklog, and
// sends nothing, if 8 MiB wait to be sent. A message is sent once: after
// another error the server may have it or not.
func (c *Client) PublishMsg(ctx context.Context, m *Msg) *aio.Future[struct{}] {
	p := &publication{m: m}
	if p.promise.Start(ctx, kindPublish, m.Subject, p) != nil {
		return p.promise.Future()
	}
	f := p.promise.Future()
	l := c.link(p.promise.Context())
	q := &l.flusher
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.bytes+m.Size() > maxQueue && q.bytes > 0 {
		p.promise.Reject(aio.ErrBacklog)
		return f
	}
	if !q.running {
		op, err := aio.Begin(l.top, kindPublishing, "")
		if err != nil {
			p.promise.Reject(err)
			return f
		}
		q.running = true
		op.Go(func() { l.publish(op) }, func(err error) { op.End(err) })
	}
	q.waiting = append(q.waiting, p)
	q.bytes += m.Size()
	return f
}

// publish sends messages until there are none.
func (l *link) publish(op *aio.Op) {
	q := &l.flusher
	for {
		q.mu.Lock()
		batch := q.waiting
		q.waiting, q.bytes = nil, 0
		if q.running = len(batch) > 0; !q.running {
			op.End(nil)
			q.mu.Unlock()
			return
		}
		q.mu.Unlock()
		err := l.publishAll(op.Context(), batch)
		for _, p := range batch {
			if err != nil {
				p.promise.Reject(err)
			} else {
				p.promise.Resolve(struct{}{})
			}
		}
	}
}

// publishAll sends some messages, and waits for the server. A message that
// nats.go refuses fails alone.
func (l *link) publishAll(ctx context.Context, batch []*publication) error {
	ctx, cancel := l.client.bound(ctx)
	defer cancel()
	nc, err := l.nats(ctx)
	if err != nil {
		return err
	}
	for _, p := range batch {
		if err := nc.PublishMsg(p.m); err != nil {
			p.promise.Reject(err)
		}
	}
	return cause(ctx, nc.FlushWithContext(ctx))
}

// Request is RequestMsg of a message without headers.
func (c *Client) Request(ctx context.Context, subject string, data []byte) *aio.Future[*Msg] {
	return c.RequestMsg(ctx, &Msg{Subject: subject, Data: data})
}

// RequestMsg sends a request. The future is the first answer. Its error is
// ErrNoResponders if nobody subscribes to the subject, and aio.ErrTimeout if no
// answer comes within Client.Timeout. The request is sent once.
func (c *Client) RequestMsg(ctx context.Context, m *Msg) *aio.Future[*Msg] {
	return start(ctx, kindRequest, m.Subject, func(ctx context.Context) (*Msg, error) {
		l := c.link(ctx)
		ctx, cancel := c.bound(ctx)
		defer cancel()
		nc, err := l.nats(ctx)
		if err != nil {
			return nil, err
		}
		reply, err := nc.RequestMsgWithContext(ctx, m)
		if err != nil {
			return nil, cause(ctx, err)
		}
		return reply, nil
	})
}
