package shop

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest/dnsserver"
	"goaio.example/aio/httpx"
	"goaio.example/aio/tcp"
	"goaio.example/aio/timer"
)

// town is all that the shop deals with, in another loop.
type town struct {
	dns           dnsserver.Server
	bankURL       string
	warehouseAddr string
	postAddr      string // where no one listens

	loop  aio.Loop
	ctx   context.Context
	ended chan struct{}
}

const zone = `
	$ORIGIN town.example.
	$TTL 3
	warehouse  A  127.0.0.1
	post       A  127.0.0.1
`

// build starts the town. Call end in the end.
func build(ctx context.Context) (*town, error) {
	t := &town{ended: make(chan struct{})}
	t.dns.Zone = zone
	if err := t.dns.Start(); err != nil {
		return nil, err
	}
	t.dns.SetFault(dnsserver.Match{}, dnsserver.Fault{Delay: 120 * time.Millisecond})
	t.loop.OnEvent, t.loop.Logger = func(aio.Event) {}, slog.New(slog.DiscardHandler)
	started := make(chan error, 1)
	go func() {
		defer close(t.ended)
		defer t.dns.Close()
		err := t.loop.Run(ctx, func(ctx context.Context) error {
			t.ctx = ctx
			err := t.serve(ctx)
			started <- err
			return err
		})
		if err != nil {
			slog.Error("the town has ended", "err", err)
		}
	}()
	if err := <-started; err != nil {
		<-t.ended
		return nil, err
	}
	return t, nil
}

// serve starts the warehouse and the bank.
func (t *town) serve(ctx context.Context) error {
	port := func(a net.Addr) string { return a.String()[strings.LastIndexByte(a.String(), ':'):] }
	warehouse := &tcp.Server{Stream: func(ctx context.Context, c *tcp.Conn) error {
		for line, err := range tcp.Lines(c, 100) {
			if err != nil {
				return err
			}
			if err := timer.Sleep(ctx, between(300*time.Millisecond, 1500*time.Millisecond)); err != nil {
				return err
			}
			if _, err := fmt.Fprintf(c, "reserved %s\n", line); err != nil {
				return err
			}
		}
		return nil
	}}
	if err := warehouse.Start(ctx, "127.0.0.1:0"); err != nil {
		return err
	}
	bank, err := httpx.Serve(ctx, "127.0.0.1:0", func(r *httpx.Request) {
		timer.Delay(r.Context(), between(time.Second, 5*time.Second), func(context.Context) error {
			r.RespondString(http.StatusOK, "paid")
			return nil
		})
	})
	if err != nil {
		return err
	}
	post, err := tcp.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	t.warehouseAddr = "tcp4:warehouse.town.example" + port(warehouse.Addr())
	t.bankURL = "http://" + bank.Addr().String()
	t.postAddr = "tcp4:post.town.example" + port(post.Addr())
	return post.Close()
}

// customers is how many there are, besides those that wait for news.
const customers = 6

// opens tells the town that the shop has opened.
func (t *town) opens(url string) {
	client := &httpx.Client{}
	for n := range customers {
		aio.Spawn(t.ctx, "customer", func(ctx context.Context) error { return buys(ctx, client, url, n) })
	}
	for range 3 {
		aio.Spawn(t.ctx, "reader", func(ctx context.Context) error {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/news", nil)
			if err != nil {
				return err
			}
			events := client.Events(ctx, req)
			defer events.Close()
			for range events.C() {
			}
			return events.Err()
		})
	}
}

// buys looks at things and orders some of them, until the shop has closed.
func buys(ctx context.Context, client *httpx.Client, url string, n int) error {
	for i := n; ; i += customers {
		if _, err := client.Get(ctx, fmt.Sprintf("%s/items/%d", url, i)).Await(ctx); err != nil {
			return err
		}
		if err := timer.Sleep(ctx, between(50*time.Millisecond, 600*time.Millisecond)); err != nil {
			return err
		}
		if rand.IntN(4) == 0 {
			if _, err := client.Post(ctx, fmt.Sprintf("%s/orders/%d", url, 1000+i), "text/plain", nil).Await(ctx); err != nil {
				return err
			}
		}
	}
}

// end ends the town, and waits for that.
func (t *town) end() {
	t.loop.Cancel(nil)
	<-t.ended
}

// between is a random time.
func between(least, most time.Duration) time.Duration { return least + rand.N(most-least) }
