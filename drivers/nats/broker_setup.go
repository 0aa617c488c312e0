package nats

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// makeStream makes a stream of the Broker's if it is not there.
func (b *Broker) makeStream(ctx context.Context, nc *natsgo.Conn, name string) error {
	b.mu.Lock()
	made := b.made[name]
	b.mu.Unlock()
	if made {
		return nil
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	if _, err = js.Stream(ctx, name); errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = js.CreateStream(ctx, b.streamConfig(name))
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			err = nil // made meanwhile
		}
	}
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.made == nil {
		b.made = make(map[string]bool)
	}
	b.made[name] = true
	return nil
}

// forget has a stream be looked for again.
func (b *Broker) forget(stream string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.made, stream)
}

// streamConfig returns the settings of a stream: a work queue, or the one that
// keeps what was buried.
func (b *Broker) streamConfig(name string) jetstream.StreamConfig {
	c := jetstream.StreamConfig{
		Name: name, Subjects: []string{name + ".>"}, Storage: jetstream.FileStorage, Replicas: max(b.Replicas, 1),
		Retention: jetstream.WorkQueuePolicy, Discard: jetstream.DiscardNew, Duplicates: 2 * time.Minute,
		Description: "jobs",
	}
	if name == b.buriedStream() {
		c.Retention, c.Description = jetstream.LimitsPolicy, "buried jobs"
	}
	if b.Configure != nil {
		b.Configure(&c)
	}
	return c
}

// makeConsumer makes the consumer of some queues if it is not there, and
// returns for how long it leases jobs.
func (b *Broker) makeConsumer(ctx context.Context, nc *natsgo.Conn, queues []string) (time.Duration, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return 0, err
	}
	c := jetstream.ConsumerConfig{
		Durable: consumerName(queues), AckPolicy: jetstream.AckExplicitPolicy, AckWait: b.Lease,
		MaxDeliver: -1, MaxAckPending: -1, MaxWaiting: 4096, Description: "the jobs of " + strings.Join(queues, " "),
	}
	if c.AckWait <= 0 {
		c.AckWait = time.Minute
	}
	for _, q := range queues {
		c.FilterSubjects = append(c.FilterSubjects, b.stream()+"."+q)
	}
	found, err := js.Consumer(ctx, b.stream(), c.Durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrConsumerDoesNotExist) {
		found, err = js.CreateConsumer(ctx, b.stream(), c)
		// made meanwhile, with another Lease
		if errors.Is(err, jetstream.ErrConsumerExists) {
			found, err = js.Consumer(ctx, b.stream(), c.Durable)
		}
	}
	if err != nil {
		return 0, err
	}
	return found.CachedInfo().Config.AckWait, nil
}

// consumerName names the consumer of some sorted queues. A consumer's name has
// no dots, and a queue's no "=".
func consumerName(queues []string) string {
	if len(queues) == 1 {
		return strings.ReplaceAll(queues[0], ".", "=")
	}
	sum := sha256.Sum256([]byte(strings.Join(queues, " ")))
	return "several=" + hex.EncodeToString(sum[:16])
}

// sorted returns the queues in order, each once.
func sorted(queues []string) []string {
	queues = slices.Clone(queues)
	slices.Sort(queues)
	return slices.Compact(queues)
}
