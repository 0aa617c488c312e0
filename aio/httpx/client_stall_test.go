package httpx_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
	"goaio.example/aio/internal/alarm"
)

// pendingAlarms returns how many alarms are pending on ctx's loop.
func pendingAlarms(ctx context.Context) int { return ctx.Value(alarm.Key).(*alarm.Heap).Len() }

// TestStreamStalls checks that Timeouts.Body bounds each Read of a stream on
// its own: it fails after that time from its beginning, however long the reader
// was away before and wherever the earlier Reads were, and time away does not
// count.
func TestStreamStalls(t *testing.T) {
	const limit = 30 * time.Second
	var send chan string
	handler := func(w http.ResponseWriter, r *http.Request) {
		for {
			http.NewResponseController(w).Flush()
			select {
			case part := <-send:
				io.WriteString(w, part)
			case <-r.Context().Done():
				return
			}
		}
	}
	for _, away := range []time.Duration{0, 1, 10 * time.Second, limit - 1, limit, limit + 1, 45 * time.Second, time.Hour} {
		for _, reads := range []int{0, 1, 3} {
			bubble(t, handler, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
				send = make(chan string, 1)
				c := inMemory(&httpx.Client{Timeouts: httpx.Timeouts{Body: limit}}, n)
				s, err := c.Stream(ctx, request(t, "GET", "http://origin", nil)).Await(ctx)
				if err != nil {
					return err
				}
				defer s.Body.Close()
				b := make([]byte, 4)
				for range reads {
					time.AfterFunc(limit-time.Second, func() { send <- "part" })
					if _, err := io.ReadFull(s.Body, b); err != nil {
						t.Errorf("away for %v: read before the time is over: %v", away, err)
					}
					time.Sleep(away)
				}
				time.Sleep(away)
				defer time.AfterFunc(time.Hour, func() { s.Body.Close() }).Stop()
				begin := time.Now()
				_, err = s.Body.Read(b)
				failsWith(t, err, httpx.PhaseBody, aio.ErrTimeout)
				if d := time.Since(begin); d != limit {
					t.Errorf("%d reads, away for %v: Read failed after %v, not %v", reads, away, d, limit)
				}
				return nil
			})
		}
	}
}

// TestNoAlarmLeft checks that a request leaves no alarm on the loop when it is
// over, however it ends.
func TestNoAlarmLeft(t *testing.T) {
	handler := func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/breaks":
			w.Header().Set("Content-Length", "9")
			io.WriteString(w, "part")
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "/stalls":
			io.WriteString(w, "part")
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		case "/busy":
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, "busy")
		default:
			io.WriteString(w, "whole")
		}
	}
	retry := httpx.Retry{Attempts: 3, Backoff: exactly}
	for name, client := range map[string]func() *httpx.Client{
		"plain":   func() *httpx.Client { return new(httpx.Client) },
		"retried": func() *httpx.Client { return &httpx.Client{Retry: retry} },
		"cookies": func() *httpx.Client { return &httpx.Client{Retry: retry, Jar: httpx.NewJar()} },
		"hedged":  func() *httpx.Client { return &httpx.Client{Retry: retry, Hedge: httpx.Hedge{Delay: time.Second}} },
		"bounded": func() *httpx.Client {
			return &httpx.Client{Retry: retry, Timeouts: httpx.Timeouts{Total: 10 * time.Second}}
		},
		"no bound": func() *httpx.Client {
			return &httpx.Client{Timeouts: httpx.Timeouts{Body: -1, Total: 10 * time.Second}}
		},
	} {
		for _, path := range []string{"/", "/breaks", "/busy", "/stalls"} {
			t.Run(strings.ReplaceAll(name, " ", "_")+path, func(t *testing.T) {
				bubble(t, handler, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
					c := inMemory(client(), n)
					c.MaxIdlePerHost = -1
					c.Get(ctx, "http://origin"+path).Await(ctx)
					s, err := c.Stream(ctx, request(t, "GET", "http://origin"+path, nil)).Await(ctx)
					if err == nil {
						io.ReadAll(s.Body)
						s.Body.Close()
					}
					time.Sleep(time.Second)
					if n := pendingAlarms(ctx); n != 0 {
						t.Errorf("%d alarms are pending", n)
					}
					return nil
				})
			})
		}
	}
}
