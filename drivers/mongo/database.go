package mongo

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"goaio.example/aio"
)

// Database is a database of a Client's. Making one costs nothing.
type Database struct {
	client *Client
	name   string
	opts   []options.Lister[options.DatabaseOptions]
}

// Database returns a database, which need not exist.
func (c *Client) Database(name string, opts ...options.Lister[options.DatabaseOptions]) *Database {
	return &Database{c, name, opts}
}

// Name returns the database's name.
func (db *Database) Name() string { return db.name }

func (db *Database) of(d *driver.Client) *driver.Database { return d.Database(db.name, db.opts...) }

// RunCommand runs a command of the server's, bson.D{{"ping", 1}} say. Its name
// is the first key. The driver does not repeat it.
func (db *Database) RunCommand(ctx context.Context, cmd any, opts ...options.Lister[options.RunCmdOptions]) *aio.Future[*SingleResult] {
	return command(ctx, db.client, kindCommand, commandName(cmd)+" "+db.name, func(ctx context.Context, l *link) (*SingleResult, error) {
		return single(db.of(l.driver).RunCommand(ctx, cmd, opts...))
	})
}

// commandName returns the first key of a command.
func commandName(cmd any) string {
	switch c := cmd.(type) {
	case bson.D:
		if len(c) > 0 {
			return c[0].Key
		}
	case bson.Raw:
		if e, err := c.IndexErr(0); err == nil {
			return e.Key()
		}
	}
	return fmt.Sprintf("%T", cmd)
}

// CollectionNames returns the names of the collections that a filter matches,
// bson.D{} for all.
func (db *Database) CollectionNames(ctx context.Context, filter any, opts ...options.Lister[options.ListCollectionsOptions]) *aio.Future[[]string] {
	return command(ctx, db.client, kindRead, "listCollections "+db.name, func(ctx context.Context, l *link) ([]string, error) {
		return db.of(l.driver).ListCollectionNames(ctx, filter, opts...)
	})
}

// CreateCollection makes a collection, which the first insert does too: it is
// for capped collections, time series and the like.
func (db *Database) CreateCollection(ctx context.Context, name string, opts ...options.Lister[options.CreateCollectionOptions]) *aio.Future[struct{}] {
	return command(ctx, db.client, kindCommand, "create "+db.name+"."+name, func(ctx context.Context, l *link) (struct{}, error) {
		return struct{}{}, db.of(l.driver).CreateCollection(ctx, name, opts...)
	})
}

// Drop deletes the database.
func (db *Database) Drop(ctx context.Context) *aio.Future[struct{}] {
	return command(ctx, db.client, kindCommand, "dropDatabase "+db.name, func(ctx context.Context, l *link) (struct{}, error) {
		return struct{}{}, db.of(l.driver).Drop(ctx)
	})
}

// Ping asks whether a server answers that the read preference allows.
func (c *Client) Ping(ctx context.Context) *aio.Future[struct{}] {
	return command(ctx, c, kindCommand, "ping", func(ctx context.Context, l *link) (struct{}, error) {
		return struct{}{}, l.driver.Ping(ctx, nil)
	})
}
