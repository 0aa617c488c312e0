//go:build unix

package nats_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"goaio.example/aio"
	"goaio.example/aio/jobs"
)

// Jobs of 100 bytes that are put and done, 64 at once, on a server in another
// process: package jobs, and nats.go as it is used plainly, with each job's end
// confirmed by the server, as package jobs has it, and not. cpu-ns/op is the CPU
// time of this process for each job.
//
//	go test -run '^$' -bench Jobs -count 5 .
func BenchmarkJobs(b *testing.B) {
	const workers = 64
	body := make([]byte, 100)
	b.Run("goaio", func(b *testing.B) {
		addr := benchServer(b)
		if err := aioJobs(b, addr, workers, body); err != nil {
			b.Fatalf("aioJobs: %v", err)
		}
	})
	for name, ack := range map[string]func(jetstream.Msg) error{
		"nats.go-confirmed":   func(m jetstream.Msg) error { return m.DoubleAck(context.Background()) },
		"nats.go-unconfirmed": func(m jetstream.Msg) error { return m.Ack() },
	} {
		b.Run(name, func(b *testing.B) {
			addr := benchServer(b)
			if err := plainJobs(b, addr, workers, body, ack); err != nil {
				b.Fatalf("plainJobs: %v", err)
			}
		})
	}
}

// benchServer starts a server in another process.
func benchServer(b *testing.B) (addr string) {
	b.Helper()
	p := newProcess(b)
	p.start()
	return p.addr
}

// begin begins what is measured, and returns what ends it.
func begin(b *testing.B) (end func()) {
	b.ReportAllocs()
	before := cpuTime()
	b.ResetTimer()
	return func() {
		b.StopTimer()
		b.ReportMetric(float64(cpuTime()-before)/float64(b.N), "cpu-ns/op")
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // fails for bad arguments only
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// atOnce calls put n times, by so many goroutines.
func atOnce(workers, n int, put func() error) error {
	var left atomic.Int64
	left.Store(int64(n))
	failed := make(chan error, workers)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if err := put(); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(failed)
	return <-failed
}

func aioJobs(b *testing.B, addr string, workers int, body []byte) error {
	return aio.Run(context.Background(), func(ctx context.Context) error {
		broker := soakBroker(addr)
		if _, err := broker.Put(ctx, "work", jobs.Job{Body: body}).Await(ctx); err != nil { // makes the stream
			return err
		}
		done := make(chan struct{}, b.N+1)
		w := &jobs.Worker{Source: broker.Source("work"), Slots: workers, Handle: func(context.Context, *jobs.Job) error {
			done <- struct{}{}
			return nil
		}}
		if err := w.Start(ctx); err != nil {
			return err
		}
		<-done
		end := begin(b)
		err := atOnce(workers, b.N, func() error {
			_, err := broker.Put(ctx, "work", jobs.Job{Body: body}).Await(ctx)
			return err
		})
		for range b.N {
			<-done
		}
		if err == nil {
			err = w.Shutdown(ctx) // the last deletes
		}
		end()
		return err
	})
}

func plainJobs(b *testing.B, addr string, workers int, body []byte, ack func(jetstream.Msg) error) error {
	nc, err := natsgo.Connect("nats://" + addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	ctx := b.Context()
	config := jetstream.StreamConfig{Name: "PLAIN", Subjects: []string{"plain"}, Retention: jetstream.WorkQueuePolicy}
	if _, err = js.CreateStream(ctx, config); err != nil {
		return err
	}
	consumer, err := js.CreateConsumer(ctx, "PLAIN", jetstream.ConsumerConfig{Durable: "work", AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		return err
	}
	messages := make(chan jetstream.Msg)
	consuming, err := consumer.Consume(func(m jetstream.Msg) { messages <- m }, jetstream.PullMaxMessages(workers))
	if err != nil {
		return err
	}
	done := make(chan error, b.N)
	for range workers {
		go func() { // until the channel is closed
			for m := range messages {
				done <- ack(m)
			}
		}()
	}
	end := begin(b)
	err = atOnce(workers, b.N, func() error {
		_, err := js.Publish(ctx, "plain", body)
		return err
	})
	for range b.N {
		if e := <-done; err == nil && e != nil {
			err = fmt.Errorf("an ack: %w", e)
		}
	}
	end()
	consuming.Stop()
	<-consuming.Closed()
	close(messages)
	return err
}
