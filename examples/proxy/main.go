// Proxy is a small reverse proxy: it passes each request on to another server,
// and the answer back as it comes.
//
//	go run ./examples/proxy -to URL [-addr HOST:PORT]
//
// A request to the other server is a part of the one that was received: it ends
// with that when the client goes away.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "proxy:", err)
		os.Exit(1)
	}
}

// run serves until a signal, or the end of ctx.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("proxy", flag.ExitOnError)
	addr := flags.String("addr", "127.0.0.1:8080", "`address` to listen on")
	to := flags.String("to", "", "`URL` of the server behind the proxy")
	flags.Parse(args) // exits on an error
	base, err := url.Parse(*to)
	if err != nil || base.Host == "" {
		return errors.New("-to needs the URL of a server")
	}
	loop := &aio.Loop{
		Name:        "proxy",
		CatchPanics: true,
		OnEvent:     aio.LogEvents,
		Signals:     []os.Signal{os.Interrupt, syscall.SIGTERM},
	}
	return loop.Run(ctx, func(ctx context.Context) error {
		server, err := httpx.ServeHandler(ctx, *addr, &proxy{to: base, client: &httpx.Client{MaxRedirects: -1}})
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, "listening on", server.Addr())
		return nil // the server holds the loop open
	})
}

// proxy passes requests on to one server.
type proxy struct {
	to     *url.URL
	client *httpx.Client
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out := r.Clone(context.Background()) // Stream's ctx ends it
	out.RequestURI, out.URL.Scheme, out.URL.Host = "", p.to.Scheme, p.to.Host
	dropHopByHop(out.Header)
	resp, err := p.client.Stream(r.Context(), out).Await(r.Context())
	if err != nil {
		// why is none of the client's business
		http.Error(w, "Bad Gateway", http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	dropHopByHop(resp.Header)
	for k, v := range resp.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(resp.Status)
	if _, err := io.Copy(flusher{w, http.NewResponseController(w)}, resp.Body); err != nil {
		// tells the client that the answer is not whole
		panic(http.ErrAbortHandler)
	}
}

// flusher passes each piece of an answer on at once.
type flusher struct {
	io.Writer
	*http.ResponseController
}

func (f flusher) Write(p []byte) (int, error) {
	n, err := f.Writer.Write(p)
	return n, errors.Join(err, f.Flush())
}

// dropHopByHop removes the fields that are about one connection (RFC 9110,
// section 7.6.1).
func dropHopByHop(h http.Header) {
	for _, k := range strings.Split(strings.Join(h["Connection"], ","), ",") {
		h.Del(strings.TrimSpace(k))
	}
	for _, k := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Transfer-Encoding", "Upgrade"} {
		h.Del(k)
	}
}
