package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	peer "github.com/beanstalkd/go-beanstalk"

	"goaio.example/aio"
	"goaio.example/aio/beanstalk"
	"goaio.example/aio/jobs"
	"goaio.example/aio/jobs/beanjobs"
)

// Programs that put jobs of 100 bytes and do them, each in its own process and
// tube, by the same real beanstalkd: package jobs, the client below it, and
// go-beanstalk. The role's parameter is that of the clients.

var jobsPeers = []string{"go-beanstalk", "goaio jobs", "goaio beanstalk"}

func init() {
	roles["jobs go-beanstalk"] = goBeanstalkJobs
	roles["jobs goaio jobs"] = goaioJobs
	roles["jobs goaio beanstalk"] = goaioBeanstalkJobs
}

// putAndDo makes a role of a function that puts a job, by so many goroutines,
// and of done, which receives a value for each job that is done.
func (c *control) putAndDo(workers int, put func() error, done <-chan error) error {
	return c.work(func(n int) error {
		var wg sync.WaitGroup
		failed := make(chan error, workers)
		n = n / workers * workers
		for range workers {
			wg.Go(func() {
				for range n / workers {
					if err := put(); err != nil {
						failed <- err
						return
					}
				}
			})
		}
		for range n {
			select {
			case err := <-failed:
				return err
			case err := <-done:
				if err != nil {
					return err
				}
			}
		}
		wg.Wait()
		return nil
	})
}

// goBeanstalkJobs has two connections for each goroutine: one to put, and one to
// reserve and delete.
func goBeanstalkJobs(c *control) error {
	addr, workers, err := beanstalkParameter()
	if err != nil {
		return err
	}
	tubes := make(chan *peer.Tube, workers)
	done := make(chan error, workers)
	for range workers {
		putting, err := peer.Dial("tcp", addr)
		if err != nil {
			return err
		}
		defer putting.Close()
		tubes <- peer.NewTube(putting, "plain")
		doing, err := peer.Dial("tcp", addr)
		if err != nil {
			return err
		}
		defer doing.Close()
		set := peer.NewTubeSet(doing, "plain")
		go func() { // ends with its connection
			for {
				id, _, err := set.Reserve(time.Hour)
				if err == nil {
					err = doing.Delete(id)
				}
				done <- err
				if err != nil {
					return
				}
			}
		}()
	}
	return c.putAndDo(workers, func() error {
		t := <-tubes
		defer func() { tubes <- t }()
		_, err := t.Put(beanstalkBody, 0, 0, time.Minute)
		return err
	}, done)
}

func goaioJobs(c *control) error {
	addr, workers, err := beanstalkParameter()
	if err != nil {
		return err
	}
	b := &beanjobs.Broker{Client: &beanstalk.Client{Addr: addr}}
	done := make(chan error, workers)
	return aio.Run(context.Background(), func(ctx context.Context) error {
		w := &jobs.Worker{Source: b.Source("jobs"), Slots: workers, Handle: func(context.Context, *jobs.Job) error {
			done <- nil // its Delete follows
			return nil
		}}
		if err := w.Start(ctx); err != nil {
			return err
		}
		err := c.putAndDo(workers, func() error {
			_, err := b.Put(ctx, "jobs", jobs.Job{Body: beanstalkBody}).Await(ctx)
			return err
		}, done)
		aio.LoopOf(ctx).Exit(nil)
		return err
	})
}

func goaioBeanstalkJobs(c *control) error {
	addr, workers, err := beanstalkParameter()
	if err != nil {
		return err
	}
	client := &beanstalk.Client{Addr: addr}
	consumer := client.Consumer("bare")
	done := make(chan error, workers)
	return aio.Run(context.Background(), func(ctx context.Context) error {
		var over atomic.Bool
		for range workers {
			aio.Daemon(ctx, "do jobs", func(ctx context.Context) error {
				for !over.Load() {
					job, err := consumer.Reserve(ctx).Await(ctx)
					if err == nil {
						_, err = job.Delete(ctx).Await(ctx)
					}
					if over.Load() {
						break
					}
					done <- err
				}
				return nil
			})
		}
		err := c.putAndDo(workers, func() error {
			_, err := client.Put(ctx, "bare", beanstalkBody, beanstalk.PutOptions{}).Await(ctx)
			return err
		}, done)
		over.Store(true)
		consumer.Close()
		return err
	})
}

func measureJobs(r *report) error {
	addr, stop, err := startBeanstalkd()
	if err != nil {
		r.leaveOut("beanstalkd", err)
		return nil
	}
	defer stop()
	for _, workers := range []int{1, 64} {
		n := pick(r.settings, workers*max(1000/workers, 60), workers)
		at := withParameter(fmt.Sprintf("%s %d", addr, workers))
		name := fmt.Sprintf("put and do, %d at once", workers)
		if err := compareWork(r, name, "jobs", jobsPeers, times(n), at); err != nil {
			return err
		}
	}
	return nil
}
