package httpx_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// An observer may use the client and the server that have begun an operation.
func TestObserverUsesClient(t *testing.T) {
	var client httpx.Client
	var server httpx.Server
	var mu sync.Mutex
	kinds := map[string]int{}
	names := map[string]bool{}
	l := &aio.Loop{Observe: aio.Observer{
		Began: func(op aio.OpInfo) {
			client.CloseIdleConnections()
			server.Addr()
			mu.Lock()
			defer mu.Unlock()
			kinds[op.Kind.String()]++
			names[op.Name] = true
		},
		Ended: func(aio.OpInfo, error, time.Duration) { client.CloseIdleConnections() },
	}}
	aiotest.RunLoop(t, l, func(ctx context.Context) error {
		server.Handle = func(r *httpx.Request) { r.RespondString(200, "hello") }
		if err := server.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		defer server.Close()
		r, err := client.Get(ctx, "http://"+server.Addr().String()+"/").Await(ctx)
		if err == nil && string(r.Body) != "hello" {
			t.Errorf("the body is %q", r.Body)
		}
		return err
	})
	if kinds["http.pool"] != 1 || kinds["http.request.in"] != 1 || kinds["http.request.out"] != 1 {
		t.Errorf("operations that began: %v", kinds)
	}
	if names["http server <nil>"] {
		t.Error("the server's operation is named after an address that it does not have yet")
	}
}
