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
	"net/http/httptrace"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// TestResponsesAsNetHTTP checks that a response says what net/http's Transport
// says that it is. That removes a Connection field, which is left here.
func TestResponsesAsNetHTTP(t *testing.T) {
	for _, x := range []struct{ method, answer string }{
		{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"},
		{"GET", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"},
		{"GET", "HTTP/1.1 200 OK\r\n\r\nhello"},
		{"GET", "HTTP/1.0 200 OK\r\n\r\nhello"},
		{"GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello"},
		{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"},
		{"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n5\r\nhello\r\n0\r\nX-A: 1\r\n\r\n"},
		{"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-A: 1\r\n\r\n"},
		{"GET", "HTTP/1.1 204 No\r\n\r\n"},
		{"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"},
		{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
		{"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{"HEAD", "HTTP/1.1 200 OK\r\n\r\n"},
	} {
		t.Run(x.method+fmt.Sprintf(" %q", x.answer), func(t *testing.T) {
			bubbleScript(t, func(_ int, c net.Conn, _ *bufio.Reader) { io.WriteString(c, x.answer) },
				func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
					std := &http.Transport{DialContext: n.DialContext}
					defer std.CloseIdleConnections()
					got := described(ctx, t, inMemory(new(httpx.Client), n), x.method)
					if want := described(ctx, t, std, x.method); got != want {
						t.Errorf("got  %s\nwant %s", got, want)
					}
					return nil
				})
		})
	}
}

// described makes a request and describes the response.
func described(ctx context.Context, t *testing.T, rt http.RoundTripper, method string) string {
	req := request(t, method, "http://origin", nil).WithContext(ctx)
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return fmt.Sprintf("%q %d %s, length %d, encoding %q, close %v, trailer %q, header %q, of its request: %v, body %q, %v",
		resp.Status, resp.StatusCode, resp.Proto, resp.ContentLength, resp.TransferEncoding, resp.Close, resp.Trailer,
		resp.Header, resp.Request == req, body, err)
}

// TestTrailerIsTheReaders checks that a response's trailer is set by the Read
// that returns the end, and not when it arrives: the reader may look at it
// before.
func TestTrailerIsTheReaders(t *testing.T) {
	bubbleScript(t, func(n int, c net.Conn, r *bufio.Reader) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n1\r\na\r\n0\r\nX-A: 1\r\nX-B: 2\r\n\r\n")
		silent(n, c, r)
	}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
		c := inMemory(new(httpx.Client), n)
		resp, err := c.RoundTrip(request(t, "GET", "http://origin", nil).WithContext(ctx))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		synctest.Wait() // everything has arrived
		if got := fmt.Sprint(resp.Trailer); got != "map[X-A:[]]" {
			t.Errorf("before the end the trailer is %s", got)
		}
		if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "a" {
			t.Errorf("got %q, %v", b, err)
		}
		if got := fmt.Sprint(resp.Trailer); got != "map[X-A:[1] X-B:[2]]" {
			t.Errorf("at the end the trailer is %s", got)
		}
		return nil
	})
}

// TestGzipClosed checks that a body that is closed is not read from, also where
// some of it is unpacked.
func TestGzipClosed(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.WriteString(z, "hello")
	z.Close()
	bubble(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(packed.Bytes())
	}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
		s, err := inMemory(new(httpx.Client), n).Stream(ctx, request(t, "GET", "http://origin", nil)).Await(ctx)
		if err != nil {
			return err
		}
		b := make([]byte, 2)
		if _, err := io.ReadFull(s.Body, b); err != nil || string(b) != "he" {
			t.Errorf("got %q, %v", b, err)
		}
		s.Body.Close()
		if n, err := s.Body.Read(b); n != 0 || err == nil || errors.Is(err, io.EOF) {
			t.Errorf("behind Close: %d bytes, %v", n, err)
		}
		return nil
	})
}

// TestBadTrailer checks that a request's trailer cannot say how long the body
// is.
func TestBadTrailer(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		var n aiotest.Network
		for _, name := range []string{"Content-Length", "transfer-encoding", "Trailer"} {
			req := request(t, "POST", "http://origin", opaque{bytes.NewReader([]byte("hi"))})
			req.Trailer = http.Header{name: {"5"}}
			_, err := inMemory(new(httpx.Client), &n).Do(ctx, req).Await(ctx)
			failsWith(t, err, httpx.PhaseRequest, err)
		}
		return nil
	})
}

// TestOneGetConn checks that a trace's GetConn is called once, over HTTP/2 too.
func TestOneGetConn(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		var n aiotest.Network
		ln, err := n.Listen("origin:80")
		if err != nil {
			return err
		}
		s := &http.Server{Handler: http.HandlerFunc(echoes), Protocols: new(http.Protocols)}
		s.Protocols.SetUnencryptedHTTP2(true)
		s.Protocols.SetHTTP1(true)
		go s.Serve(ln)
		defer s.Close()
		for _, h2 := range []bool{false, true} {
			c := inMemory(&httpx.Client{H2C: h2}, &n)
			for range 2 {
				told := ""
				traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
					GetConn: func(addr string) { told += "get " + addr + " " },
					GotConn: func(httptrace.GotConnInfo) { told += "got" },
				})
				r, err := c.Get(traced, "http://origin").Await(ctx)
				if wantBody(t, r, err, 200, "/\n"); told != "get origin:80 got" {
					t.Errorf("HTTP/2 %v: the trace was told %q", h2, told)
				}
			}
			c.CloseIdleConnections()
			time.Sleep(time.Second)
		}
		return nil
	})
}
