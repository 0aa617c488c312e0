package httpx_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
	"goaio.example/aio/tcp"
	"goaio.example/aio/timer"
)

// fetch is a client that asks one thing and prints the answer.
func fetch(s *httpx.Server, request string) {
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	io.WriteString(c, request)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(strings.TrimSpace(fmt.Sprint(resp.StatusCode, " ", string(body))))
}

// http-server and http-response of cl-async.
func ExampleServe() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		s, err := httpx.Serve(ctx, "127.0.0.1:0", func(r *httpx.Request) {
			r.Respond(200, http.Header{"Content-Type": {"application/json"}}, []byte(`{"name":"larry"}`))
		})
		if err != nil {
			return err
		}
		fetch(s, "GET / HTTP/1.1\r\nHost: example\r\n\r\n")
		return s.Shutdown(ctx)
	})
	// Output: 200 {"name":"larry"}
}

// Routers and middleware of the ecosystem are http.Handlers.
func ExampleServeHandler() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello %s", r.PathValue("name"))
	})
	aio.Run(context.Background(), func(ctx context.Context) error {
		s, err := httpx.ServeHandler(ctx, "127.0.0.1:0", mux)
		if err != nil {
			return err
		}
		fetch(s, "GET /hello/larry HTTP/1.1\r\nHost: example\r\n\r\n")
		return s.Shutdown(ctx)
	})
	// Output: 200 hello larry
}

// The accessors of http-request of cl-async, and its pretty print.
func ExampleRequest() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		s, err := httpx.Serve(ctx, "127.0.0.1:0", func(r *httpx.Request) {
			fmt.Println(r.Method())
			fmt.Println(r.URI())
			fmt.Println(r.Resource())
			fmt.Println(r.QueryString())
			fmt.Println(r.Header().Get("Accept"))
			fmt.Println(string(r.Body()))
			fmt.Println(r.Std().Proto)
			fmt.Println(r)
			r.RespondString(200, "hai")
		})
		if err != nil {
			return err
		}
		fetch(s, "POST /documents/45?format=json HTTP/1.1\r\nHost: musio.com\r\n"+
			"Accept: text/html\r\nAuthorization: secret\r\nContent-Length: 3\r\n\r\nabc")
		return s.Shutdown(ctx)
	})
	// Output:
	// POST
	// POST /documents/45?format=json
	// /documents/45
	// format=json
	// text/html
	// abc
	// HTTP/1.1
	// #<http-request POST /documents/45?format=
	//   Host: musio.com
	//   Accept: text/html
	//   Authorization: [redacted]
	//   Content-Length: 3
	//   body: 3 bytes>
	// 200 hai
}

// A response may be given long after the function that got the request has
// returned.
func ExampleRequest_Respond() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		s, err := httpx.Serve(ctx, "127.0.0.1:0", func(r *httpx.Request) {
			timer.Delay(r.Context(), 10*time.Millisecond, func(ctx context.Context) error {
				n, err := r.RespondString(200, "later").Await(ctx)
				fmt.Println("sent", n, err)
				return nil
			})
		})
		if err != nil {
			return err
		}
		fetch(s, "GET / HTTP/1.1\r\nHost: example\r\n\r\n")
		return s.Shutdown(ctx)
	})
	// Unordered output:
	// sent 5 <nil>
	// 200 later
}

func ExampleRequest_Start() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		s, err := httpx.Serve(ctx, "127.0.0.1:0", func(r *httpx.Request) {
			w, err := r.Start(200, nil)
			if err != nil {
				return // the client is gone
			}
			defer w.Close()
			for i := range 3 {
				fmt.Fprintf(w, "part %d, ", i)
				w.Flush()
			}
		})
		if err != nil {
			return err
		}
		fetch(s, "GET / HTTP/1.1\r\nHost: example\r\n\r\n")
		return s.Shutdown(ctx)
	})
	// Output: 200 part 0, part 1, part 2,
}

func ExampleRequest_SSE() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		s, err := httpx.Serve(ctx, "127.0.0.1:0", func(r *httpx.Request) {
			events, err := r.SSE(nil, 0)
			if err != nil {
				return // the client is gone
			}
			defer events.Close()
			events.Send(httpx.ServerEvent{ID: "1", Data: "two\nlines"})
		})
		if err != nil {
			return err
		}
		fetch(s, "GET / HTTP/1.1\r\nHost: example\r\n\r\n")
		return s.Shutdown(ctx)
	})
	// Output:
	// 200 id: 1
	// data: two
	// data: lines
}

// Server-sent events in an http.Handler, behind any router and middleware.
func ExampleSSE() {
	news := make(chan string, 2)
	news <- "sunny"
	news <- "rain"
	close(news)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /events/{topic}", func(w http.ResponseWriter, r *http.Request) {
		events, err := httpx.SSE(w, r, 0)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer events.Close()
		for {
			select {
			case text, more := <-news:
				if !more {
					return
				}
				events.Send(httpx.ServerEvent{Type: r.PathValue("topic"), Data: text})
			case <-events.Gone(): // the client has left
				return
			case <-events.Draining(): // the server ends
				return
			}
		}
	})
	aio.Run(context.Background(), func(ctx context.Context) error {
		s, err := httpx.ServeHandler(ctx, "127.0.0.1:0", mux)
		if err != nil {
			return err
		}
		fetch(s, "GET /events/weather HTTP/1.1\r\nHost: example\r\n\r\n")
		return s.Shutdown(ctx)
	})
	// Output:
	// 200 event: weather
	// data: sunny
	//
	// event: weather
	// data: rain
}

func ExampleRequest_Upgrade() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		s, err := httpx.Serve(ctx, "127.0.0.1:0", func(r *httpx.Request) {
			c, err := r.Upgrade(nil)
			if err != nil {
				return
			}
			c.SetHandler(tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
				fmt.Printf("%s\n", data)
				c.CloseAfterFlush()
			}})
		})
		if err != nil {
			return err
		}
		fetch(s, "GET / HTTP/1.1\r\nHost: example\r\nConnection: Upgrade\r\nUpgrade: mine\r\n\r\nno HTTP any more")
		return s.Shutdown(ctx)
	})
	// Unordered output:
	// 101
	// no HTTP any more
}

func ExampleServer_done() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hai") })
	ended := make(chan httpx.RequestStats, 2)
	aio.Run(context.Background(), func(ctx context.Context) error {
		s := &httpx.Server{Handler: mux, Done: func(r httpx.RequestStats) { ended <- r }}
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		fetch(s, "GET /users/1 HTTP/1.1\r\nHost: example\r\n\r\n")
		fetch(s, "GET /users/1 HTTP/1.1\r\nHost : example\r\n\r\n")
		return s.Shutdown(ctx)
	})
	for range 2 {
		r := <-ended
		fmt.Printf("%q: %d, %d bytes, %v\n", r.Route, r.Status, r.BytesOut, r.Outcome)
	}
	// Output:
	// 200 hai
	// 400 400 Bad Request
	// "GET /users/{id}": 200, 3 bytes, answered
	// "": 400, 15 bytes, refused
}

func ExampleServer() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		s := &httpx.Server{
			Handle:      func(r *httpx.Request) { r.RespondString(200, "hai") },
			MaxInFlight: 1000,
			ReadyPath:   "/readyz",
			AccessLog:   slog.New(slog.DiscardHandler),
		}
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		fetch(s, "GET /readyz HTTP/1.1\r\nHost: example\r\n\r\n")
		return s.Shutdown(ctx)
	})
	// Output: 200 ready
}
