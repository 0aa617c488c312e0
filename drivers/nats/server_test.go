package nats_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"goaio.example/aio/aiotest"
	"goaio.example/drivers/nats"
)

// startServer starts a server in the process, on a free port, with JetStream in
// a folder of the test's.
func startServer(t testing.TB) *server.Server {
	t.Helper()
	return start(t, &server.Options{})
}

// start starts a server with the given options and those that all have.
func start(t testing.TB, o *server.Options) *server.Server {
	t.Helper()
	o.Host, o.NoSigs, o.NoLog, o.JetStream = "127.0.0.1", true, true, true
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	if o.StoreDir == "" {
		o.StoreDir = t.TempDir()
	}
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatalf("a server: %v", err)
	}
	s.Start()
	t.Cleanup(func() { stop(s) })
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the server is not ready")
	}
	return s
}

// stop ends a server, and waits for its end.
func stop(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// client returns a client of some servers.
func client(servers ...*server.Server) *nats.Client {
	c := new(nats.Client)
	for i, s := range servers {
		if i > 0 {
			c.URL += ","
		}
		c.URL += s.ClientURL()
	}
	return c
}

// startAll starts servers of a cluster, and waits until JetStream is ready.
func startAll(t *testing.T, options []*server.Options) (servers []*server.Server) {
	t.Helper()
	for _, o := range options {
		servers = append(servers, start(t, o))
	}
	aiotest.Eventually(t, func() bool {
		for _, s := range servers {
			if s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == len(servers) {
				return true
			}
		}
		return false
	})
	return servers
}
