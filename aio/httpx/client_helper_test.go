package httpx_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
	"goaio.example/aio/tcp"
)

// origin serves h on loopback until the test's end.
func origin(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// echoes is a handler that answers with what it was asked for.
func echoes(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Got-Method", r.Method)
	w.Header().Set("Got-Type", r.Header.Get("Content-Type"))
	w.Header().Set("Got-Host", r.Host)
	io.WriteString(w, r.URL.RequestURI()+"\n"+string(body))
}

// scripted serves connections on ln: fn has each of them once the header of a
// first request has come, and it is closed afterwards. stop closes all.
func scripted(ln net.Listener, fn func(n int, c net.Conn, r *bufio.Reader)) (stop func()) {
	return scriptedRequests(ln, func(n int, c net.Conn, r *bufio.Reader, _ *http.Request) { fn(n, c, r) })
}

// scriptedRequests is scripted for an fn that is given the first request.
func scriptedRequests(ln net.Listener, fn func(n int, c net.Conn, r *bufio.Reader, req *http.Request)) (stop func()) {
	return serveConns(ln, func(n int, c net.Conn) {
		r := bufio.NewReader(c)
		if req, err := http.ReadRequest(r); err == nil {
			fn(n, c, r, req)
		}
		c.Close()
	})
}

// serveConns has fn called with each connection that ln accepts, and its
// number. stop closes all of them, and waits for fn to have returned.
func serveConns(ln net.Listener, fn func(n int, c net.Conn)) (stop func()) {
	var mu sync.Mutex
	conns := map[net.Conn]bool{}
	var all sync.WaitGroup
	all.Go(func() {
		for n := 1; ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns[c] = true
			mu.Unlock()
			all.Go(func() { fn(n, c) })
		}
	})
	return func() {
		ln.Close()
		mu.Lock()
		for c := range conns {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	}
}

// script is scripted on loopback, until the test's end. It returns the server's
// URL.
func script(t testing.TB, fn func(n int, c net.Conn, r *bufio.Reader)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("net.Listen: %v", err)
	}
	t.Cleanup(scripted(ln, fn))
	return "http://" + ln.Addr().String()
}

// says is a script that answers with text, and closes.
func says(text string) func(int, net.Conn, *bufio.Reader) {
	return func(_ int, c net.Conn, _ *bufio.Reader) { io.WriteString(c, text) }
}

// inMemory has the client's connections go through the network, with no proxy.
func inMemory(c *httpx.Client, n *aiotest.Network) *httpx.Client {
	c.Dialer = &tcp.Dialer{DialContext: n.DialContext}
	c.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	return c
}

// bubble runs main in a bubble, with a network that has h served at
// http://origin.
func bubble(t *testing.T, h http.HandlerFunc, main func(ctx context.Context, t *testing.T, n *aiotest.Network) error) {
	t.Helper()
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		var n aiotest.Network
		ln, err := n.Listen("origin:80")
		if err != nil {
			return err
		}
		s := &http.Server{Handler: h}
		go s.Serve(ln)
		defer s.Close()
		return main(ctx, t, &n)
	})
}

// bubbleScript is bubble with a scripted server.
func bubbleScript(t *testing.T, fn func(n int, c net.Conn, r *bufio.Reader), main func(ctx context.Context, t *testing.T, n *aiotest.Network) error) {
	t.Helper()
	bubbleRequests(t, func(n int, c net.Conn, r *bufio.Reader, _ *http.Request) { fn(n, c, r) }, main)
}

// bubbleRequests is bubbleScript with scriptedRequests.
func bubbleRequests(t *testing.T, fn func(n int, c net.Conn, r *bufio.Reader, req *http.Request), main func(ctx context.Context, t *testing.T, n *aiotest.Network) error) {
	t.Helper()
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		var n aiotest.Network
		ln, err := n.Listen("origin:80")
		if err != nil {
			return err
		}
		defer scriptedRequests(ln, fn)()
		return main(ctx, t, &n)
	})
}

// failsWith checks that err is an *httpx.Error of the phase, and matches the
// condition.
func failsWith(t testing.TB, err error, phase httpx.Phase, is error) {
	t.Helper()
	var e *httpx.Error
	switch {
	case !errors.As(err, &e):
		t.Errorf("got %v, which is no *httpx.Error", err)
	case e.Phase != phase:
		t.Errorf("got %v, not in phase %q", err, phase)
	case !errors.Is(err, is):
		t.Errorf("got %v, which is no %v", err, is)
	}
}

// request makes a request.
func request(t testing.TB, method, url string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatalf("http.NewRequest: %v", err)
	}
	return req
}

// wantBody checks a response.
func wantBody(t testing.TB, r *httpx.Response, err error, status int, body string) {
	t.Helper()
	if err != nil {
		t.Errorf("got %v", err)
	} else if r.Status != status || string(r.Body) != body {
		t.Errorf("got %d %q, not %d %q", r.Status, r.Body, status, body)
	}
}

// outgoing returns the number of the loop's connections.
func outgoing(ctx context.Context) int64 { return aio.LoopOf(ctx).Stats().OutgoingConns }

// anyTLS is a Dialer that trusts every certificate.
func anyTLS() *tcp.Dialer { return &tcp.Dialer{TLS: anyCert.Clone()} }
