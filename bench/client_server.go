package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"

	"github.com/valyala/fasthttp"
)

// The server of the HTTP clients: fasthttp's, on all of loopback, so that each
// of its addresses is a host; with TLS on another port.

func init() { roles["client server"] = clientServer }

func clientServer(c *control) error {
	o, err := tlsOptions()
	if err != nil {
		return err
	}
	plain, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		return err
	}
	secure, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		return err
	}
	s := &fasthttp.Server{Handler: answerClient, NoDefaultServerHeader: true}
	failed := make(chan error, 2)
	go func() { failed <- s.Serve(plain) }()
	go func() { failed <- s.Serve(tls.NewListener(secure, o.tls)) }()
	port := func(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }
	c.ready(fmt.Sprintf("%d/%d", port(plain), port(secure)))
	if err := c.serve(nil); err != nil {
		return err
	}
	return s.Shutdown()
}

// answerClient answers with a greeting, to /close on a connection that ends,
// and to a number with so many bytes.
func answerClient(ctx *fasthttp.RequestCtx) {
	ctx.SetContentType("text/plain")
	path := string(ctx.Path()[1:])
	n, err := strconv.Atoi(path)
	if err != nil {
		n = 0
	}
	switch {
	case path == "close":
		ctx.SetConnectionClose()
		ctx.SetBody(greeting)
	case n > 0:
		ctx.SetBody(clientPage[:min(n, len(clientPage))])
	default:
		ctx.SetBody(greeting)
	}
}

// clientPage is what long answers are made of.
var clientPage = bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
