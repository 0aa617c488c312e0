package httpx_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
	"goaio.example/aio/tcp"
)

// resets sends text, and resets the connection.
func resets(text string) func(int, net.Conn, *bufio.Reader) {
	return func(_ int, c net.Conn, _ *bufio.Reader) {
		io.WriteString(c, text)
		c.(*net.TCPConn).SetLinger(0)
	}
}

// TestFaultyServers checks that each way in which a server fails has its phase
// and its condition.
func TestFaultyServers(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, x := range map[string]struct {
		script func(int, net.Conn, *bufio.Reader)
		phase  httpx.Phase
		is     error
	}{
		"eof in header":         {says(""), httpx.PhaseHeader, aio.ErrEOF},
		"eof within header":     {says("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"), httpx.PhaseHeader, aio.ErrConn},
		"reset in header":       {resets(""), httpx.PhaseHeader, aio.ErrReset},
		"no HTTP":               {says("SSH-2.0-x\r\n"), httpx.PhaseHeader, nil},
		"two lengths":           {says(ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"), httpx.PhaseHeader, nil},
		"no length":             {says(ok + "Content-Length: x\r\n\r\nxx"), httpx.PhaseHeader, nil},
		"header too large":      {says(ok + strings.Repeat("X: "+strings.Repeat("x", 1000)+"\r\n", 300) + "\r\n"), httpx.PhaseHeader, nil},
		"body too short":        {says(ok + "Content-Length: 10\r\n\r\nshort"), httpx.PhaseBody, aio.ErrConn},
		"chunk too short":       {says(ok + "Transfer-Encoding: chunked\r\n\r\n10\r\nshort"), httpx.PhaseBody, aio.ErrConn},
		"no chunk":              {says(ok + "Transfer-Encoding: chunked\r\n\r\nno\r\nshort"), httpx.PhaseBody, nil},
		"reset in body":         {resets(ok + "Content-Length: 10\r\n\r\nshort"), httpx.PhaseBody, aio.ErrConn},
		"gzip that is none":     {says(ok + "Content-Encoding: gzip\r\nContent-Length: 10\r\n\r\nnot gzip.."), httpx.PhaseBody, nil},
		"announced too large":   {says(ok + "Content-Length: 99999999999\r\n\r\n"), httpx.PhaseBody, httpx.ErrBodyTooLarge},
		"endless informational": {says(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 10_000)), httpx.PhaseHeader, nil},
		"an authority that is none": {
			says("HTTP/1.1 302 Found\r\nLocation: http://%zz/\r\nContent-Length: 0\r\n\r\n"), httpx.PhaseHeader, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := script(t, x.script)
			aiotest.Run(t, func(ctx context.Context) error {
				_, err := new(httpx.Client).Get(ctx, url+"/x").Await(ctx)
				if x.is == nil {
					x.is = err
					if errors.Is(err, aio.ErrConn) {
						t.Errorf("got %v, which is a connection's error", err)
					}
				}
				failsWith(t, err, x.phase, x.is)
				var e *httpx.Error
				if errors.As(err, &e) && (e.Method != "GET" || e.URL != url+"/x") {
					t.Errorf("got %v", err)
				}
				return nil
			})
		})
	}
}

// TestDialErrors checks that connecting fails with the conditions of package
// tcp.
func TestDialErrors(t *testing.T) {
	dns := aiotest.StartDNS(t, "")
	refuses, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("net.Listen: %v", err)
	}
	refuses.Close()
	plain := origin(t, echoes)
	aiotest.Run(t, func(ctx context.Context) error {
		_, err := new(httpx.Client).Get(ctx, "http://"+refuses.Addr().String()).Await(ctx)
		failsWith(t, err, httpx.PhaseDial, aio.ErrRefused)
		c := &httpx.Client{Dialer: &tcp.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: dns.Dial}}}
		_, err = c.Get(ctx, "http://nowhere.example").Await(ctx)
		failsWith(t, err, httpx.PhaseDial, aio.ErrDNS)
		// names of hosts, and not of networks
		for _, host := range []string{"unix", "tcp4", "tcp6"} {
			_, err := c.Get(ctx, "http://"+host+":80/").Await(ctx)
			failsWith(t, err, httpx.PhaseDial, aio.ErrDNS)
		}
		var de *net.DNSError
		if !errors.As(err, &de) {
			t.Errorf("got %v, which has no *net.DNSError", err)
		}
		_, err = new(httpx.Client).Get(ctx, "https"+strings.TrimPrefix(plain, "http")).Await(ctx)
		failsWith(t, err, httpx.PhaseTLS, err)
		return nil
	})
}

// TestEndlessBodies checks that a body without an end, or one that grows when
// it is unpacked, fails in little memory.
func TestEndlessBodies(t *testing.T) {
	endless := strings.Repeat("x", 1<<16)
	// 1 MiB; packing as it is sent would go on for long after the client has
	// left
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	for range 1 << 4 {
		io.WriteString(z, endless)
	}
	z.Close()
	for name, h := range map[string]http.HandlerFunc{
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := io.WriteString(w, endless); err != nil {
					return
				}
			}
		},
		"gzip bomb": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			for range 1 << 10 { // 1 GiB
				if _, err := w.Write(packed.Bytes()); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := origin(t, h)
			aiotest.Run(t, func(ctx context.Context) error {
				c := &httpx.Client{MaxBody: 1 << 20}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				_, err := c.Get(ctx, url).Await(ctx)
				runtime.ReadMemStats(&after)
				failsWith(t, err, httpx.PhaseBody, httpx.ErrBodyTooLarge)
				if d := after.TotalAlloc - before.TotalAlloc; d > 32<<20 {
					t.Errorf("%d bytes allocated for a body of 1 MiB", d)
				}
				return nil
			})
		})
	}
}

// TestMaxBody checks where the bound is, that it can be taken away, and that a
// HEAD's length is not one of a body.
func TestMaxBody(t *testing.T) {
	const size = 11 << 20
	url := origin(t, func(w http.ResponseWriter, r *http.Request) {
		var n int
		fmt.Sscan(r.URL.Path[1:], &n)
		if r.URL.RawQuery == "" {
			w.Header().Set("Content-Length", fmt.Sprint(n))
		}
		w.Write(make([]byte, n))
	})
	aiotest.Run(t, func(ctx context.Context) error {
		for _, x := range []struct {
			max, size int64
			ok        bool
		}{{0, size, false}, {-1, size, true}, {0, 10 << 20, true}, {10, 10, true}, {10, 11, false}} {
			for _, how := range []string{"", "?chunked"} {
				c := &httpx.Client{MaxBody: x.max}
				r, err := c.Get(ctx, fmt.Sprint(url, "/", x.size, how)).Await(ctx)
				switch {
				case x.ok && (err != nil || int64(len(r.Body)) != x.size):
					t.Errorf("%d bytes of %d%s: %v", x.size, x.max, how, err)
				case !x.ok:
					failsWith(t, err, httpx.PhaseBody, httpx.ErrBodyTooLarge)
				}
			}
		}
		r, err := httpx.Head(ctx, fmt.Sprint(url, "/", size)).Await(ctx)
		wantBody(t, r, err, 200, "")
		return nil
	})
}

// TestGzip checks that a packed body is unpacked, and is not when the caller
// asked for it.
func TestGzip(t *testing.T) {
	url := origin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		io.WriteString(z, r.Header.Get("Accept-Encoding"))
	})
	aiotest.Run(t, func(ctx context.Context) error {
		r, err := httpx.Get(ctx, url).Await(ctx)
		wantBody(t, r, err, 200, "gzip")
		req := request(t, "GET", url, nil)
		req.Header.Set("Accept-Encoding", "gzip")
		r, err = httpx.Do(ctx, req).Await(ctx)
		if err != nil || r.Header.Get("Content-Encoding") != "gzip" || !strings.HasPrefix(string(r.Body), "\x1f\x8b") {
			t.Errorf("got %v, %v", r, err)
		}
		return nil
	})
}
