package httpx_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
	"goaio.example/aio/timer"
)

// site is a server to ask.
func site() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s%s", r.Method, r.URL.Path, r.Header.Get("Accept"), body)
	}))
}

// The seed's http-client, with method, headers, body and timeout. The Host
// header is set from the URL.
func ExampleClient_Do() {
	server := site()
	defer server.Close()
	client := &httpx.Client{Timeouts: httpx.Timeouts{Total: 5 * time.Second}}
	aio.Run(context.Background(), func(ctx context.Context) error {
		req, err := http.NewRequest("PUT", server.URL+"/document", strings.NewReader(" with a body"))
		if err != nil {
			return err
		}
		req.Header.Set("Accept", "text/html")
		resp, err := client.Do(ctx, req).Await(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("%d: %s\n", resp.Status, resp.Body)
		return nil
	})
	// Output: 200: PUT /document text/html with a body
}

// The Host header is that of the URL, unless it is given.
func ExampleDo() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) }))
	defer server.Close()
	aio.Run(context.Background(), func(ctx context.Context) error {
		for _, host := range []string{"", "www.example"} {
			req, err := http.NewRequest("GET", server.URL, nil)
			if err != nil {
				return err
			}
			if host != "" {
				req.Header.Set("Host", host)
			}
			resp, err := httpx.Do(ctx, req).Await(ctx)
			if err != nil {
				return err
			}
			fmt.Println(string(resp.Body) == req.URL.Host, string(resp.Body) == "www.example")
		}
		return nil
	})
	// Output:
	// true false
	// false true
}

func ExampleGet() {
	server := site()
	defer server.Close()
	aio.Run(context.Background(), func(ctx context.Context) error {
		select {
		case r := <-httpx.Get(ctx, server.URL+"/").C():
			if r.Err != nil {
				return r.Err
			}
			fmt.Println(r.Value.Status, string(r.Value.Body))
		case <-timer.After(ctx, 10*time.Second).C():
			fmt.Println("too late")
		}
		aio.LoopOf(ctx).Exit(nil) // drops the timer
		return nil
	})
	// Output: 200 GET /
}

func ExampleClient_Stream() {
	server := site()
	defer server.Close()
	aio.Run(context.Background(), func(ctx context.Context) error {
		req, err := http.NewRequest("GET", server.URL+"/large", nil)
		if err != nil {
			return err
		}
		s, err := httpx.DefaultClient.Stream(ctx, req).Await(ctx)
		if err != nil {
			return err
		}
		defer s.Body.Close()
		n, err := io.Copy(io.Discard, s.Body)
		fmt.Println(n, err)
		return nil
	})
	// Output: 11 <nil>
}

// Errors are the same conditions as those of package tcp.
func ExampleError() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		client := &httpx.Client{Guard: httpx.GuardPublicOnly}
		_, err := client.Get(ctx, "http://user:password@127.0.0.1:1/?key=secret").Await(ctx)
		fmt.Println(errors.Is(err, httpx.ErrBlocked), errors.Is(err, aio.ErrConn), errors.Is(err, aio.ErrTimeout))
		fmt.Println(err)
		return nil
	})
	// Output:
	// true true false
	// GET "http://xxxxx@127.0.0.1:1/?...": dial: dial tcp 127.0.0.1:1: httpx: the address is not allowed: 127.0.0.1 is in 127.0.0.0/8
}

// A stream of server-sent events comes back by itself, with the ID of the last
// event, until the server has no more.
func ExampleClient_Events() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last, _ := strconv.Atoi(r.Header.Get("Last-Event-ID")) // 0 at first
		if last == 4 {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for id := last + 1; id <= last+2; id++ {
			fmt.Fprintf(w, "id: %d\ndata: number %d\n\n", id, id)
		}
	}))
	defer server.Close()
	aio.Run(context.Background(), func(ctx context.Context) error {
		client := &httpx.Client{Reconnect: httpx.Reconnect{Backoff: timer.Backoff{Initial: time.Millisecond}}}
		req, err := http.NewRequest("GET", server.URL, nil)
		if err != nil {
			return err
		}
		for e, err := range client.Events(ctx, req).All() {
			if err != nil {
				return err
			}
			fmt.Println(e.ID, e.Type, e.Data)
		}
		return nil
	})
	// Output:
	// 1 message number 1
	// 2 message number 2
	// 3 message number 3
	// 4 message number 4
}
