package main

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"runtime"
	"time"

	nbtls "github.com/lesismal/llib/std/crypto/tls"
	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/nbhttp"
	"github.com/valyala/fasthttp"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
)

// HTTP servers, each in a separate process. All roles differ only in TLS and
// the handler.

// httpOptions are what a role's server is beside a peer.
type httpOptions struct {
	handler http.Handler            // for those that take one
	fast    fasthttp.RequestHandler // for fasthttp
	tls     *tls.Config             // nil without TLS

	certificate, key []byte // those of tls, in PEM
}

// httpServers are the peers, each a role of every kind of httpKinds.
var httpServers = map[string]func(c *control, o httpOptions) error{
	"net/http":      netHTTP,
	"goaio Handler": goaioHandler,
	"goaio Handle":  goaioHandle,
	"fasthttp":      fastHTTP,
	"nbio":          nbioHTTP,
}

// httpKinds are the kinds of servers, by the first word of their role.
var httpKinds = map[string]func() (httpOptions, error){
	"http":    plainOptions,
	"httpmux": muxOptions,
	"https":   tlsOptions,
}

func plainOptions() (httpOptions, error) {
	return httpOptions{handler: http.HandlerFunc(serveHTTP), fast: serveFast}, nil
}

func init() {
	for kind, options := range httpKinds {
		for peer, serve := range httpServers {
			roles[kind+" "+peer] = func(c *control) error {
				o, err := options()
				if err != nil {
					return err
				}
				return serve(c, o)
			}
		}
	}
}

// listenHTTP listens for a peer of package net, with TLS if it is to be.
func listenHTTP(o httpOptions) (net.Listener, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil && o.tls != nil {
		ln = tls.NewListener(ln, o.tls)
	}
	return ln, err
}

// serveHTTP is the http.Handler of all that take one.
func serveHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		if n, err := io.Copy(io.Discard, r.Body); err != nil || n != posted {
			http.Error(w, "the body is incomplete", http.StatusBadRequest)
			return
		}
	}
	waitFor(r.URL.Path)
	pageOf(r.URL.Path).write(w)
}

// serveFast is serveHTTP for fasthttp.
func serveFast(ctx *fasthttp.RequestCtx) {
	if ctx.IsPost() && len(ctx.PostBody()) != posted {
		ctx.Error("the body is incomplete", fasthttp.StatusBadRequest)
		return
	}
	path := string(ctx.Path())
	waitFor(path)
	p := pageOf(path)
	ctx.SetContentType(p.contentType)
	ctx.SetBody(p.body)
}

// waitFor is how a handler that must not return waits for what a path asks for.
func waitFor(path string) {
	switch path {
	case "/sleep":
		time.Sleep(blocking)
	case "/later":
		done := make(chan struct{})
		go close(done)
		<-done
	case "/hold":
		held.wait()
	}
}

// handle is serveHTTP as a function of requests, which may return.
func handle(r *httpx.Request) {
	if r.Method() == http.MethodPost && len(r.Body()) != posted {
		r.RespondString(http.StatusBadRequest, "the body is incomplete")
		return
	}
	switch r.Resource() {
	case "/sleep":
		time.Sleep(blocking)
	case "/later":
		go r.Respond(http.StatusOK, hello.header, hello.body)
		return
	case "/hold":
		held.keep(r)
		return
	}
	p := pageOf(r.Resource())
	r.Respond(http.StatusOK, p.header, p.body)
}

// netHTTP has the timeouts that ours has: without them package net/http sets
// no deadlines, which saves it a little.
func netHTTP(c *control, o httpOptions) error {
	ln, err := listenHTTP(o)
	if err != nil {
		return err
	}
	s := &http.Server{Handler: o.handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	defer s.Close()
	go s.Serve(ln) // until it is closed
	c.ready(ln.Addr().String())
	return c.serve(httpCommand)
}

func goaioHandler(c *control, o httpOptions) error {
	return goaioHTTP(c, &httpx.Server{Handler: o.handler, TLS: o.tls})
}

func goaioHandle(c *control, o httpOptions) error {
	return goaioHTTP(c, &httpx.Server{Handle: handle, TLS: o.tls})
}

func goaioHTTP(c *control, s *httpx.Server) error {
	s.MaxConns = -1
	// a load ends by resets
	ctx := aio.OnEvent(context.Background(), func(aio.Event) {})
	return aio.Run(ctx, func(ctx context.Context) error {
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		defer s.Close()
		c.ready(s.Addr().String())
		return c.serve(httpCommand)
	})
}

func fastHTTP(c *control, o httpOptions) error {
	ln, err := listenHTTP(o)
	if err != nil {
		return err
	}
	s := &fasthttp.Server{IdleTimeout: time.Minute, Concurrency: 1 << 20, Handler: o.fast}
	go s.Serve(ln) // until the process ends
	c.ready(ln.Addr().String())
	return c.serve(httpCommand)
}

func nbioHTTP(c *control, o httpOptions) error {
	logging.SetLevel(logging.LevelNone)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	config := nbhttp.Config{
		Network: "tcp", Addrs: []string{ln.Addr().String()}, NPoller: runtime.NumCPU(), Handler: o.handler,
		Listen: func(string, string) (net.Listener, error) { return ln, nil },
	}
	if o.tls != nil {
		config.Addrs, config.AddrsTLS = nil, config.Addrs
		if config.TLSConfig, err = nbioTLS(o); err != nil {
			return err
		}
	}
	e := nbhttp.NewEngine(config)
	if err := e.Start(); err != nil {
		return err
	}
	defer e.Stop()
	c.ready(ln.Addr().String())
	return c.serve(httpCommand)
}

// nbioTLS is the configuration as nbio's own package tls has it.
func nbioTLS(o httpOptions) (*nbtls.Config, error) {
	pair, err := nbtls.X509KeyPair(o.certificate, o.key)
	return &nbtls.Config{
		Certificates: []nbtls.Certificate{pair}, MinVersion: nbtls.VersionTLS13,
		NextProtos: o.tls.NextProtos, SessionTicketsDisabled: true,
	}, err
}
