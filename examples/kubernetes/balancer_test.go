//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

const (
	// for what comes much sooner unless something is wrong
	patience = 30 * time.Second
	period   = 20 * time.Millisecond // of the probes
)

// balancer sends requests to the backends that are ready, as it knows by probes
// of /readyz and nothing else: it does not try again. The clients are in it.
type balancer struct {
	mu        sync.Mutex
	changed   *sync.Cond
	backends  []*backend
	turn      int
	all, lost int // requests
	errs      []error
	late      bool // patience is at its end
	end       chan struct{}
	running   sync.WaitGroup
}

// backend is a server as the balancer knows it.
type backend struct {
	url    string
	ready  bool
	failed bool // a probe was answered with 503
	left   int  // requests answered well after that
}

func newBalancer(t *testing.T) *balancer {
	b := &balancer{end: make(chan struct{})}
	b.changed = sync.NewCond(&b.mu)
	timer := time.AfterFunc(patience, func() { b.change(func() { b.late = true }) })
	t.Cleanup(func() { timer.Stop() })
	return b
}

// change changes what the lock guards.
func (b *balancer) change(fn func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fn()
	b.changed.Broadcast()
}

// until waits for cond, and for n requests before that.
func (b *balancer) until(t *testing.T, n int, what string, cond func() bool) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for n += b.all; b.all < n || !cond(); b.changed.Wait() {
		if b.late {
			t.Errorf("not within %v: %s", patience, what)
			return
		}
	}
}

// ready counts the backends that are ready. The lock is held.
func (b *balancer) ready() (n int) {
	for _, k := range b.backends {
		if k.ready {
			n++
		}
	}
	return n
}

// pick returns the backend whose turn it is.
func (b *balancer) pick() (*backend, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.backends {
		b.turn++
		if k := b.backends[b.turn%len(b.backends)]; k.ready {
			return k, nil
		}
	}
	return nil, errors.New("no backend is ready")
}

// add adds a server, which gets requests once a probe succeeds.
func (b *balancer) add(addr string) *backend {
	k := &backend{url: "http://" + addr}
	b.change(func() { b.backends = append(b.backends, k) })
	b.running.Go(func() {
		c := newClient(false)
		tick := time.NewTicker(period)
		defer tick.Stop()
		for {
			status, _, err := get(c, k.url+"/readyz")
			b.change(func() {
				k.ready = err == nil && status == http.StatusOK
				k.failed = k.failed || status == http.StatusServiceUnavailable
			})
			select {
			case <-tick.C:
			case <-b.end:
				return
			}
		}
	})
	return k
}

// remove removes a server that has ended.
func (b *balancer) remove(k *backend) {
	b.change(func() { b.backends = slices.DeleteFunc(b.backends, func(o *backend) bool { return o == k }) })
}

// client makes requests, one after the other, on one connection to each server
// or on a new one each time.
func (b *balancer) client(keep bool) {
	c := newClient(keep)
	defer c.CloseIdleConnections()
	for {
		k, err := b.pick()
		if err == nil {
			var status int
			var body string
			if status, body, err = get(c, k.url+"/page"); err == nil && status != http.StatusOK {
				err = fmt.Errorf("%s: %d, %q", k.url, status, body)
			}
		}
		b.change(func() {
			b.all++
			switch {
			case err != nil:
				b.lost++
				b.errs = append(b.errs, err)
			case k.failed:
				k.left++
			}
		})
		select {
		case <-b.end:
			return
		default:
		}
	}
}

// stop ends the clients and the probes.
func (b *balancer) stop() {
	close(b.end)
	b.running.Wait()
}

func newClient(keep bool) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: !keep}, Timeout: patience}
}

func get(c *http.Client, url string) (status int, body string, err error) {
	resp, err := c.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}
