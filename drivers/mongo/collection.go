package mongo

import (
	"context"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"goaio.example/aio"
)

// What the driver's calls return.
type (
	// SingleResult is a document, with the methods Decode and Raw.
	SingleResult = driver.SingleResult
	// DistinctResult is an array of values, with the methods Decode and Raw.
	DistinctResult = driver.DistinctResult
	// InsertOneResult has the document's ID.
	InsertOneResult = driver.InsertOneResult
	// InsertManyResult has the documents' IDs.
	InsertManyResult = driver.InsertManyResult
	// UpdateResult has the numbers of documents, and the ID of one inserted.
	UpdateResult = driver.UpdateResult
	// DeleteResult has the number of documents.
	DeleteResult = driver.DeleteResult
)

// Errors of the driver's, for errors.Is. See also the driver's functions
// IsDuplicateKeyError, IsTimeout and IsNetworkError.
var (
	// ErrNoDocuments says that no document matched.
	ErrNoDocuments = driver.ErrNoDocuments
)

// Collection is a collection of a Database's. Making one costs nothing.
type Collection struct {
	db   *Database
	name string
	opts []options.Lister[options.CollectionOptions]
}

// Collection returns a collection, which need not exist.
func (db *Database) Collection(name string, opts ...options.Lister[options.CollectionOptions]) *Collection {
	return &Collection{db, name, opts}
}

// Name returns the collection's name, without the database's.
func (c *Collection) Name() string { return c.name }

func (c *Collection) of(d *driver.Client) *driver.Collection {
	return c.db.of(d).Collection(c.name, c.opts...)
}

// label names an operation on the collection.
func (c *Collection) label(what string) string { return what + " " + c.db.name + "." + c.name }

// do is command on the driver's collection.
func do[T any](ctx context.Context, c *Collection, kind aio.Kind, what string, fn func(ctx context.Context, d *driver.Collection) (T, error)) *aio.Future[T] {
	return command(ctx, c.db.client, kind, c.label(what), func(ctx context.Context, l *link) (T, error) {
		return fn(ctx, c.of(l.driver))
	})
}

// Drop deletes the collection.
func (c *Collection) Drop(ctx context.Context, opts ...options.Lister[options.DropCollectionOptions]) *aio.Future[struct{}] {
	return do(ctx, c, kindCommand, "drop", func(ctx context.Context, d *driver.Collection) (struct{}, error) {
		return struct{}{}, d.Drop(ctx, opts...)
	})
}
