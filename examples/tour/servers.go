package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest/dnsserver"
	"goaio.example/aio/httpx"
	"goaio.example/aio/tcp"
	"goaio.example/aio/timer"
)

// zone is what the DNS server knows: every name in it leads here, some by
// another name.
const zone = `
	$ORIGIN tour.example.
	$TTL 1m
	here   A      127.0.0.1
	echo   CNAME  here
	web    CNAME  here
	*      CNAME  here
`

// pageDelay is how long the HTTP server takes over a page.
const pageDelay = 1300 * time.Millisecond

// servers are the servers of the tour.
type servers struct {
	dns  *dnsserver.Server
	echo *tcp.Server
	web  *httpx.Server

	asked chan string // a request for a page came; nobody need receive that
}

// serve starts the servers. They hold the loop open, and end with it.
func serve(ctx context.Context) (s servers, err error) {
	// made for tests, it is no operation: it ends when all others have
	s.dns = &dnsserver.Server{Zone: zone}
	aio.LoopOf(ctx).AtExit(func() { s.dns.Close() })
	if err := s.dns.Start(); err != nil {
		return s, err
	}
	s.echo, err = tcp.Serve(ctx, "127.0.0.1:0", tcp.Handler{
		Data: func(c *tcp.Conn, data []byte) { c.Send(data) },
	})
	if err != nil {
		return s, err
	}
	s.asked = make(chan string, 1)
	s.web, err = httpx.Serve(ctx, "127.0.0.1:0", s.answer)
	return s, err
}

// answer answers later. The timer is a child of the request: while the loop
// drains it goes on, and the page is sent.
func (s servers) answer(r *httpx.Request) {
	select {
	case s.asked <- r.URI():
	default:
	}
	timer.Delay(r.Context(), pageDelay, func(context.Context) error {
		r.RespondString(http.StatusOK, fmt.Sprintf("%s, %v after it was asked for", r.Resource(), pageDelay))
		return nil
	})
}
