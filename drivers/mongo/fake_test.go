package mongo_test

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
	"goaio.example/drivers/mongo"
)

// fakeAddr is where a fake listens, in its network.
const fakeAddr = "db.cluster.test:27017"

// fake is a server in memory, the primary of a replica set, that says what a
// test wants.
type fake struct {
	network aiotest.Network
	l       net.Listener
	// answer answers a command. A nil answer is none at all.
	answer func(c *call) bson.D

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	seen  []*call
	wg    sync.WaitGroup
}

// call is a command that came.
type call struct {
	f    *fake
	conn net.Conn
	gone <-chan struct{} // closed when the client has gone
	name string
	doc  bson.Raw
}

// wait waits as a busy server does, until the client has gone.
func (c *call) wait(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.gone:
	}
}

// hangUp breaks the connection.
func (c *call) hangUp() bson.D {
	c.conn.Close()
	return nil
}

// ok is an answer that says no more.
var ok = bson.D{{Key: "ok", Value: 1}}

// refuse is an answer that says that a command has failed.
func refuse(code int, name string, labels ...string) bson.D {
	return bson.D{
		{Key: "ok", Value: 0},
		{Key: "code", Value: code},
		{Key: "codeName", Value: name},
		{Key: "errmsg", Value: "refused: " + name},
		{Key: "errorLabels", Value: labels},
	}
}

// batch is an answer with documents of a cursor.
func batch(key string, id int64, docs ...bson.D) bson.D {
	if docs == nil {
		docs = []bson.D{}
	}
	return bson.D{{Key: "ok", Value: 1}, {Key: "cursor", Value: bson.D{
		{Key: "id", Value: id}, {Key: "ns", Value: "test.things"}, {Key: key, Value: docs},
	}}}
}

// startFake starts a fake in a bubble, and ends it with the test.
func startFake(t testing.TB, answer func(c *call) bson.D) *fake {
	t.Helper()
	f := &fake{answer: answer, conns: make(map[net.Conn]struct{})}
	f.listen(t)
	t.Cleanup(f.stop)
	synctest.Wait() // it accepts
	return f
}

func (f *fake) listen(t testing.TB) {
	t.Helper()
	l, err := f.network.Listen(fakeAddr)
	if err != nil {
		t.Fatalf("f.network.Listen: %v", err)
	}
	f.l = l
	f.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.conns[c] = struct{}{}
			f.mu.Unlock()
			f.wg.Go(func() { f.serve(c) })
		}
	})
}

// stop closes the listener and all connections.
func (f *fake) stop() {
	f.l.Close()
	f.breakAll()
	f.wg.Wait()
}

// breakAll closes all connections.
func (f *fake) breakAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		c.Close()
	}
}

func (f *fake) serve(c net.Conn) {
	defer func() {
		c.Close()
		f.mu.Lock()
		delete(f.conns, c)
		f.mu.Unlock()
	}()
	gone := make(chan struct{})
	messages := make(chan *message)
	f.wg.Go(func() {
		defer close(messages)
		defer close(gone)
		for {
			m, err := readMessage(c)
			if err != nil {
				return
			}
			messages <- m
		}
	})
	for m := range messages {
		answer := f.say(&call{f, c, gone, m.name(), m.doc})
		if answer != nil && m.write(c, answer) != nil {
			c.Close()
		}
	}
}

// say answers what all servers do, and else as the test wants.
func (f *fake) say(c *call) bson.D {
	switch c.name {
	case "hello", "ismaster", "isMaster":
		return hello()
	}
	f.mu.Lock()
	f.seen = append(f.seen, c)
	f.mu.Unlock()
	if answer := f.answer(c); answer != nil || c.name != "endSessions" && c.name != "killCursors" {
		return answer
	}
	return ok
}

func hello() bson.D {
	return bson.D{
		{Key: "ok", Value: 1},
		{Key: "helloOk", Value: true},
		{Key: "isWritablePrimary", Value: true},
		{Key: "ismaster", Value: true},
		{Key: "setName", Value: "rs"},
		{Key: "hosts", Value: bson.A{fakeAddr}},
		{Key: "me", Value: fakeAddr},
		{Key: "primary", Value: fakeAddr},
		{Key: "maxBsonObjectSize", Value: 16 << 20},
		{Key: "maxMessageSizeBytes", Value: 48000000},
		{Key: "maxWriteBatchSize", Value: 100000},
		{Key: "minWireVersion", Value: 0},
		{Key: "maxWireVersion", Value: 21},
		{Key: "logicalSessionTimeoutMinutes", Value: 30},
	}
}

// calls returns the names of the commands that came.
func (f *fake) calls() (names []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.seen {
		names = append(names, c.name)
	}
	return names
}

// open returns how many connections there are.
func (f *fake) open() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.conns)
}

// client returns a client of the fake.
func (f *fake) client() *mongo.Client {
	return &mongo.Client{URI: "mongodb://" + fakeAddr, Dialer: tcp.Dialer{DialContext: f.network.DialContext}}
}

// things returns a collection.
func (f *fake) things() *mongo.Collection { return f.client().Database("test").Collection("things") }

// inFake runs main in a loop within a bubble, beside a fake.
func inFake(t *testing.T, l *aio.Loop, answer func(c *call) bson.D, main func(ctx context.Context, t *testing.T, f *fake) error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := startFake(t, answer)
		aiotest.RunLoop(t, l, func(ctx context.Context) error { return main(ctx, t, f) })
	})
}

// The fake speaks as the driver expects.
func TestFake(t *testing.T) {
	answer := func(c *call) bson.D { return ok }
	inFake(t, nil, answer, func(ctx context.Context, t *testing.T, f *fake) error {
		await(ctx, t, f.client().Ping(ctx))
		if got := f.calls(); !slices.Equal(got, []string{"ping"}) {
			t.Errorf("the commands %v came, want ping", got)
		}
		return nil
	})
}
