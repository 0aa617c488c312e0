package mongo

import (
	"context"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"goaio.example/aio"
)

// InsertOne inserts a document. It must not be changed until the future is done,
// which holds for the arguments of all methods.
func (c *Collection) InsertOne(ctx context.Context, document any, opts ...options.Lister[options.InsertOneOptions]) *aio.Future[*InsertOneResult] {
	return do(ctx, c, kindWrite, "insertOne", func(ctx context.Context, d *driver.Collection) (*InsertOneResult, error) {
		return d.InsertOne(ctx, document, opts...)
	})
}

// InsertMany inserts a slice of documents. A future that fails has what was
// inserted beside its error.
func (c *Collection) InsertMany(ctx context.Context, documents any, opts ...options.Lister[options.InsertManyOptions]) *aio.Future[*InsertManyResult] {
	return do(ctx, c, kindWrite, "insertMany", func(ctx context.Context, d *driver.Collection) (*InsertManyResult, error) {
		return d.InsertMany(ctx, documents, opts...)
	})
}

// UpdateOne changes a document that matches a filter.
func (c *Collection) UpdateOne(ctx context.Context, filter, update any, opts ...options.Lister[options.UpdateOneOptions]) *aio.Future[*UpdateResult] {
	return do(ctx, c, kindWrite, "updateOne", func(ctx context.Context, d *driver.Collection) (*UpdateResult, error) {
		return d.UpdateOne(ctx, filter, update, opts...)
	})
}

// UpdateMany changes all documents that match a filter.
func (c *Collection) UpdateMany(ctx context.Context, filter, update any, opts ...options.Lister[options.UpdateManyOptions]) *aio.Future[*UpdateResult] {
	return do(ctx, c, kindWrite, "updateMany", func(ctx context.Context, d *driver.Collection) (*UpdateResult, error) {
		return d.UpdateMany(ctx, filter, update, opts...)
	})
}

// ReplaceOne replaces a document that matches a filter.
func (c *Collection) ReplaceOne(ctx context.Context, filter, replacement any, opts ...options.Lister[options.ReplaceOptions]) *aio.Future[*UpdateResult] {
	return do(ctx, c, kindWrite, "replaceOne", func(ctx context.Context, d *driver.Collection) (*UpdateResult, error) {
		return d.ReplaceOne(ctx, filter, replacement, opts...)
	})
}

// DeleteOne deletes a document that matches a filter.
func (c *Collection) DeleteOne(ctx context.Context, filter any, opts ...options.Lister[options.DeleteOneOptions]) *aio.Future[*DeleteResult] {
	return do(ctx, c, kindWrite, "deleteOne", func(ctx context.Context, d *driver.Collection) (*DeleteResult, error) {
		return d.DeleteOne(ctx, filter, opts...)
	})
}

// DeleteMany deletes all documents that match a filter.
func (c *Collection) DeleteMany(ctx context.Context, filter any, opts ...options.Lister[options.DeleteManyOptions]) *aio.Future[*DeleteResult] {
	return do(ctx, c, kindWrite, "deleteMany", func(ctx context.Context, d *driver.Collection) (*DeleteResult, error) {
		return d.DeleteMany(ctx, filter, opts...)
	})
}

// FindOneAndUpdate changes a document that matches a filter, and returns it as
// it was before or, with an option, after that.
func (c *Collection) FindOneAndUpdate(ctx context.Context, filter, update any, opts ...options.Lister[options.FindOneAndUpdateOptions]) *aio.Future[*SingleResult] {
	return do(ctx, c, kindWrite, "findOneAndUpdate", func(ctx context.Context, d *driver.Collection) (*SingleResult, error) {
		return single(d.FindOneAndUpdate(ctx, filter, update, opts...))
	})
}

// FindOneAndReplace replaces a document that matches a filter, and returns it as
// FindOneAndUpdate does.
func (c *Collection) FindOneAndReplace(ctx context.Context, filter, replacement any, opts ...options.Lister[options.FindOneAndReplaceOptions]) *aio.Future[*SingleResult] {
	return do(ctx, c, kindWrite, "findOneAndReplace", func(ctx context.Context, d *driver.Collection) (*SingleResult, error) {
		return single(d.FindOneAndReplace(ctx, filter, replacement, opts...))
	})
}

// FindOneAndDelete deletes a document that matches a filter, and returns it.
func (c *Collection) FindOneAndDelete(ctx context.Context, filter any, opts ...options.Lister[options.FindOneAndDeleteOptions]) *aio.Future[*SingleResult] {
	return do(ctx, c, kindWrite, "findOneAndDelete", func(ctx context.Context, d *driver.Collection) (*SingleResult, error) {
		return single(d.FindOneAndDelete(ctx, filter, opts...))
	})
}
