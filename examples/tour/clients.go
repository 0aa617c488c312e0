package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"goaio.example/aio"
	"goaio.example/aio/dnsx"
	"goaio.example/aio/httpx"
	"goaio.example/aio/tcp"
)

// clients are clients of the servers. They know them by name.
type clients struct {
	resolver *dnsx.Resolver
	dialer   *tcp.Dialer
	web      *httpx.Client
	echoAddr string
	webURL   string
}

func newClients(s servers) *clients {
	resolver := &dnsx.Resolver{Servers: []string{s.dns.Addr()}}
	dialer := &tcp.Dialer{Resolver: resolver}
	// no proxy knows our names
	direct := func(*http.Request) (*url.URL, error) { return nil, nil }
	return &clients{
		resolver: resolver,
		dialer:   dialer,
		web:      &httpx.Client{Dialer: dialer, Proxy: direct},
		echoAddr: named("echo.tour.example", s.echo.Addr()),
		webURL:   "http://" + named("web.tour.example", s.web.Addr()),
	}
}

// named is an address with a name in the place of the IP address.
func named(name string, addr net.Addr) string {
	// an address of a listener has a port
	_, port, _ := net.SplitHostPort(addr.String())
	return net.JoinHostPort(name, port)
}

// lookUp looks up a name that no cache has yet.
func (c *clients) lookUp(ctx context.Context, round int) *aio.Future[dnsx.Answer] {
	return c.resolver.Lookup(ctx, fmt.Sprintf("guest%d.tour.example", round))
}

// shout sends a line to the echo server and returns what comes back.
func (c *clients) shout(ctx context.Context, round int) *aio.Future[string] {
	return aio.Go(ctx, "shout", func(ctx context.Context) (string, error) {
		conn, err := c.dialer.Dial(ctx, c.echoAddr).Await(ctx)
		if err != nil {
			return "", err
		}
		defer conn.Close()
		if _, err := fmt.Fprintf(conn, "hello %d\n", round); err != nil {
			return "", err
		}
		line, err := bufio.NewReader(conn).ReadString('\n')
		return fmt.Sprintf("%q by %s", line, c.echoAddr), err
	})
}

// get gets a page.
func (c *clients) get(ctx context.Context, round int) *aio.Future[*httpx.Response] {
	return c.web.Get(ctx, fmt.Sprintf("%s/page/%d", c.webURL, round))
}

// text says what a response is.
func text(r *httpx.Response) string {
	if r == nil {
		return ""
	}
	return fmt.Sprintf("%d %s: %s", r.Status, r.URL, r.Body)
}

// summary is a line of a loop's figures.
func summary(s aio.Stats) string {
	return fmt.Sprintf("%d connections in, %d out, %d requests, %d timers; so far %d operations, %d bytes read",
		s.IncomingConns, s.OutgoingConns, s.HTTPRequests, s.Timers, s.Started, s.BytesIn)
}
