package httpx_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// TestEventsIdle checks that a stream that nothing comes on has no goroutine,
// on Linux, and that events still come on it.
func TestEventsIdle(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("connections have a goroutine each on", runtime.GOOS)
	}
	const streams = 200
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("net.Listen: %v", err)
	}
	defer ln.Close()
	conns := make(chan net.Conn, streams)
	go func() { // a server with one goroutine
		for range streams {
			c, err := ln.Accept()
			if err != nil {
				t.Errorf("ln.Accept: %v", err)
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
				t.Errorf("http.ReadRequest: %v", err)
			}
			io.WriteString(c, streamHead+"data: a\n\n")
			conns <- c
		}
	}()
	aiotest.Run(t, func(ctx context.Context) error {
		before := runtime.NumGoroutine()
		var got atomic.Int32
		var all []*aio.Future[struct{}]
		c := new(httpx.Client)
		for range streams {
			req := request(t, "GET", "http://"+ln.Addr().String(), nil)
			all = append(all, c.EventsFunc(ctx, req, func(httpx.ServerEvent) { got.Add(1) }))
		}
		aiotest.Eventually(t, func() bool { return got.Load() == streams })
		aiotest.Eventually(t, func() bool { return runtime.NumGoroutine() < before+streams/10 })
		for range streams {
			c := <-conns
			defer c.Close()
			io.WriteString(c, "data: b\n\n")
		}
		aiotest.Eventually(t, func() bool { return got.Load() == 2*streams })
		for _, f := range all {
			f.Cancel(nil)
			f.Await(ctx)
		}
		return nil
	})
}
