package main

import (
	"context"
	"net"
	"net/http"
	"runtime"
	"time"

	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/nbhttp"
	"github.com/valyala/fasthttp"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
)

func init() {
	roles["http net/http"] = netHTTP
	roles["http fasthttp"] = fastHTTP
	roles["http nbio"] = nbioHTTP
	roles["http goaio Handler"] = func(c *control) error {
		return goaioHTTP(c, &httpx.Server{Handler: http.HandlerFunc(serveHTTP)})
	}
	roles["http goaio Handle"] = func(c *control) error {
		text := http.Header{"Content-Type": {"text/plain"}}
		json := http.Header{"Content-Type": {"application/json"}}
		return goaioHTTP(c, &httpx.Server{Handle: func(r *httpx.Request) {
			if r.Resource() == "/json" {
				r.Respond(200, json, document)
			} else {
				r.Respond(200, text, greeting)
			}
		}})
	}
}

// serveHTTP is the http.Handler of all that take one. An error of Write's is the connection's end.
func serveHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/json" {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(document)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = w.Write(greeting)
}

// netHTTP has the timeouts that ours has: without them package net/http sets no deadlines, which saves it a little.
func netHTTP(c *control) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &http.Server{
		Handler: http.HandlerFunc(serveHTTP), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute,
	}
	defer s.Close()
	go s.Serve(ln) // until it is closed
	c.ready(ln.Addr().String())
	return c.serve(nil)
}

func goaioHTTP(c *control, s *httpx.Server) error {
	s.MaxConns = -1
	ctx := aio.OnEvent(context.Background(), func(aio.Event) {}) // a load ends by resets
	return aio.Run(ctx, func(ctx context.Context) error {
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		defer s.Close()
		c.ready(s.Addr().String())
		return c.serve(nil)
	})
}

func fastHTTP(c *control) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &fasthttp.Server{IdleTimeout: time.Minute, Concurrency: 1 << 20, Handler: func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Path()) == "/json" {
			ctx.SetContentType("application/json")
			ctx.SetBody(document)
			return
		}
		ctx.SetContentType("text/plain")
		ctx.SetBody(greeting)
	}}
	go s.Serve(ln) // until the process ends
	c.ready(ln.Addr().String())
	return c.serve(nil)
}

func nbioHTTP(c *control) error {
	logging.SetLevel(logging.LevelNone)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	e := nbhttp.NewEngine(nbhttp.Config{
		Network: "tcp", Addrs: []string{ln.Addr().String()}, NPoller: runtime.NumCPU(), Handler: http.HandlerFunc(serveHTTP),
		Listen: func(string, string) (net.Listener, error) { return ln, nil },
	})
	if err := e.Start(); err != nil {
		return err
	}
	defer e.Stop()
	c.ready(ln.Addr().String())
	return c.serve(nil)
}
