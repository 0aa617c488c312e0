package nats_test

import (
	"context"
	"fmt"
	"os"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"goaio.example/aio"
	"goaio.example/aio/jobs"
	"goaio.example/drivers/nats"
)

// exampleServer starts a server in the process.
func exampleServer() (url string, stop func()) {
	dir, err := os.MkdirTemp("", "nats-example-")
	if err != nil {
		panic(err)
	}
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true})
	if err != nil {
		panic(err)
	}
	s.Start()
	return s.ClientURL(), func() {
		s.Shutdown()
		s.WaitForShutdown()
		os.RemoveAll(dir)
	}
}

func ExampleBroker() {
	url, stop := exampleServer()
	defer stop()
	broker := &nats.Broker{Client: &nats.Client{URL: url}}
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		w := &jobs.Worker{Source: broker.Source("mail"), Handle: func(ctx context.Context, j *jobs.Job) error {
			fmt.Printf("%s, attempt %d\n", j.Body, j.Attempt)
			aio.LoopOf(ctx).Exit(nil)
			return nil
		}}
		if err := w.Start(ctx); err != nil {
			return err
		}
		_, err := broker.Put(ctx, "mail", jobs.Job{Body: []byte("hello")}).Await(ctx)
		return err
	})
	fmt.Println(err)
	// Output:
	// hello, attempt 1
	// <nil>
}

func ExampleClient_Subscribe() {
	url, stop := exampleServer()
	defer stop()
	client := &nats.Client{URL: url}
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		s, err := client.Subscribe(ctx, "news.*", nats.SubscribeOptions{}).Await(ctx)
		if err != nil {
			return err
		}
		client.Publish(ctx, "news.a", []byte("one"))
		client.Publish(ctx, "news.b", []byte("two"))
		for m, err := range s.All(ctx) {
			if err != nil {
				return err
			}
			fmt.Printf("%s: %s\n", m.Subject, m.Data)
			if m.Subject == "news.b" {
				s.Close()
			}
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// news.a: one
	// news.b: two
	// <nil>
}

func ExampleBucket() {
	url, stop := exampleServer()
	defer stop()
	client := &nats.Client{URL: url}
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		b := client.Bucket(jetstream.KeyValueConfig{Bucket: "conf"})
		rev, err := b.Create(ctx, "limit", []byte("10")).Await(ctx)
		if err != nil {
			return err
		}
		if _, err := b.Update(ctx, "limit", []byte("20"), rev).Await(ctx); err != nil {
			return err
		}
		e, err := b.Get(ctx, "limit").Await(ctx)
		fmt.Printf("%s: %s\n", e.Key, e.Value)
		return err
	})
	fmt.Println(err)
	// Output:
	// limit: 20
	// <nil>
}
