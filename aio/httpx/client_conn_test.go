package httpx_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// answersEach is a script that answers each request of a connection with the
// next of the texts, and then closes.
func answersEach(texts ...string) func(int, net.Conn, *bufio.Reader) {
	return func(_ int, c net.Conn, r *bufio.Reader) {
		for i, text := range texts {
			if i > 0 {
				if _, err := http.ReadRequest(r); err != nil {
					return
				}
			}
			io.WriteString(c, text)
		}
	}
}

// TestNotReused checks after which responses a connection is not reused, so
// that no response is taken for that of another request.
func TestNotReused(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
	for name, x := range map[string]struct {
		text   string
		method string
		reused bool
	}{
		"plain":                     {text: ok, reused: true},
		"chunked":                   {text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", reused: true},
		"HEAD":                      {text: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", method: "HEAD", reused: true},
		"kept by HTTP/1.0":          {text: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi", reused: true},
		"interim":                   {text: "HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + ok, reused: true},
		"HTTP/1.0":                  {text: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"},
		"Connection: close":         {text: "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"},
		"another answer behind":     {text: ok + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"},
		"a byte behind":             {text: ok + "\n"},
		"bytes behind the chunks":   {text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n\r\n"},
		"a body behind a HEAD":      {text: ok, method: "HEAD"},
		"a body behind a 204":       {text: "HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\nhi"},
		"length and chunked":        {text: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"},
		"until the connection ends": {text: "HTTP/1.1 200 OK\r\n\r\nhi"},
	} {
		t.Run(name, func(t *testing.T) {
			var conns atomic.Int32
			bubbleScript(t, func(n int, c net.Conn, r *bufio.Reader) {
				conns.Add(1)
				if name == "until the connection ends" {
					io.WriteString(c, x.text)
					return
				}
				answersEach(x.text, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond")(n, c, r)
				silent(n, c, r)
			}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
				c := inMemory(new(httpx.Client), n)
				method := x.method
				if method == "" {
					method = "GET"
				}
				r, err := c.Do(ctx, request(t, method, "http://origin", nil)).Await(ctx)
				if err != nil || string(r.Body) != "hi" && r.Status != 204 && method != "HEAD" {
					t.Errorf("got %v, %v", r, err)
				}
				synctest.Wait()
				if r, err = c.Get(ctx, "http://origin").Await(ctx); err != nil || string(r.Body) == "poison" {
					t.Errorf("got %v, %v", r, err)
				}
				if reused := conns.Load() == 1; reused != x.reused {
					t.Errorf("reused: %v", reused)
				}
				return nil
			})
		})
	}
}

// TestRefusedAnswers checks which answers fail the request.
func TestRefusedAnswers(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, text := range map[string]string{
		"bare LF":                    "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
		"folded field":               ok + "A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
		"space before the colon":     ok + "Content-Length : 0\r\n\r\n",
		"lengths that differ":        ok + "Content-Length: 0\r\nContent-Length: 1\r\n\r\n",
		"list of lengths":            ok + "Content-Length: 0, 0\r\n\r\n",
		"signed length":              ok + "Content-Length: +0\r\n\r\n",
		"unknown coding":             ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"two codings":                ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.0 chunked":           "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/2":                     "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
		"status of two digits":       "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
		"NUL in a value":             ok + "A: \x00\r\nContent-Length: 0\r\n\r\n",
		"chunk with a sign":          ok + "Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n",
		"chunk with 0x":              ok + "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
		"chunk that ends with LF":    ok + "Transfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n",
		"no CRLF behind a chunk":     ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
		"huge chunk":                 ok + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\nx",
		"endless chunk extension":    ok + "Transfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("x", 300) + "\r\nx\r\n0\r\n\r\n",
		"trailer that is no field":   ok + "Transfer-Encoding: chunked\r\n\r\n0\r\nx\r\n\r\n",
		"33 interim responses":       strings.Repeat("HTTP/1.1 103 Early\r\n\r\n", 33) + ok + "Content-Length: 0\r\n\r\n",
		"upgrade nobody asked for":   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
		"more than 2000 fields":      ok + strings.Repeat("A: b\r\n", 2001) + "\r\n",
		"interim heads of 300 KiB":   strings.Repeat("HTTP/1.1 103 Early\r\nA: "+strings.Repeat("x", 10<<10)+"\r\n\r\n", 30),
		"text before the status":     "x" + ok + "Content-Length: 0\r\n\r\n",
		"an empty line first":        "\r\n" + ok + "Content-Length: 0\r\n\r\n",
		"a version that is too long": "HTTP/1.10 200 OK\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			bubbleScript(t, func(n int, c net.Conn, r *bufio.Reader) {
				io.WriteString(c, text)
				silent(n, c, r)
			}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
				c := inMemory(new(httpx.Client), n)
				begin := time.Now()
				r, err := c.Get(ctx, "http://origin").Await(ctx)
				if err == nil {
					t.Errorf("got %v", r)
				}
				if errors.Is(err, aio.ErrConn) || time.Since(begin) != 0 {
					t.Errorf("after %v: %v", time.Since(begin), err)
				}
				synctest.Wait()
				if n := outgoing(ctx); n != 0 {
					t.Errorf("%d connections are left", n)
				}
				return nil
			})
		})
	}
}

// TestFairWaiting checks that requests beyond MaxConnsPerHost get connections
// in the order in which they were made, and that one that is cancelled is
// skipped.
func TestFairWaiting(t *testing.T) {
	var mu sync.Mutex
	var order []string
	bubble(t, func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		order = append(order, r.URL.Path)
		mu.Unlock()
		time.Sleep(time.Second)
	}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
		c := inMemory(&httpx.Client{MaxConnsPerHost: 2}, n)
		var all []*aio.Future[*httpx.Response]
		var want []string
		for i := range 9 {
			path := fmt.Sprintf("/%d", i)
			all = append(all, c.Get(ctx, "http://origin"+path))
			synctest.Wait()
			if i != 4 {
				want = append(want, path)
			}
		}
		all[4].Cancel(nil)
		for i, f := range all {
			if _, err := f.Await(ctx); (err != nil) != (i == 4) {
				t.Errorf("request %d: %v", i, err)
			}
		}
		for i := 0; i+1 < len(order); i += 2 { // two begin at a time
			slices.Sort(order[i : i+2])
		}
		if !slices.Equal(order, want) || outgoing(ctx) != 2 {
			t.Errorf("in the order %v, on %d connections", order, outgoing(ctx))
		}
		return nil
	})
}

// TestFirstConnection checks that a request takes the first available
// connection, a free one or the one dialed for it, and that the latter is then
// kept for others.
func TestFirstConnection(t *testing.T) {
	bubble(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Second)
		echoes(w, r)
	}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
		c := inMemory(new(httpx.Client), n)
		if _, err := c.Get(ctx, "http://origin/").Await(ctx); err != nil {
			return err
		}
		time.Sleep(2 * time.Minute) // which is longer than a connection is kept
		dial, dials := c.Dialer.DialContext, 0
		c.Dialer.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials++; dials == 2 {
				time.Sleep(10 * time.Second)
			}
			return dial(ctx, network, addr)
		}
		begin := time.Now()
		first := c.Get(ctx, "http://origin/1")
		synctest.Wait()
		second := c.Get(ctx, "http://origin/2")
		for _, f := range []*aio.Future[*httpx.Response]{first, second} {
			if _, err := f.Await(ctx); err != nil {
				t.Errorf("f.Await: %v", err)
			}
		}
		if d := time.Since(begin); d != 2*time.Second {
			t.Errorf("it took %v", d)
		}
		time.Sleep(10 * time.Second)
		if n := outgoing(ctx); n != 2 {
			t.Errorf("%d connections", n)
		}
		return nil
	})
}

// TestUselessServer checks that a server that closes each connection at once is
// not dialed forever.
func TestUselessServer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("net.Listen: %v", err)
	}
	var conns atomic.Int32
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			conns.Add(1)
			c.Close()
		}
	}()
	aiotest.Run(t, func(ctx context.Context) error {
		_, err := new(httpx.Client).Get(ctx, "http://"+ln.Addr().String()).Await(ctx)
		if err == nil {
			t.Error("got an answer")
		}
		return nil
	})
	ln.Close()
	<-served
	if n := conns.Load(); n > 2 {
		t.Errorf("%d connections", n)
	}
}

// TestIdleConnections checks that an idle connection has no goroutine, and is
// closed without one when the server closes it.
func TestIdleConnections(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("connections have a goroutine here")
	}
	const n = 50
	var all sync.WaitGroup
	all.Add(n)
	url := origin(t, func(http.ResponseWriter, *http.Request) {
		all.Done()
		all.Wait() // so that each has a connection
	})
	aiotest.Run(t, func(ctx context.Context) error {
		c := &httpx.Client{MaxIdlePerHost: n}
		var fs []*aio.Future[*httpx.Response]
		for range n {
			fs = append(fs, c.Get(ctx, url))
		}
		if _, err := aio.All(ctx, fs...).Await(ctx); err != nil {
			return err
		}
		if k := outgoing(ctx); k != n {
			t.Errorf("%d connections", k)
		}
		stacks := make([]byte, 1<<20)
		// those that have dialed end when the requests have
		aiotest.Eventually(t, func() bool {
			all := string(stacks[:runtime.Stack(stacks, true)])
			return !strings.Contains(all, "parkServe") && !strings.Contains(all, "httpx.(")
		})
		return nil
	})
}

// TestTrace checks that each hook of an httptrace.ClientTrace is called, in
// order.
func TestTrace(t *testing.T) {
	url := script(t, func(_ int, c net.Conn, r *bufio.Reader) {
		for {
			io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
		}
	})
	var mu sync.Mutex
	var told []string
	tell := func(format string, args ...any) {
		mu.Lock()
		told = append(told, fmt.Sprintf(format, args...))
		mu.Unlock()
	}
	trace := &httptrace.ClientTrace{
		GetConn:      func(string) { tell("get") },
		ConnectStart: func(string, string) { tell("connect") },
		ConnectDone:  func(_, _ string, err error) { tell("connected %v", err) },
		GotConn: func(i httptrace.GotConnInfo) {
			tell("got, reused %v, idle %v", i.Reused, i.WasIdle)
			if i.Conn == nil || i.Conn.RemoteAddr() == nil {
				tell("no connection")
			}
		},
		WroteHeaderField: func(name string, _ []string) {
			if name == "Host" {
				tell("host")
			}
		},
		WroteHeaders:         func() { tell("headers") },
		WroteRequest:         func(i httptrace.WroteRequestInfo) { tell("wrote %v", i.Err) },
		GotFirstResponseByte: func() { tell("first byte") },
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			tell("%d %v", code, h["Link"])
			return nil
		},
		PutIdleConn: func(err error) { tell("put %v", err) },
	}
	aiotest.Run(t, func(ctx context.Context) error {
		c := new(httpx.Client)
		for _, where := range []string{"request", "ctx", "stream"} {
			traced := ctx
			req := request(t, "GET", url, nil)
			if where == "request" {
				req = req.WithContext(httptrace.WithClientTrace(req.Context(), trace))
			} else {
				traced = httptrace.WithClientTrace(ctx, trace)
			}
			if where == "stream" {
				s, err := c.Stream(traced, req).Await(ctx)
				if err != nil {
					return err
				}
				readsAs(t, s, "hi")
			} else {
				r, err := c.Do(traced, req).Await(ctx)
				wantBody(t, r, err, 200, "hi")
			}
			want := []string{"get", "got, reused true, idle true", "host", "headers", "wrote <nil>", "first byte", "103 [x]", "put <nil>"}
			if where == "request" {
				want = slices.Concat([]string{"get", "connect", "connected <nil>", "got, reused false, idle false"}, want[2:])
			}
			mu.Lock()
			if !slices.Equal(told, want) {
				t.Errorf("%s: told %q, not %q", where, told, want)
			}
			told = nil
			mu.Unlock()
		}
		return nil
	})
}
