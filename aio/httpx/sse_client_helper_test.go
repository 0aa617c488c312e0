package httpx_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
	"goaio.example/aio/timer"
)

// eventServer is a scripted server of event streams, at http://origin. It keeps
// the requests that it has had.
type eventServer struct {
	fn func(n int, c net.Conn)

	mu   sync.Mutex
	reqs []*http.Request
	at   []time.Duration // when they came, since begin
}

// streamHead begins an event stream.
const streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n"

// has returns the requests, and when they came.
func (s *eventServer) has() ([]*http.Request, []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reqs, s.at
}

// eachWay runs main in a bubble: with events that the connection's callbacks
// parse, and with a goroutine that reads them.
func eachWay(t *testing.T, fn func(n int, c net.Conn), main func(ctx context.Context, t *testing.T, c *httpx.Client, s *eventServer) error) {
	t.Helper()
	for _, jar := range []http.CookieJar{nil, httpx.NewJar()} {
		t.Run(map[bool]string{true: "callbacks", false: "goroutine"}[jar == nil], func(t *testing.T) {
			aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
				var n aiotest.Network
				ln, err := n.Listen("origin:80")
				if err != nil {
					return err
				}
				s := &eventServer{fn: fn}
				begin := time.Now()
				var all sync.WaitGroup
				all.Go(func() {
					for k := 1; ; k++ {
						c, err := ln.Accept()
						if err != nil {
							return
						}
						all.Go(func() {
							defer c.Close()
							req, err := http.ReadRequest(bufio.NewReader(c))
							if err != nil {
								return
							}
							s.mu.Lock()
							s.reqs, s.at = append(s.reqs, req), append(s.at, time.Since(begin))
							s.mu.Unlock()
							fn(k, c)
						})
					}
				})
				c := inMemory(&httpx.Client{Jar: jar}, &n)
				c.Reconnect.Backoff = timer.Backoff{Jitter: -1}
				err = main(ctx, t, c, s)
				ln.Close()
				synctest.Wait()
				if st := aio.LoopOf(ctx).Stats(); st.Kinds["http.events"] > 0 || st.OutgoingConns > 0 {
					t.Errorf("left: %v", st)
				}
				all.Wait()
				return err
			})
		})
	}
}

// rest reads until the client closes the connection.
func rest(c net.Conn) { io.Copy(io.Discard, c) }

// getEvents is a request for events.
func getEvents(t testing.TB) *http.Request {
	return request(t, "GET", "http://origin/events?secret", nil)
}

// wantEvents receives n events, and checks them.
func wantEvents(t testing.TB, r *httpx.EventReader, want ...httpx.ServerEvent) {
	t.Helper()
	for _, w := range want {
		if e, ok := <-r.C(); !ok || e != w {
			t.Errorf("got %q, %v, not %q: %v", e, ok, w, r.Err())
		}
	}
}

// wantEnd checks that there are no more events, and why.
func wantEnd(t testing.TB, r *httpx.EventReader, is error) {
	t.Helper()
	for e := range r.C() {
		t.Errorf("got %q", e)
	}
	synctest.Wait()
	if err := r.Err(); !errors.Is(err, is) || (err == nil) != (is == nil) {
		t.Errorf("it ended with %v, not %v", err, is)
	}
}
