package main

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"goaio.example/aio/httpx"
)

// Requests of /hold wait until the server is told to answer them all: as
// deferred requests where there are any, else in their handlers.

var held holder

type holder struct {
	handlers atomic.Int64 // that wait
	once     sync.Once
	release  chan struct{} // closed when they may answer

	mu       sync.Mutex
	requests []*httpx.Request
}

func init() { held.release = make(chan struct{}) }

// wait holds a handler.
func (h *holder) wait() {
	h.handlers.Add(1)
	<-h.release
}

// keep holds a request.
func (h *holder) keep(r *httpx.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests = append(h.requests, r)
}

// count is how many requests are held.
func (h *holder) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.requests) + int(h.handlers.Load())
}

// end lets all be answered.
func (h *holder) end() {
	h.once.Do(func() { close(h.release) })
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.requests {
		r.Respond(http.StatusOK, hello.header, hello.body)
	}
	h.requests = nil
}

// comparePending compares what a request that is not answered yet takes, on a
// connection that has had an answer before. nbio is left out, which has fewer
// goroutines for handlers than there are requests.
func comparePending(r *report) error {
	n := pick(r.settings, 19000, 100)
	peers := []string{"net/http", "goaio Handler", "goaio Handle", "fasthttp"}
	metrics := append(footprintMetrics[:len(footprintMetrics):len(footprintMetrics)],
		metric{"whole", "resident with its connection", "B"},
		metric{"all goroutines", "goroutines in all", ""})
	name := fmt.Sprintf("pending, %d deferred requests", n)
	return r.compare(name, metrics, peers, 1, func(peer string) (*tally, error) {
		p, err := park("http "+peer, 1, true)
		if err != nil {
			return nil, err
		}
		defer p.close()
		values, err := p.pending(n)
		return &tally{values: values}, err
	})
}

// pending grows to n connections, and has each send a request that is held.
func (p *parked) pending(n int) (sample, error) {
	empty, err := p.server.footprint()
	if err != nil {
		return nil, err
	}
	if err := p.grow(n, true); err != nil {
		return nil, err
	}
	idle, err := p.server.footprint()
	if err != nil {
		return nil, err
	}
	if err := p.hold(); err != nil {
		return nil, err
	}
	full, err := p.server.footprint()
	if err != nil {
		return nil, err
	}
	values := full.since(idle, n)
	values["whole"] = (full.resident - empty.resident) / float64(n)
	values["all goroutines"] = float64(full.goroutines)
	return values, p.answered()
}

// hold sends the requests, and waits until the server has them.
func (p *parked) hold() error {
	request := httpRequest("/hold")
	for i, fd := range p.fds {
		if _, err := unix.Write(fd, request); err != nil {
			return fmt.Errorf("connection %d: write: %w", i, err)
		}
	}
	return eventually("the requests are not pending", func() (bool, error) {
		n, err := p.server.askNumber("pending")
		return int(n) >= len(p.fds), err
	})
}

// answered has the requests answered.
func (p *parked) answered() error {
	if _, err := p.server.ask("release"); err != nil {
		return err
	}
	for i, fd := range p.fds {
		if err := readFull(fd, p.buf); err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
	}
	return nil
}
