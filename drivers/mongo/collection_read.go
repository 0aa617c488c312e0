package mongo

import (
	"context"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"goaio.example/aio"
)

// FindOne returns a document that matches a filter. Its error is ErrNoDocuments
// if there is none.
func (c *Collection) FindOne(ctx context.Context, filter any, opts ...options.Lister[options.FindOneOptions]) *aio.Future[*SingleResult] {
	return do(ctx, c, kindRead, "findOne", func(ctx context.Context, d *driver.Collection) (*SingleResult, error) {
		return single(d.FindOne(ctx, filter, opts...))
	})
}

// Find returns the documents that match a filter, bson.D{} for all. The Cursor
// is a child of ctx's operation, and must be read to its end or closed.
func (c *Collection) Find(ctx context.Context, filter any, opts ...options.Lister[options.FindOptions]) *aio.Future[*Cursor] {
	wait := applied(opts).MaxAwaitTime
	return c.cursor(ctx, "find", wait, func(ctx context.Context, d *driver.Collection) (*driver.Cursor, error) {
		return d.Find(ctx, filter, opts...)
	})
}

// Aggregate returns the documents that a pipeline yields. The Cursor is a child
// of ctx's operation, and must be read to its end or closed.
func (c *Collection) Aggregate(ctx context.Context, pipeline any, opts ...options.Lister[options.AggregateOptions]) *aio.Future[*Cursor] {
	wait := applied(opts).MaxAwaitTime
	return c.cursor(ctx, "aggregate", wait, func(ctx context.Context, d *driver.Collection) (*driver.Cursor, error) {
		return d.Aggregate(ctx, pipeline, opts...)
	})
}

// CountDocuments counts the documents that match a filter.
func (c *Collection) CountDocuments(ctx context.Context, filter any, opts ...options.Lister[options.CountOptions]) *aio.Future[int64] {
	return do(ctx, c, kindRead, "count", func(ctx context.Context, d *driver.Collection) (int64, error) {
		return d.CountDocuments(ctx, filter, opts...)
	})
}

// EstimatedCount returns the number of documents by the collection's metadata.
func (c *Collection) EstimatedCount(ctx context.Context, opts ...options.Lister[options.EstimatedDocumentCountOptions]) *aio.Future[int64] {
	return do(ctx, c, kindRead, "estimatedCount", func(ctx context.Context, d *driver.Collection) (int64, error) {
		return d.EstimatedDocumentCount(ctx, opts...)
	})
}

// Distinct returns the different values of a field in the documents that match a
// filter.
func (c *Collection) Distinct(ctx context.Context, field string, filter any, opts ...options.Lister[options.DistinctOptions]) *aio.Future[*DistinctResult] {
	return do(ctx, c, kindRead, "distinct", func(ctx context.Context, d *driver.Collection) (*DistinctResult, error) {
		r := d.Distinct(ctx, field, filter, opts...)
		if err := r.Err(); err != nil {
			return nil, err
		}
		return r, nil
	})
}

// single returns a result whose error is that of the call.
func single(r *SingleResult) (*SingleResult, error) {
	if err := r.Err(); err != nil {
		return nil, err
	}
	return r, nil
}

// applied returns what options say.
func applied[T any](opts []options.Lister[T]) (o T) {
	for _, l := range opts {
		if l == nil {
			continue
		}
		for _, set := range l.List() {
			_ = set(&o) // the driver tells errors
		}
	}
	return o
}
