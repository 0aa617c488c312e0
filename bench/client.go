package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
)

// HTTP clients, each in a process of its own, asking the same server for a greeting. Its URL is the role's parameter.

var clientPeers = []string{"net/http", "goaio", "fasthttp"}

func init() {
	for _, workers := range []int{1, 64} {
		add := func(peer string, role func(c *control, workers int) error) {
			roles[fmt.Sprintf("client %d %s", workers, peer)] = func(c *control) error { return role(c, workers) }
		}
		add("net/http", netHTTPClient)
		add("goaio", goaioClient)
		add("fasthttp", fastHTTPClient)
	}
}

func netHTTPClient(c *control, workers int) error {
	client := &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: workers, ResponseHeaderTimeout: 30 * time.Second, IdleConnTimeout: time.Minute,
	}}
	defer client.CloseIdleConnections()
	return c.workAtOnce(workers, func() error {
		resp, err := client.Get(parameter())
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return greeted(body, err)
	})
}

func goaioClient(c *control, workers int) error {
	client := &httpx.Client{MaxIdlePerHost: workers}
	return aio.Run(context.Background(), func(ctx context.Context) error {
		return c.workAtOnce(workers, func() error {
			resp, err := client.Get(ctx, parameter()).Await(ctx)
			if err != nil {
				return err
			}
			return greeted(resp.Body, nil)
		})
	})
}

func fastHTTPClient(c *control, workers int) error {
	client := &fasthttp.Client{MaxConnsPerHost: workers, ReadTimeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	return c.workAtOnce(workers, func() error {
		_, body, err := client.Get(nil, parameter())
		return greeted(body, err)
	})
}

// greeted checks an answer.
func greeted(body []byte, err error) error {
	if err == nil && string(body) != string(greeting) {
		return fmt.Errorf("the answer is %q", body)
	}
	return err
}

// workAtOnce is work by some goroutines at once. Their number must divide that of the operations.
func (c *control) workAtOnce(workers int, do func() error) error {
	return c.work(func(n int) error {
		var wg sync.WaitGroup
		failed := make(chan error, workers)
		for range workers {
			wg.Go(func() {
				for range n / workers {
					if err := do(); err != nil {
						failed <- err
						return
					}
				}
			})
		}
		wg.Wait()
		close(failed)
		return <-failed
	})
}

func measureClient(r *report) error {
	server, err := startRole("http fasthttp")
	if err != nil {
		return err
	}
	defer server.stop()
	for _, workers := range []int{1, 64} {
		name, role := fmt.Sprintf("GET, %d at once", workers), fmt.Sprintf("client %d", workers)
		n := pick(r.settings, 64*15*min(workers, 4), 64)
		if err := compareWork(r, name, role, clientPeers, times(n), withParameter("http://"+server.addr+"/")); err != nil {
			return err
		}
	}
	return nil
}
