package httpx_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// rig is a server in a synctest bubble, and what leads to it.
type rig struct {
	*testing.T
	ctx    context.Context
	loop   *aio.Loop
	server *httpx.Server // nil if it is net/http's own
	net    *aiotest.Network
	web    *http.Client
	h2     bool
}

// inBubbles serves s over HTTP/1 and over HTTP/2, each in a separate synctest
// bubble, and calls test in the loop. The loop exits when test returns. An
// event, an operation or a goroutine that is left fails the test.
func inBubbles(t *testing.T, s func() *httpx.Server, test func(b *rig)) {
	t.Helper()
	eachProtocol(t, func(b *rig) {
		aiotest.RunLoop(b.T, b.loop, func(ctx context.Context) error {
			ln, err := b.net.Listen("server:80")
			if err != nil {
				return err
			}
			b.ctx, b.server = ctx, s()
			b.server.H2C = b.h2
			if err := b.server.StartOn(ctx, ln); err != nil {
				return err
			}
			defer b.loop.Exit(nil)
			defer b.web.CloseIdleConnections()
			test(b)
			return nil
		})
	})
}

// onOwnServer is inBubbles with net/http's own server, and without a loop.
func onOwnServer(t *testing.T, s func() *http.Server, test func(b *rig)) {
	t.Helper()
	eachProtocol(t, func(b *rig) {
		ln, err := b.net.Listen("server:80")
		if err != nil {
			b.Fatalf("b.net.Listen: %v", err)
		}
		hs := s()
		hs.Protocols = protocols(b.h2)
		done := make(chan error, 1)
		go func() { done <- hs.Serve(ln) }()
		test(b)
		b.web.CloseIdleConnections()
		hs.Close()
		<-done
	})
}

func eachProtocol(t *testing.T, test func(b *rig)) {
	t.Helper()
	for _, h2 := range []bool{false, true} {
		t.Run(map[bool]string{false: "HTTP/1", true: "HTTP/2"}[h2], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := new(aiotest.Network)
				tr := &http.Transport{DialContext: n.DialContext, Protocols: protocols(h2)}
				test(&rig{T: t, loop: new(aio.Loop), net: n, web: &http.Client{Transport: tr}, h2: h2})
			})
		})
	}
}

func protocols(h2 bool) *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(!h2)
	p.SetUnencryptedHTTP2(h2)
	return p
}

// get asks for a path. The response is closed when the test ends, or before.
func (b *rig) get(ctx context.Context, path string, header ...string) *http.Response {
	b.Helper()
	req, err := http.NewRequestWithContext(ctx, "GET", "http://server"+path, nil)
	if err != nil {
		b.Fatalf("http.NewRequestWithContext: %v", err)
	}
	for _, field := range header {
		name, value, _ := strings.Cut(field, ": ")
		req.Header.Set(name, value)
	}
	resp, err := b.web.Do(req)
	if err != nil {
		b.Fatalf("b.web.Do: %v", err)
	}
	return resp
}

// dial returns a connection to the server.
func (b *rig) dial() net.Conn {
	b.Helper()
	c, err := b.net.Dial("tcp", "server:80")
	if err != nil {
		b.Fatalf("b.net.Dial: %v", err)
	}
	return c
}

// line reads the next line, and fails the test if it is another than want.
func line(t testing.TB, in *bufio.Scanner, want string) {
	t.Helper()
	if !in.Scan() || in.Text() != want {
		t.Errorf("got %q, %v, want %q", in.Text(), in.Err(), want)
	}
}

// wrapping is middleware that wraps the server's ResponseWriter in one that can
// only be unwrapped.
func wrapping(next http.Handler) http.Handler {
	type wrapper struct {
		http.ResponseWriter
		unwrapper
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(wrapper{w, unwrapper{w}}, r)
	})
}

// unwrapper is the Unwrap of wrapping's ResponseWriter.
type unwrapper struct{ w http.ResponseWriter }

func (u unwrapper) Unwrap() http.ResponseWriter { return u.w }

// behind returns a handler of /events/{topic} behind a ServeMux and wrapping.
func behind(h http.HandlerFunc) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /events/{topic}", wrapping(h))
	return wrapping(mux)
}

// handler returns a function that makes a server of h behind a router and
// middleware.
func handler(h http.HandlerFunc) func() *httpx.Server {
	return func() *httpx.Server { return &httpx.Server{Handler: behind(h)} }
}
