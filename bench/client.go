package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
	"goaio.example/aio/tcp"
)

// HTTP clients, each in a separate process, asking the same server. The role's
// parameter is the case's number, and the ports of the server.

var clientPeers = []string{"net/http", "goaio", "fasthttp"}

// clientCase is what clients do.
type clientCase struct {
	name    string
	workers int
	n       int // requests in a slice
	path    string
	size    int // of the answer
	post    int // bytes that are sent
	secure  bool
	hosts   int
}

var clientCases = []clientCase{
	{name: "GET, 1 at once", workers: 1, n: 960},
	{name: "GET, 64 at once", workers: 64, n: 3840},
	{name: "GET of 1 KiB, 64 at once", workers: 64, n: 3840, path: "1024", size: 1 << 10},
	{name: "GET of 1 MiB, 1 at once", workers: 1, n: 60, path: "1048576", size: 1 << 20},
	{name: "GET of 1 MiB, 16 at once", workers: 16, n: 160, path: "1048576", size: 1 << 20},
	{name: "POST of 4 KiB, 64 at once", workers: 64, n: 3840, post: 4 << 10},
	{name: "GET by TLS, 64 at once", workers: 64, n: 1920, secure: true},
	{name: "GET from 64 hosts, 64 at once", workers: 64, n: 3840, hosts: 64},
	{name: "GET, a connection each, 16 at once", workers: 16, n: 480, path: "close"},
}

func init() {
	roles["client net/http"] = netHTTPClient
	roles["client goaio"] = goaioClient
	roles["client fasthttp"] = fastHTTPClient
}

// clientWork is a case with what is asked for.
type clientWork struct {
	clientCase
	urls []string
	next atomic.Uint32
	body []byte // that is sent
	want []byte
}

func newClientWork() (*clientWork, error) {
	var i, plain, secure int
	if _, err := fmt.Sscanf(parameter(), "%d %d/%d", &i, &plain, &secure); err != nil {
		return nil, fmt.Errorf("%q: %w", parameter(), err)
	}
	w := &clientWork{clientCase: clientCases[i], want: greeting}
	if w.size > 0 {
		w.want = clientPage[:w.size]
	}
	if w.post > 0 {
		w.body = clientPage[:w.post]
	}
	scheme, port := "http", plain
	if w.secure {
		scheme, port = "https", secure
	}
	for h := range max(w.hosts, 1) {
		w.urls = append(w.urls, fmt.Sprintf("%s://127.0.0.%d:%d/%s", scheme, h+1, port, w.path))
	}
	return w, nil
}

// url returns the URL for the next request.
func (w *clientWork) url() string {
	if len(w.urls) == 1 {
		return w.urls[0]
	}
	return w.urls[w.next.Add(1)%uint32(len(w.urls))]
}

// check checks an answer.
func (w *clientWork) check(body []byte, err error) error {
	if err == nil && !bytes.Equal(body, w.want) {
		return fmt.Errorf("the answer is %.20q, of %d bytes", body, len(body))
	}
	return err
}

// anyCertificate is a configuration that trusts the server.
func anyCertificate() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

func netHTTPClient(c *control) error {
	w, err := newClientWork()
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: w.workers, ResponseHeaderTimeout: 30 * time.Second, IdleConnTimeout: time.Minute,
		TLSClientConfig: anyCertificate(),
	}}
	defer client.CloseIdleConnections()
	return c.workAtOnce(w.workers, func() error {
		var resp *http.Response
		var err error
		if w.body != nil {
			resp, err = client.Post(w.url(), "text/plain", bytes.NewReader(w.body))
		} else {
			resp, err = client.Get(w.url())
		}
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		return w.check(io.ReadAll(resp.Body))
	})
}

func goaioClient(c *control) error {
	w, err := newClientWork()
	if err != nil {
		return err
	}
	client := &httpx.Client{MaxIdlePerHost: w.workers, Dialer: &tcp.Dialer{TLS: anyCertificate()}}
	return aio.Run(context.Background(), func(ctx context.Context) error {
		return c.workAtOnce(w.workers, func() error {
			var f *aio.Future[*httpx.Response]
			if w.body != nil {
				f = client.Post(ctx, w.url(), "text/plain", w.body)
			} else {
				f = client.Get(ctx, w.url())
			}
			resp, err := f.Await(ctx)
			if err != nil {
				return err
			}
			return w.check(resp.Body, nil)
		})
	})
}

// fastHTTPClient reads a body into one buffer for each worker, as fasthttp's
// documentation has it.
func fastHTTPClient(c *control) error {
	w, err := newClientWork()
	if err != nil {
		return err
	}
	client := &fasthttp.Client{MaxConnsPerHost: w.workers, ReadTimeout: 30 * time.Second, TLSConfig: anyCertificate()}
	defer client.CloseIdleConnections()
	return c.workAtOnce(w.workers, func() error {
		if w.body == nil {
			_, body, err := client.Get(nil, w.url())
			return w.check(body, err)
		}
		req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		defer fasthttp.ReleaseRequest(req)
		defer fasthttp.ReleaseResponse(resp)
		req.Header.SetMethod("POST")
		req.Header.SetContentType("text/plain")
		req.SetRequestURI(w.url())
		req.SetBodyRaw(w.body)
		err := client.Do(req, resp)
		return w.check(resp.Body(), err)
	})
}

// workAtOnce is work by some goroutines at once. Their number must divide the
// number of operations.
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
	server, err := startRole("client server")
	if err != nil {
		return err
	}
	defer server.stop()
	if !strings.Contains(server.addr, "/") {
		return errors.New("the server has no ports: " + server.addr)
	}
	for i, w := range clientCases {
		n := pick(r.settings, w.n, w.workers)
		at := withParameter(fmt.Sprintf("%d %s", i, server.addr))
		peers := clientPeers
		if w.floored() {
			peers = append(slices.Clip(peers), floorClient, floorTwoClient)
		}
		if err := compareWork(r, w.name, "client", peers, times(n), at); err != nil {
			return err
		}
	}
	return nil
}
