package nats

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"goaio.example/aio"
)

var kindKey = aio.NewKind("nats.key")

// The errors of a Bucket's calls, for errors.Is. Others are
// *jetstream.APIErrors, or those of a connection.
var (
	// ErrKeyNotFound says that a key has no value, or was deleted.
	ErrKeyNotFound error = jetstream.ErrKeyNotFound
	// ErrKeyExists is the error of a Create of a key that has a value.
	ErrKeyExists error = jetstream.ErrKeyExists
	// ErrRevision is the error of an Update whose revision is not the newest.
	ErrRevision error = jetstream.ErrKeyRevisionMismatch
)

// Entry is a key's value, or its deletion.
type Entry struct {
	Key      string
	Value    []byte
	Revision uint64 // the bucket's counter when the value was put
	Created  time.Time
	// the key was deleted, or its value has expired; only in a Watch
	Deleted bool
}

// Bucket is a bucket of JetStream's key-value store. Its calls are futures. One
// that is certain not to have reached a server is repeated for Client.Timeout,
// a Get always; after another failure of a connection a call may have been
// carried out or not. The methods may be called from any goroutine.
type Bucket struct {
	client *Client
	config jetstream.KeyValueConfig

	mu  sync.Mutex
	kvs map[*natsgo.Conn]jetstream.KeyValue
}

// Bucket returns a bucket, which is made by its first call if it is not there.
// If it is there, only the config's Bucket, its name, matters.
func (c *Client) Bucket(config jetstream.KeyValueConfig) *Bucket {
	return &Bucket{client: c, config: config, kvs: make(map[*natsgo.Conn]jetstream.KeyValue)}
}

// open returns nats.go's bucket on the loop's connection.
func (b *Bucket) open(ctx context.Context, l *link) (jetstream.KeyValue, error) {
	nc, err := l.nats(ctx)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	kv := b.kvs[nc]
	b.mu.Unlock()
	if kv != nil {
		return kv, nil
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	kv, err = js.KeyValue(ctx, b.config.Bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = js.CreateKeyValue(ctx, b.config)
		if errors.Is(err, jetstream.ErrBucketExists) {
			kv, err = js.KeyValue(ctx, b.config.Bucket)
		}
	}
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for nc := range b.kvs {
		if nc.IsClosed() {
			delete(b.kvs, nc)
		}
	}
	b.kvs[nc] = kv
	return kv, nil
}

// call calls fn as an operation named by the call and the key. If it is a write,
// fn is repeated only where the server has not had it, so that it may take all
// of the time.
func call[T any](ctx context.Context, b *Bucket, what, key string, write bool, fn func(context.Context, jetstream.KeyValue) (T, error)) *aio.Future[T] {
	name := what + " " + b.config.Bucket + "/" + key
	return start(ctx, kindKey, name, func(ctx context.Context) (T, error) {
		l := b.client.link(ctx)
		ctx, cancel := b.client.bound(ctx)
		defer cancel()
		again := passing
		if write {
			again = func(err error) bool { return unsent(err) || errors.Is(err, errUnopened) && passing(err) }
		}
		v, err := repeat(ctx, again, func(try context.Context) (v T, err error) {
			kv, err := b.open(try, l)
			if err != nil {
				return v, fmt.Errorf("%w: %w", errUnopened, err)
			}
			if write {
				try = ctx
			}
			return fn(try, kv)
		})
		if err != nil {
			return v, fmt.Errorf("nats: %s: %w", name, cause(ctx, err))
		}
		return v, nil
	})
}

// write calls fn, which returns a revision.
func (b *Bucket) write(ctx context.Context, what, key string, fn func(context.Context, jetstream.KeyValue) (uint64, error)) *aio.Future[uint64] {
	return call(ctx, b, what, key, true, fn)
}

// Get gets a key's value. The error is ErrKeyNotFound if it has none.
func (b *Bucket) Get(ctx context.Context, key string) *aio.Future[Entry] {
	return call(ctx, b, "get", key, false, func(ctx context.Context, kv jetstream.KeyValue) (Entry, error) {
		e, err := kv.Get(ctx, key)
		if err != nil {
			return Entry{}, err
		}
		return entry(e), nil
	})
}

// entry makes an Entry of nats.go's.
func entry(e jetstream.KeyValueEntry) Entry {
	return Entry{e.Key(), e.Value(), e.Revision(), e.Created(), e.Operation() != jetstream.KeyValuePut}
}

// Put sets a key's value. The future is its revision.
func (b *Bucket) Put(ctx context.Context, key string, value []byte) *aio.Future[uint64] {
	return b.write(ctx, "put", key, func(ctx context.Context, kv jetstream.KeyValue) (uint64, error) {
		return kv.Put(ctx, key, value)
	})
}

// Create sets the value of a key that has none. The error is ErrKeyExists if it
// has one.
func (b *Bucket) Create(ctx context.Context, key string, value []byte) *aio.Future[uint64] {
	return b.write(ctx, "create", key, func(ctx context.Context, kv jetstream.KeyValue) (uint64, error) {
		return kv.Create(ctx, key, value)
	})
}

// Update sets a key's value if its newest revision is the given one. The error
// is ErrRevision if it is not.
func (b *Bucket) Update(ctx context.Context, key string, value []byte, revision uint64) *aio.Future[uint64] {
	return b.write(ctx, "update", key, func(ctx context.Context, kv jetstream.KeyValue) (uint64, error) {
		return kv.Update(ctx, key, value, revision)
	})
}

// Delete deletes a key's value. It is no error if there is none.
func (b *Bucket) Delete(ctx context.Context, key string) *aio.Future[struct{}] {
	f := b.write(ctx, "delete", key, func(ctx context.Context, kv jetstream.KeyValue) (uint64, error) {
		return 0, kv.Delete(ctx, key)
	})
	return aio.Map(ctx, f, func(uint64) (struct{}, error) { return struct{}{}, nil })
}
