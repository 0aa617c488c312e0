// Package mongo is a MongoDB client whose commands, cursors, change streams
// and transactions are operations of a loop (see package aio). Commands are
// futures; cursors and change streams are sequences and channels. The
// protocol is that of go.mongodb.org/mongo-driver/v2, the official driver,
// on connections of aio/tcp.
//
// # Usage
//
//	client := &mongo.Client{URI: "mongodb://a:27017,b:27017/?replicaSet=rs"}
//	users := client.Database("app").Collection("users")
//
//	_, err := users.InsertOne(ctx, user).Await(ctx)
//	r, err := users.FindOne(ctx, bson.D{{"_id", id}}).Await(ctx)
//	err = r.Decode(&user)
//
//	cur, err := users.Find(ctx, bson.D{}).Await(ctx)
//	for user, err := range mongo.All[User](ctx, cur) { ... }
//
//	s, err := users.Watch(ctx, bson.A{}).Await(ctx)
//	for change := range s.C() { ... }
//
//	_, err = client.Transaction(ctx, "transfer", func(ctx context.Context) error {
//		...
//	}).Await(ctx)
//
// Filters, options and documents are those of the driver's packages bson and
// options. Programs that import the driver's package mongo give it another
// name, driver say. Use Do for methods of the driver that this package does
// not wrap.
//
// # Operations
//
//   - A command is an operation of the kind "mongo.read", "mongo.write" or
//     "mongo.command", which is named after what it does: "find app.users".
//     It has a goroutine.
//   - A Cursor is a "mongo.cursor", a ChangeStream a "mongo.stream", a
//     Transaction a "mongo.transaction".
//   - The driver's client is a "mongo.client", one in each loop. It does
//     not hold the loop open. The connections, those of the driver's
//     monitors too, are its children, made by Client.Dialer. Their
//     names, and the records of a mongodb+srv URI, are looked up by the
//     Dialer's resolver.
//   - That a server does not answer the driver's monitor any more is an
//     event of the client, which is Served; that it answers again is
//     logged.
//
// # Cancellation
//
//   - A command that is cancelled, or whose ctx ends, fails with the
//     cause, and its connection is closed: the server may have run it or
//     not. Servers end a read whose client has gone.
//   - A Cursor and a ChangeStream are children of the operation of the ctx that
//     they are started with, and end with it; the end of a ctx derived from the
//     operation's does not touch them.
//   - A command takes Client.Timeout at most, and the server is told so.
//     Then it fails with an aio.ErrTimeout that has the driver's error
//     too.
//
// # Backpressure
//
//   - A Cursor fetches a batch and 64 documents ahead of its reader, a
//     ChangeStream a batch.
//   - Commands are not bounded. Those beyond the driver's MaxPoolSize, 100 for
//     each server, wait for a connection, within their time.
//
// # Shutdown
//
// While the loop drains, commands, Transactions and Cursors go on, and
// ChangeStreams end. The client is there until nothing is left that uses it.
// When the loop is empty, connections are closed and the driver's goroutines
// end before Run returns. The driver's sessions are left to the server then,
// which forgets them after 30 minutes; Client.Disconnect ends them.
//
// # Errors and panics
//
// Errors are those of the driver, for its functions IsDuplicateKeyError,
// IsNetworkError and IsTimeout, and for errors.As with a driver.CommandError or
// a driver.WriteException. Those of connections match aio.ErrConn in addition.
// The driver repeats reads and writes that a broken connection or a change of
// the primary has failed, as often as their time allows; RunCommand and the
// commands of a transaction, except its commit or abort, are not repeated.
//
// # Limitations
//
//   - The driver looks at the records of a mongodb+srv URI again from time to
//     time. Here they are looked up when the client is made, so that a mongos
//     that is added later is not found.
//   - Closing a ChangeStream that waits for changes closes its connection.
//   - The driver has two or three goroutines and a connection for each server,
//     besides those of commands, and one more for a moment for each read and
//     write on a connection.
//   - Client-side encryption, which needs cgo, is not covered.
package mongo
