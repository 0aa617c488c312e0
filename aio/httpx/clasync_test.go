package httpx_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// These tests assert what the tests of cl-async's HTTP that they are named
// after assert.

// simple-client-server: two GET requests with a body each; the server has the
// bodies, the clients their replies.
func TestSeedSimpleClientServer(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		bodies := make(chan string, 2)
		s, err := httpx.Serve(ctx, "127.0.0.1:0", func(r *httpx.Request) {
			bodies <- string(r.Body())
			r.RespondString(200, "LOL "+string(r.Body()))
		})
		if err != nil {
			return err
		}
		var client httpx.Client
		var replies []*aio.Future[*httpx.Response]
		for _, body := range []string{"hai", "hai2"} {
			req, err := http.NewRequest("GET", "http://"+s.Addr().String(), strings.NewReader(body))
			if err != nil {
				return err
			}
			replies = append(replies, client.Do(ctx, req))
		}
		for i, want := range []string{"LOL hai", "LOL hai2"} {
			resp, err := replies[i].Await(ctx)
			if err != nil {
				return err
			}
			if resp.Status != 200 || string(resp.Body) != want {
				t.Errorf("got %d %q, want %q", resp.Status, resp.Body, want)
			}
		}
		got := []string{<-bodies, <-bodies}
		if slices.Sort(got); !slices.Equal(got, []string{"hai", "hai2"}) {
			t.Errorf("the server got %q", got)
		}
		return s.Shutdown(ctx)
	})
}

// connect-fail: told as refused, exactly once.
func TestSeedConnectFail(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("net.Listen: %v", err)
	}
	ln.Close() // nobody listens there now
	var rec aiotest.Recorder
	aiotest.RunLoop(t, &aio.Loop{OnEvent: rec.OnEvent}, func(ctx context.Context) error {
		// its future is not looked at
		new(httpx.Client).Get(ctx, "http://"+ln.Addr().String())
		return nil
	})
	events := rec.Events()
	if len(events) != 1 || !errors.Is(events[0].Err, aio.ErrRefused) || !events[0].Lost {
		t.Errorf("events: %v", events)
	}
}

// server-close: closing the server is graceful. A request that waits for its
// answer gets it.
func TestSeedServerClose(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		requests := make(chan *httpx.Request, 1)
		s, err := httpx.Serve(ctx, "127.0.0.1:0", func(r *httpx.Request) { requests <- r })
		if err != nil {
			return err
		}
		url := "http://" + s.Addr().String()
		var client httpx.Client
		early := client.Get(ctx, url)
		r := <-requests
		s.StopAccepting()
		if _, err := new(httpx.Client).Get(ctx, url).Await(ctx); !errors.Is(err, aio.ErrRefused) {
			t.Errorf("a closed server: %v", err)
		}
		shutdown := aio.Go(ctx, "shutdown", func(ctx context.Context) (int, error) { return 0, s.Shutdown(ctx) })
		<-r.Draining()
		r.RespondString(200, "late")
		if resp, err := early.Await(ctx); err != nil || string(resp.Body) != "late" {
			t.Errorf("got %v, %v", resp, err)
		}
		_, err = shutdown.Await(ctx)
		return err
	})
}
