// Package shop is a program to look at: a shop on the web, which asks a
// warehouse and a bank for each order, and customers that keep it busy.
// Everything is on this machine, on ports that are free.
package shop

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/dnsx"
	"goaio.example/aio/httpx"
	"goaio.example/aio/live"
	"goaio.example/aio/tcp"
	"goaio.example/aio/timer"
)

// shop is the program that is looked at.
type shop struct {
	town   *town
	dialer *tcp.Dialer
	bank   *httpx.Client
}

// Run runs the shop until its loop has ended, and calls open, in that loop,
// when it has opened. The page shows the loop.
func Run(ctx context.Context, loop *aio.Loop, page *live.Server, open func(ctx context.Context)) error {
	t, err := build(ctx)
	if err != nil {
		return err
	}
	defer t.end()
	loop.Name, loop.Sites = "shop", true
	loop.OnEvent = func(aio.Event) {} // the page shows them
	return loop.Run(ctx, func(ctx context.Context) error {
		if err := page.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		s := &shop{town: t, dialer: &tcp.Dialer{Resolver: &dnsx.Resolver{Servers: []string{t.dns.Addr()}}}}
		s.bank = &httpx.Client{Dialer: s.dialer, Proxy: func(*http.Request) (*url.URL, error) { return nil, nil }}
		server, err := httpx.ServeHandler(ctx, "127.0.0.1:0", s.handler())
		if err != nil {
			return err
		}
		aio.Daemon(ctx, "write to customers", s.write)
		for range 40 {
			// a basket expires
			timer.Delay(ctx, 20*time.Minute, func(context.Context) error { return nil })
		}
		t.opens("http://" + server.Addr().String())
		open(ctx)
		return nil
	})
}

// handler serves the shop.
func (s *shop) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /items/{id}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "item %s\n", r.PathValue("id"))
	})
	mux.HandleFunc("GET /news", s.news)
	mux.HandleFunc("POST /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		err := aio.Scope(r.Context(), "order "+id, func(ctx context.Context) error { return s.order(ctx, id) })
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	})
	return mux
}

// order reserves what is ordered, and has it paid for, at the same time.
func (s *shop) order(ctx context.Context, id string) error {
	reserved := aio.Go(ctx, "reserve", func(ctx context.Context) (string, error) { return s.reserve(ctx, id) })
	paid := s.bank.Get(ctx, s.town.bankURL+"/charge/"+id)
	return aio.Wait(ctx, reserved, paid)
}

// reserve asks the warehouse.
func (s *shop) reserve(ctx context.Context, id string) (string, error) {
	c, err := s.dialer.Dial(ctx, s.town.warehouseAddr).Await(ctx)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if _, err := fmt.Fprintln(c, id); err != nil {
		return "", err
	}
	return bufio.NewReader(c).ReadString('\n')
}

// news tells a customer what is new.
func (s *shop) news(w http.ResponseWriter, r *http.Request) {
	events, err := httpx.SSE(w, r, 0)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer events.Close()
	ticks := timer.Every(r.Context(), time.Second, timer.Interval{})
	defer ticks.Stop()
	for {
		select {
		case tick := <-ticks.C():
			if events.Send(httpx.ServerEvent{Data: "news of " + tick.At.Format(time.TimeOnly)}) != nil {
				return // the customer is gone
			}
		case <-events.Draining():
			return
		case <-events.Gone():
			return
		}
	}
}

// write writes letters. Every few seconds the post office is closed.
func (s *shop) write(ctx context.Context) error {
	for n := 1; ; n++ {
		aio.Spawn(ctx, fmt.Sprintf("letter %d", n), func(ctx context.Context) error {
			c, err := s.dialer.Dial(ctx, s.town.postAddr).Await(ctx)
			if err != nil {
				return fmt.Errorf("will be sent tomorrow: %w", err)
			}
			return c.Close()
		})
		if err := timer.Sleep(ctx, 7*time.Second); err != nil {
			return err
		}
	}
}
