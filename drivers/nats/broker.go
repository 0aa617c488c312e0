package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"goaio.example/aio"
	"goaio.example/aio/jobs"
)

var (
	kindPut    = aio.NewKind("jobs.put")
	kindBuried = aio.NewKind("nats.buried")
)

// delayHeader says for how long, since it was stored, a job is kept back.
const delayHeader = "Aio-Delay"

// Broker is a stream of JetStream's that keeps jobs: a jobs.Putter, with
// Sources. The zero Broker is the stream JOBS of a zero Client. Set the fields
// before use; the methods may be called from any goroutine, in any number of
// loops.
//
// The stream, the one for buried jobs, and a consumer for each Source's queues
// are made when they are first needed and are not there. Those that are there
// are used as they are.
type Broker struct {
	// Client is the client whose servers keep the jobs. nil means a zero one.
	Client *Client
	// Stream is the stream's name, which also begins its subjects: the jobs of
	// the queue "mail" have the subject "JOBS.mail". It has letters, digits,
	// "-" and "_". "" means "JOBS".
	Stream string
	// Lease is for how long a job is leased (a consumer's AckWait), if the
	// consumer is made by this Broker. 0 or less means 60 s.
	Lease time.Duration
	// Replicas is on how many servers of a cluster each job is kept, 1 to 5, if
	// the streams are made by this Broker. 0 means 1. With 3, one of them may
	// be lost without a loss of jobs.
	Replicas int
	// Configure changes the settings of a stream that this Broker is about to
	// make: its bounds, the window for duplicates. nil changes nothing.
	Configure func(*jetstream.StreamConfig)

	own  Client // if Client is nil
	mu   sync.Mutex
	made map[string]bool // streams that are known to be there
}

func (b *Broker) client() *Client {
	if b.Client == nil {
		return &b.own
	}
	return b.Client
}

func (b *Broker) stream() string {
	if b.Stream == "" {
		return "JOBS"
	}
	return b.Stream
}

// buriedStream keeps buried jobs.
func (b *Broker) buriedStream() string { return b.stream() + "_BURIED" }

// Put is jobs.Putter.Put. The future resolves when JetStream has stored the job
// on as many servers as Replicas asks for a majority of. Until then, for
// Client.Timeout, it is sent again after a failure: JetStream drops what it has
// already, by the job's queue, ID and Attempt, for 2 minutes. Its errors are
// also jobs.ErrTooBig and jobs.ErrFull where they are one of these. An error
// that is none of these, nor a *jetstream.APIError, leaves open whether
// JetStream has the job.
func (b *Broker) Put(ctx context.Context, queue string, j jobs.Job) *aio.Future[jobs.ID] {
	data, id, err := jobs.Encode(queue, j)
	if err != nil {
		return aio.Failed[jobs.ID](err)
	}
	m := natsgo.NewMsg(b.stream() + "." + queue)
	m.Data = data
	m.Header.Set(natsgo.MsgIdHdr, fmt.Sprintf("%s/%s/%d", queue, id, j.Attempt))
	if j.Delay > 0 {
		m.Header.Set(delayHeader, j.Delay.String())
	}
	return start(ctx, kindPut, queue, func(ctx context.Context) (jobs.ID, error) {
		if err := b.store(ctx, b.stream(), m); err != nil {
			return "", putError(err)
		}
		return id, nil
	})
}

// store has a stream store a message.
func (b *Broker) store(ctx context.Context, stream string, m *natsgo.Msg) error {
	c := b.client()
	l := c.link(ctx)
	ctx, cancel := c.bound(ctx)
	defer cancel()
	_, err := insist(ctx, func(ctx context.Context) (struct{}, error) {
		nc, err := l.nats(ctx)
		if err != nil {
			return struct{}{}, err
		}
		if err := b.makeStream(ctx, nc, stream); err != nil {
			return struct{}{}, err
		}
		reply, err := nc.RequestMsgWithContext(ctx, m)
		if err != nil {
			if errors.Is(err, natsgo.ErrNoResponders) {
				b.forget(stream)
			}
			return struct{}{}, err
		}
		return struct{}{}, pubAck(reply, stream)
	})
	return err
}

// pubAck returns the error that a stream's answer tells of.
func pubAck(m *natsgo.Msg, stream string) error {
	var ack struct {
		Stream string              `json:"stream"`
		Error  *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &ack); err != nil {
		return fmt.Errorf("nats: the answer of a stream: %w", err)
	}
	if ack.Error != nil {
		return ack.Error
	}
	if ack.Stream != stream {
		return fmt.Errorf("nats: the job was stored in the stream %q, want %q", ack.Stream, stream)
	}
	return nil
}

// The codes of JetStream's errors that package jobs has a name for.
const (
	codeTooBig    = 10054 // message size exceeds maximum allowed
	codeNoRoom    = 10077 // maximum messages or bytes exceeded, and others
	codeResources = 10023 // insufficient resources
	codeAccount   = 10002 // resource limits exceeded for account
)

// putError is the error of a Put as one of package jobs, too.
func putError(err error) error {
	var api *jetstream.APIError
	isAPI := errors.As(err, &api)
	switch {
	case isAPI && api.ErrorCode == codeTooBig || errors.Is(err, natsgo.ErrMaxPayload):
		return fmt.Errorf("%w: %w", jobs.ErrTooBig, err)
	case isAPI && (isFull(api) || api.ErrorCode == codeResources):
		return fmt.Errorf("%w: %w", jobs.ErrFull, err)
	}
	return err
}

// isFull reports whether JetStream says that there is no room, not that its
// servers are not ready.
func isFull(e *jetstream.APIError) bool {
	return e.ErrorCode == codeAccount || e.ErrorCode == codeNoRoom && strings.Contains(e.Description, "exceeded")
}

// Buried returns the number of a queue's jobs that were buried and are kept, in
// the stream whose name ends with "_BURIED". A message there is the job as it
// was put; its header Aio-Why says why it was buried.
func (b *Broker) Buried(ctx context.Context, queue string) *aio.Future[int] {
	subject := b.buriedStream() + "." + queue
	return start(ctx, kindBuried, queue, func(ctx context.Context) (int, error) {
		if err := jobs.CheckQueue(queue); err != nil {
			return 0, err
		}
		c := b.client()
		l := c.link(ctx)
		ctx, cancel := c.bound(ctx)
		defer cancel()
		return insist(ctx, func(ctx context.Context) (int, error) {
			nc, err := l.nats(ctx)
			if err != nil {
				return 0, err
			}
			return countMessages(ctx, nc, b.buriedStream(), subject)
		})
	})
}

// countMessages counts a subject's messages in a stream, 0 if that is not
// there.
func countMessages(ctx context.Context, nc *natsgo.Conn, stream, subject string) (int, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return 0, err
	}
	s, err := js.Stream(ctx, stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(subject))
	if err != nil {
		return 0, err
	}
	return int(info.State.Subjects[subject]), nil
}
