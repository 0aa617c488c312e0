package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
	"goaio.example/aio/tcp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs the program until the test, or the function that it returns, ends
// it. That returns what it printed last.
func start(t *testing.T) (url string, stop func() string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"-addr", "127.0.0.1:0"}, w)
		w.Close()
		done <- err
	}()
	out := bufio.NewReader(r)
	line, err := out.ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		t.Fatalf("the program printed %q, %v", line, err)
	}
	return "ws://" + addr, func() string {
		cancel()
		rest, _ := io.ReadAll(out)
		if err := <-done; err != nil {
			t.Errorf("result of done: %v", err)
		}
		return string(rest)
	}
}

// clients are the http.Clients that the tests dial with: one on connections of
// the loop, with net/http's Transport, and one whose Transport is an
// httpx.Client.
var clients = map[string]*http.Client{
	"net/http": {Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			c, err := tcp.Dial(ctx, addr).Await(ctx)
			if err != nil {
				return nil, err
			}
			return c, nil
		},
	}},
	"httpx": {Transport: new(httpx.Client)},
	// The library cancels the request's context when Dial returns.
	"httpx with a timeout": {Transport: new(httpx.Client), Timeout: 10 * time.Second},
}

// dial connects to the program, over a connection of ctx's loop.
func dial(ctx context.Context, url string, web *http.Client) (*websocket.Conn, error) {
	conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: web})
	return conn, err
}

// talk has n messages sent back.
func talk(ctx context.Context, conn *websocket.Conn, n int) error {
	for i := range n {
		sent := strings.Repeat(fmt.Sprint("message ", i, "."), 1+i*1000)
		if err := conn.Write(ctx, websocket.MessageText, []byte(sent)); err != nil {
			return err
		}
		kind, got, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		if kind != websocket.MessageText || string(got) != sent {
			return fmt.Errorf("message %d: got %v of %d bytes, want %d", i, kind, len(got), len(sent))
		}
	}
	return nil
}

func TestEcho(t *testing.T) {
	for name, web := range clients {
		t.Run(name, func(t *testing.T) { testEcho(t, web) })
	}
}

func testEcho(t *testing.T, web *http.Client) {
	url, stop := start(t)
	err := aio.Run(t.Context(), func(ctx context.Context) error {
		var talks []aio.Awaitable
		for range 4 {
			talks = append(talks, aio.Go(ctx, "client", func(ctx context.Context) (int, error) {
				conn, err := dial(ctx, url, web)
				if err != nil {
					return 0, err
				}
				defer conn.CloseNow()
				if err := talk(ctx, conn, 3); err != nil {
					return 0, err
				}
				return 0, conn.Close(websocket.StatusNormalClosure, "")
			}))
		}
		return aio.Wait(ctx, talks...)
	})
	if err != nil {
		t.Errorf("aio.Run: %v", err)
	}
	if out := stop(); out != "ended with 0 operations left\n" {
		t.Errorf("the program printed %q", out)
	}
}

// Clients are told that the server goes away, with nothing else said, and the
// program ends when they know.
func TestGoingAway(t *testing.T) {
	for name, web := range clients {
		t.Run(name, func(t *testing.T) { testGoingAway(t, web) })
	}
}

func testGoingAway(t *testing.T, web *http.Client) {
	url, stop := start(t)
	var printed string
	err := aio.Run(t.Context(), func(ctx context.Context) error {
		conn, err := dial(ctx, url, web)
		if err != nil {
			return err
		}
		defer conn.CloseNow()
		if err := talk(ctx, conn, 1); err != nil {
			return err
		}
		ended := aio.Go(ctx, "stop", func(context.Context) (string, error) { return stop(), nil })
		_, _, err = conn.Read(ctx)
		var told websocket.CloseError
		if !errors.As(err, &told) || told.Code != websocket.StatusGoingAway || told.Reason != "the server ends" {
			t.Errorf("the client was told %v", err)
		}
		printed, err = ended.Await(ctx)
		return err
	})
	if err != nil {
		t.Errorf("aio.Run: %v", err)
	}
	if printed != "ended with 0 operations left\n" {
		t.Errorf("the program printed %q", printed)
	}
}
