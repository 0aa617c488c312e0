package mongo

import (
	"context"
	"iter"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"goaio.example/aio"
)

var kindCursor = aio.NewKind("mongo.cursor")

// ahead is how many documents of a Cursor wait for its reader, besides a batch.
const ahead = 64

// Cursor is the documents of a Find or an Aggregate. It is an operation (kind
// "mongo.cursor") that holds its loop open, and goes on while the loop drains,
// until it is read to its end, closed or cancelled. It fetches a batch and 64
// documents ahead of its reader and no more, and has a goroutine.
type Cursor struct{ feed feed }

// cursorSource is the driver's.
type cursorSource struct{ *driver.Cursor }

func (c cursorSource) current() bson.Raw { return c.Current }

// cursor runs a query, and begins to fetch what it yields. wait is for how long
// the server is to wait for documents.
func (c *Collection) cursor(ctx context.Context, what string, wait *time.Duration, query func(context.Context, *driver.Collection) (*driver.Cursor, error)) *aio.Future[*Cursor] {
	name := c.label(what)
	return command(ctx, c.db.client, kindRead, name, func(within context.Context, l *link) (*Cursor, error) {
		src, err := query(within, c.of(l.driver))
		if err != nil {
			return nil, err
		}
		cur := &Cursor{feed{link: l, name: name, src: cursorSource{src}, timeout: c.db.client.timeout(), c: make(chan bson.Raw, ahead)}}
		if wait != nil {
			cur.feed.timeout += *wait
		}
		return cur, cur.feed.begin(ctx, kindCursor, cur)
	})
}

// OpCancel ends the Cursor.
func (c *Cursor) OpCancel(cause error) { c.feed.end(cause) }

// C returns the channel that receives the documents. It is closed behind the
// last one; Err tells whether that is all. A program that does not receive all
// of them calls Close.
func (c *Cursor) C() <-chan bson.Raw { return c.feed.c }

// All yields the documents, and closes the Cursor when the loop over it ends. An
// error ends it: Err, or the cause of ctx's end.
func (c *Cursor) All(ctx context.Context) iter.Seq2[bson.Raw, error] { return c.feed.all(ctx) }

// Decode decodes a document as the client's options say.
func (c *Cursor) Decode(doc bson.Raw, v any) error { return c.feed.decode(doc, v) }

// Err returns why the Cursor has ended before its last document: the server's
// error, an aio.ErrTimeout, or the cause with which it was cancelled. It is nil
// otherwise, and before the end.
func (c *Cursor) Err() error { return c.feed.failed() }

// Close ends the Cursor; the server is told if it has more. It does not block,
// and may be called more than once.
func (c *Cursor) Close() { c.feed.end(errEnough) }
