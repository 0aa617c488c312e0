package ferretdb_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"

	"github.com/FerretDB/FerretDB/ferretdb"

	"goaio.example/drivers/mongo"
)

// serverEnv names a variable with the URI of a server to test with. Without it
// the tests start a FerretDB, which has no change streams and no transactions.
const serverEnv = "GOAIO_MONGODB_URL"

// startServer returns the URI of a server, a new one in the process unless
// another is given.
func startServer(t testing.TB) (uri string) {
	t.Helper()
	if uri = os.Getenv(serverEnv); uri != "" {
		return uri
	}
	uri, stop, err := startFerret("127.0.0.1:0", t.TempDir())
	if err != nil {
		t.Fatalf("startFerret: %v", err)
	}
	t.Cleanup(stop)
	return uri
}

// startFerret starts a FerretDB that keeps its data in a folder.
func startFerret(addr, dir string) (uri string, stop func(), err error) {
	f, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: addr},
		Logger:    slog.New(slog.DiscardHandler),
		Handler:   "sqlite",
		SQLiteURL: "file:" + dir + "/",
	})
	if err != nil {
		return "", nil, fmt.Errorf("FerretDB: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = f.Run(ctx) // it returns nil
	}()
	return f.MongoDBURI(), func() {
		cancel()
		<-ended
	}, nil
}

var databases atomic.Int64

// newThings returns a client, and a collection of a database of the test's own.
func newThings(uri string) (*mongo.Client, *mongo.Collection) {
	c := &mongo.Client{URI: uri}
	return c, c.Database(fmt.Sprintf("goaio_%d_%d", os.Getpid(), databases.Add(1))).Collection("things")
}
