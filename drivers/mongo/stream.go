package mongo

import (
	"context"
	"iter"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"goaio.example/aio"
)

var (
	kindWatch  = aio.NewKind("mongo.watch")
	kindStream = aio.NewKind("mongo.stream")
)

// ChangeStream is the changes of a collection, a database or a deployment as
// they come. It is an operation (kind "mongo.stream") that holds its loop open
// and ends when the loop drains. A reader that is slow holds it up and misses
// nothing, as long as the server's log of changes reaches back. The driver goes
// on after a connection has broken if a server answers within Client.Timeout;
// else the stream ends with an error, and a new one may be begun at
// ResumeToken.
type ChangeStream struct {
	feed  feed
	mu    sync.Mutex
	token bson.Raw
}

// streamSource is the driver's.
type streamSource struct{ *driver.ChangeStream }

func (s streamSource) current() bson.Raw { return s.Current }

// Watch begins a stream of the collection's changes. The future resolves when
// the server knows: changes after that come. The stream is a child of ctx's
// operation. The server must be a replica set or a sharded cluster.
func (c *Collection) Watch(ctx context.Context, pipeline any, opts ...options.Lister[options.ChangeStreamOptions]) *aio.Future[*ChangeStream] {
	return c.db.client.stream(ctx, c.db.name+"."+c.name, opts, func(ctx context.Context, d *driver.Client) (*driver.ChangeStream, error) {
		return c.of(d).Watch(ctx, pipeline, opts...)
	})
}

// Watch begins a stream of the changes of all of the database's collections. See
// Collection.Watch.
func (db *Database) Watch(ctx context.Context, pipeline any, opts ...options.Lister[options.ChangeStreamOptions]) *aio.Future[*ChangeStream] {
	return db.client.stream(ctx, db.name, opts, func(ctx context.Context, d *driver.Client) (*driver.ChangeStream, error) {
		return db.of(d).Watch(ctx, pipeline, opts...)
	})
}

// Watch begins a stream of the changes of all databases. See Collection.Watch.
func (c *Client) Watch(ctx context.Context, pipeline any, opts ...options.Lister[options.ChangeStreamOptions]) *aio.Future[*ChangeStream] {
	return c.stream(ctx, c.name(), opts, func(ctx context.Context, d *driver.Client) (*driver.ChangeStream, error) {
		return d.Watch(ctx, pipeline, opts...)
	})
}

// stream begins a stream.
func (c *Client) stream(ctx context.Context, of string, opts []options.Lister[options.ChangeStreamOptions], watch func(context.Context, *driver.Client) (*driver.ChangeStream, error)) *aio.Future[*ChangeStream] {
	name := "watch " + of
	return command(ctx, c, kindWatch, name, func(within context.Context, l *link) (*ChangeStream, error) {
		src, err := watch(within, l.driver)
		if err != nil {
			return nil, err
		}
		s := &ChangeStream{token: src.ResumeToken()}
		s.feed = feed{link: l, name: name, src: streamSource{src}, timeout: c.timeout(), c: make(chan bson.Raw)}
		s.feed.handed = func(bool) { s.note(src.ResumeToken()) }
		if wait := applied(opts).MaxAwaitTime; wait != nil {
			s.feed.timeout += *wait
		}
		if err := s.feed.begin(ctx, kindStream, s); err != nil {
			return nil, err
		}
		if s.feed.op.Draining() {
			s.Close()
		}
		return s, nil
	})
}

// note keeps a token.
func (s *ChangeStream) note(token bson.Raw) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
}

// OpCancel ends the stream.
func (s *ChangeStream) OpCancel(cause error) { s.feed.end(cause) }

// OpDrain ends the stream.
func (s *ChangeStream) OpDrain() { s.Close() }

// C returns the channel that receives the changes. It is closed when the stream
// has ended.
func (s *ChangeStream) C() <-chan bson.Raw { return s.feed.c }

// All yields the changes until the stream has ended, and closes it when the loop
// over it ends. An error ends it: Err, or the cause of ctx's end.
func (s *ChangeStream) All(ctx context.Context) iter.Seq2[bson.Raw, error] {
	return func(yield func(bson.Raw, error) bool) {
		for change, err := range s.feed.all(ctx) {
			if id, ok := change.Lookup("_id").DocumentOK(); ok {
				s.note(id)
			}
			if !yield(change, err) {
				return
			}
		}
	}
}

// Decode decodes a change as the client's options say.
func (s *ChangeStream) Decode(doc bson.Raw, v any) error { return s.feed.decode(doc, v) }

// ResumeToken returns where a stream that goes on behind what was received
// begins, with options.ChangeStream().SetResumeAfter or SetStartAfter. It may be
// nil before the first change. Just after a change was received from C it may
// still be the token before: a change's own token is its "_id".
func (s *ChangeStream) ResumeToken() bson.Raw {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token
}

// Err returns why the stream has ended: the server's error, an aio.ErrTimeout,
// or the cause with which it was cancelled. It is nil after Close and after a
// drain, and before the end.
func (s *ChangeStream) Err() error { return s.feed.failed() }

// Close ends the stream. It does not block, and may be called more than once.
func (s *ChangeStream) Close() { s.feed.end(errEnough) }
