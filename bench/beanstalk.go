package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"time"

	peer "github.com/beanstalkd/go-beanstalk"

	"goaio.example/aio"
	"goaio.example/aio/beanstalk"
)

// beanstalkd clients, each in its own process, that put jobs of 100 bytes,
// or reserve and delete them, by the same real server, without a log. The
// role's parameter is its address and how many goroutines there are.

var beanstalkPeers = []string{"go-beanstalk", "goaio", "go-beanstalk, 1 Conn"}

var beanstalkBody = clientPage[:100]

func init() {
	for _, do := range []string{"put", "reserve"} {
		roles["beanstalk "+do+" go-beanstalk"] = func(c *control) error { return goBeanstalk(c, do, false) }
		roles["beanstalk "+do+" go-beanstalk, 1 Conn"] = func(c *control) error { return goBeanstalk(c, do, true) }
		roles["beanstalk "+do+" goaio"] = func(c *control) error { return goaioBeanstalk(c, do) }
	}
}

func beanstalkParameter() (addr string, workers int, err error) {
	_, err = fmt.Sscanf(parameter(), "%s %d", &addr, &workers)
	return addr, workers, err
}

// goBeanstalk has a connection for each goroutine, or one for all.
func goBeanstalk(c *control, do string, shared bool) error {
	addr, workers, err := beanstalkParameter()
	if err != nil {
		return err
	}
	conns := make(chan *peer.Conn, workers)
	var one *peer.Conn
	for range workers {
		if one == nil || !shared {
			if one, err = peer.Dial("tcp", addr); err != nil {
				return err
			}
			defer one.Close()
		}
		conns <- one
	}
	return c.workAtOnce(workers, func() error {
		conn := <-conns
		defer func() { conns <- conn }()
		if do == "put" {
			_, err := conn.Put(beanstalkBody, 0, 0, time.Minute)
			return err
		}
		id, _, err := conn.Reserve(time.Minute)
		if err != nil {
			return err
		}
		return conn.Delete(id)
	})
}

func goaioBeanstalk(c *control, do string) error {
	addr, workers, err := beanstalkParameter()
	if err != nil {
		return err
	}
	client := &beanstalk.Client{Addr: addr}
	consumer := client.Consumer()
	return aio.Run(context.Background(), func(ctx context.Context) error {
		return c.workAtOnce(workers, func() error {
			if do == "put" {
				_, err := client.Put(ctx, "default", beanstalkBody, beanstalk.PutOptions{}).Await(ctx)
				return err
			}
			job, err := consumer.Reserve(ctx).Await(ctx)
			if err != nil {
				return err
			}
			_, err = job.Delete(ctx).Await(ctx)
			return err
		})
	})
}

func measureBeanstalk(r *report) error {
	addr, stop, err := startBeanstalkd()
	if err != nil {
		r.leaveOut("beanstalkd", err)
		return nil
	}
	defer stop()
	return aio.Run(context.Background(), func(ctx context.Context) error {
		b := &beanstalkBench{r: r, ctx: ctx, addr: addr, client: &beanstalk.Client{Addr: addr, MaxQueue: 1 << 20}}
		for _, do := range []string{"put", "reserve"} {
			for _, workers := range []int{1, 64} {
				if err := b.measure(do, workers, pick(r.settings, workers*max(1000/workers, 60), workers)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// startBeanstalkd starts the server on a free port.
func startBeanstalkd() (addr string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	addr = l.Addr().String()
	l.Close()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", nil, err
	}
	cmd := exec.Command("beanstalkd", "-l", "127.0.0.1", "-p", port)
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		cmd.Process.Kill() // fails only if it has ended
		cmd.Wait()         // tells that it was killed
	}
	for range 100 {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return addr, stop, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	stop()
	return "", nil, errors.New("it does not listen")
}

// A beanstalkBench measures clients, and sees that there are jobs for them, and
// none left, outside what is measured.
type beanstalkBench struct {
	r      *report
	ctx    context.Context
	addr   string
	client *beanstalk.Client
}

func (b *beanstalkBench) measure(do string, workers, n int) error {
	name := fmt.Sprintf("%s, %d at once", map[string]string{"put": "put", "reserve": "reserve and delete"}[do], workers)
	if !b.r.wanted(name) {
		return nil
	}
	if err := b.before(do, n*len(beanstalkPeers)); err != nil {
		return err
	}
	at := withParameter(fmt.Sprintf("%s %d", b.addr, workers))
	children, err := startWorkers("beanstalk "+do, beanstalkPeers, times(n), at)
	defer stopAll(children)
	if err != nil {
		return err
	}
	if err := b.after(do, n*len(beanstalkPeers)); err != nil {
		return err
	}
	metrics := []metric{opMetric, allocsMetric, {"rate", "each second", "/s"}}
	return b.r.compare(name, metrics, beanstalkPeers, pick(b.r.settings, 10, 1), func(peer string) (*tally, error) {
		if err := b.before(do, n); err != nil {
			return nil, err
		}
		t, err := children[peer].do(n)
		if err != nil {
			return nil, err
		}
		return t, b.after(do, n)
	})
}

// before puts the jobs that are to be reserved.
func (b *beanstalkBench) before(do string, n int) error {
	if do != "reserve" {
		return nil
	}
	puts := make([]*aio.Future[uint64], n)
	for i := range puts {
		puts[i] = b.client.Put(b.ctx, "default", beanstalkBody, beanstalk.PutOptions{})
	}
	_, err := aio.All(b.ctx, puts...).Await(b.ctx)
	return err
}

// after deletes the jobs that were put.
func (b *beanstalkBench) after(do string, n int) error {
	if do != "put" {
		return nil
	}
	consumer := b.client.Consumer()
	defer consumer.Close()
	jobs := make([]*aio.Future[*beanstalk.Job], n)
	for i := range jobs {
		jobs[i] = consumer.Reserve(b.ctx)
	}
	for _, f := range jobs {
		job, err := f.Await(b.ctx)
		if err != nil {
			return err
		}
		if _, err := job.Delete(b.ctx).Await(b.ctx); err != nil {
			return err
		}
	}
	return nil
}
