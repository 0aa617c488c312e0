package nats_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/jobs"
	"goaio.example/aio/timer"
	"goaio.example/drivers/nats"
)

// startCluster starts three servers that know each other.
func startCluster(t *testing.T) []*server.Server {
	t.Helper()
	var routes []*url.URL
	var ports []int
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("net.Listen: %v", err)
		}
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
		routes = append(routes, &url.URL{Scheme: "nats", Host: l.Addr().String()})
		l.Close()
	}
	options := make([]*server.Options, 3)
	for i := range options {
		options[i] = &server.Options{
			ServerName: fmt.Sprint("n", i), Routes: routes,
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: ports[i], PoolSize: -1},
		}
	}
	return startAll(t, options)
}

// A server of three is lost under load, the one that leads: no job is.
func TestClusterLosesNode(t *testing.T) {
	t.Parallel()
	servers := startCluster(t)
	c := client(servers...)
	c.Timeout = 30 * time.Second
	b := &nats.Broker{Client: c, Replicas: 3, Lease: 3 * time.Second}
	const count = 600
	l := &aio.Loop{OnEvent: func(e aio.Event) { t.Logf("event of %s: %v", e.Op.Name, e.Err) }}
	aiotest.Runner{Loop: l, Parallel: true}.Run(t, func(ctx context.Context) error {
		var mu sync.Mutex
		done := make(map[jobs.ID]int)
		all, some := make(chan struct{}), make(chan struct{})
		w := &jobs.Worker{
			Source: b.Source("work"), Slots: 8, MaxAttempts: -1, Reconnect: timer.Backoff{Initial: 20 * time.Millisecond, Max: time.Second},
			Handle: func(_ context.Context, j *jobs.Job) error {
				mu.Lock()
				defer mu.Unlock()
				if done[j.ID]++; done[j.ID] == 1 {
					switch len(done) {
					case count / 4:
						close(some)
					case count:
						close(all)
					}
				}
				return nil
			},
		}
		if err := w.Start(ctx); err != nil {
			return err
		}
		putting := aio.Go(ctx, "put", func(ctx context.Context) (struct{}, error) {
			var puts []*aio.Future[jobs.ID]
			for i := range count {
				puts = append(puts, b.Put(ctx, "work", jobs.Job{ID: jobs.ID(fmt.Sprint("job", i))}))
				if len(puts)%16 == 0 {
					if err := aio.Wait(ctx, puts[len(puts)-16]); err != nil {
						return struct{}{}, err
					}
				}
			}
			_, err := aio.All(ctx, puts...).Await(ctx)
			return struct{}{}, err
		})
		<-some
		lose(t, servers)
		if _, err := putting.Await(ctx); err != nil {
			t.Fatalf("putting: %v", err)
		}
		select {
		case <-all:
		case <-time.After(20 * time.Second):
			mu.Lock()
			t.Errorf("%d of %d jobs were done: %+v", len(done), count, w.Stats())
			mu.Unlock()
		}
		s := w.Stats()
		t.Logf("%+v", s)
		return w.Shutdown(ctx)
	})
}

// lose ends the server that leads the stream.
func lose(t *testing.T, servers []*server.Server) {
	t.Helper()
	for _, s := range servers {
		if s.JetStreamIsStreamLeader("$G", "JOBS") {
			stop(s)
			return
		}
	}
	t.Fatal("no server leads the stream")
}
