package beanstalk_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/beanstalk"
)

// withServer runs main in a loop, with a client of a server in memory. Programs
// have &beanstalk.Client{Addr: "127.0.0.1:11300"}.
func withServer(main func(ctx context.Context, client *beanstalk.Client) error) {
	server := newFake()
	defer server.stop()
	err := aio.Run(context.Background(), func(ctx context.Context) error { return main(ctx, server.client()) })
	if err != nil {
		fmt.Println("ended:", err)
	}
}

// A job is put by one part of a program, and done by another.
func Example() {
	withServer(func(ctx context.Context, client *beanstalk.Client) error {
		aio.Spawn(ctx, "worker", func(ctx context.Context) error {
			job, err := client.Consumer("mail").Reserve(ctx).Await(ctx)
			if err != nil {
				return err
			}
			fmt.Printf("job %d: %s\n", job.ID, job.Body)
			_, err = job.Delete(ctx).Await(ctx)
			return err
		})
		_, err := client.Put(ctx, "mail", []byte("to gopher@go.example"), beanstalk.PutOptions{}).Await(ctx)
		return err
	})
	// Output: job 1: to gopher@go.example
}

// The error of a Put says whether it may be repeated without a doubt.
func ExampleClient_Put() {
	put := func(ctx context.Context, client *beanstalk.Client, body []byte) error {
		id, err := client.Put(ctx, "mail", body, beanstalk.PutOptions{
			Priority: 1024,
			Delay:    time.Minute,
			TTR:      30 * time.Second,
		}).Await(ctx)
		switch {
		case err == nil:
			fmt.Println("put job", id)
			return nil
		case errors.Is(err, beanstalk.ErrUnanswered):
			return fmt.Errorf("the job may be there: %w", err)
		default:
			return fmt.Errorf("the job is not there: %w", err)
		}
	}
	withServer(func(ctx context.Context, client *beanstalk.Client) error {
		return put(ctx, client, []byte("hello"))
	})
	// Output: put job 1
}

// Puts at once share a connection, and need one round trip.
func ExampleClient_Put_many() {
	withServer(func(ctx context.Context, client *beanstalk.Client) error {
		var puts []*aio.Future[uint64]
		for i := range 100 {
			puts = append(puts, client.Put(ctx, "work", fmt.Append(nil, i), beanstalk.PutOptions{}))
		}
		ids, err := aio.All(ctx, puts...).Await(ctx)
		fmt.Println(len(ids), err)
		return nil
	})
	// Output: 100 <nil>
}

// Work that takes longer than the job's TTR touches it in time.
func ExampleJob_Touch() {
	withServer(func(ctx context.Context, client *beanstalk.Client) error {
		if _, err := client.Put(ctx, "work", nil, beanstalk.PutOptions{TTR: 10 * time.Second}).Await(ctx); err != nil {
			return err
		}
		consumer := &beanstalk.Consumer{Client: client, Tubes: []string{"work"}, Stats: true}
		job, err := consumer.Reserve(ctx).Await(ctx)
		if err != nil {
			return err
		}
		stats, _ := job.LastStats()
		again := time.NewTicker(stats.TTR / 3)
		defer again.Stop()
		work := aio.Go(ctx, "work", func(context.Context) (string, error) { return "done", nil })
		for {
			select {
			case r := <-work.C():
				fmt.Println(r.Value)
				_, err := job.Delete(ctx).Await(ctx)
				return err
			case <-again.C:
				if _, err := job.Touch(ctx).Await(ctx); err != nil {
					return err
				}
			case <-job.Lost():
				work.Cancel(beanstalk.ErrJobLost)
				return beanstalk.ErrJobLost
			}
		}
	})
	// Output: done
}

// A job whose work fails is given back, or put aside.
func ExampleJob_Release() {
	withServer(func(ctx context.Context, client *beanstalk.Client) error {
		id, err := client.Put(ctx, "default", []byte("x"), beanstalk.PutOptions{}).Await(ctx)
		if err != nil {
			return err
		}
		job, err := client.Consumer().Reserve(ctx).Await(ctx)
		if err != nil {
			return err
		}
		if _, err := job.Release(ctx, 1024, time.Hour).Await(ctx); err != nil {
			return err
		}
		stats, err := client.StatsJob(ctx, id).Await(ctx)
		fmt.Println(stats.State, stats.Priority, stats.Delay, err)
		return nil
	})
	// Output: delayed 1024 1h0m0s <nil>
}

func ExampleConsumer_ReserveWithin() {
	withServer(func(ctx context.Context, client *beanstalk.Client) error {
		_, err := client.Consumer("empty").ReserveWithin(ctx, 0).Await(ctx)
		fmt.Println(errors.Is(err, beanstalk.ErrTimedOut))
		return nil
	})
	// Output: true
}

// Whichever comes first: a job, or the loop's end.
func ExampleConsumer_Reserve_select() {
	withServer(func(ctx context.Context, client *beanstalk.Client) error {
		reserve := client.Consumer("work").Reserve(ctx)
		aio.LoopOf(ctx).Exit(nil)
		select {
		case <-time.After(time.Minute):
			fmt.Println("no job")
		case r := <-reserve.C():
			fmt.Println(errors.Is(r.Err, aio.ErrExit))
		}
		return nil
	})
	// Output: true
}

func ExampleClient_StatsTube() {
	withServer(func(ctx context.Context, client *beanstalk.Client) error {
		for _, delay := range []time.Duration{0, 0, time.Hour} {
			if _, err := client.Put(ctx, "mail", nil, beanstalk.PutOptions{Delay: delay}).Await(ctx); err != nil {
				return err
			}
		}
		stats, err := client.StatsTube(ctx, "mail").Await(ctx)
		fmt.Println(stats.Ready, "ready,", stats.Delayed, "delayed", err)
		return nil
	})
	// Output: 2 ready, 1 delayed <nil>
}

// Buried jobs are looked at, and kicked once what ailed them is mended.
func ExampleClient_Kick() {
	withServer(func(ctx context.Context, client *beanstalk.Client) error {
		if _, err := client.Put(ctx, "mail", []byte("poison"), beanstalk.PutOptions{}).Await(ctx); err != nil {
			return err
		}
		job, err := client.Consumer("mail").Reserve(ctx).Await(ctx)
		if err != nil {
			return err
		}
		if _, err := job.Bury(ctx, 0).Await(ctx); err != nil {
			return err
		}
		buried, err := client.PeekBuried(ctx, "mail").Await(ctx)
		fmt.Printf("%s %v\n", buried.Body, err)
		n, err := client.Kick(ctx, "mail", 100).Await(ctx)
		fmt.Println(n, err)
		return nil
	})
	// Output:
	// poison <nil>
	// 1 <nil>
}
