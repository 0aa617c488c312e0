package httpx_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
	"goaio.example/aio/timer"
)

// inH1Dial is inH1 for a client that makes its connections itself, and for a
// server that has events.
func inH1Dial(t *testing.T, s *httpx.Server, client func(t *testing.T, dial func() raw)) {
	synctest.Test(t, func(t *testing.T) {
		var n aiotest.Network
		l := &aio.Loop{CatchPanics: true, OnEvent: func(aio.Event) {}}
		aiotest.RunLoop(t, l, func(ctx context.Context) error {
			ln, err := n.Listen("server:80")
			if err != nil {
				return err
			}
			if err := s.StartOn(ctx, ln); err != nil {
				return err
			}
			defer l.Exit(nil)
			client(t, func() raw {
				c, err := n.Dial("tcp", "server:80")
				if err != nil {
					t.Fatal(err)
				}
				return raw{t, c, bufio.NewReader(c)}
			})
			return nil
		})
	})
}

func getOf(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n" }

func closeWrite(c raw) { c.Conn.(interface{ CloseWrite() error }).CloseWrite() }

// TestSilentHandlerOfClientGone holds that a handler which writes nothing ends
// its request, although the client has left a connection on which that was
// watched for before.
func TestSilentHandlerOfClientGone(t *testing.T) {
	for _, limit := range []time.Duration{0, time.Minute} {
		s := &httpx.Server{RequestTimeout: limit, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/watch" {
				r.Context().Done()
				return
			}
			time.Sleep(time.Second)
		})}
		inH1Dial(t, s, func(t *testing.T, dial func() raw) {
			c := dial()
			c.say(getOf("/watch"))
			c.response("GET")
			c.say(getOf("/silent"))
			synctest.Wait()
			c.Close()
		})
	}
}

// TestCancelledBeforeHandled holds that no function is called for a request of a
// client that is known to be gone, and that such a request does not count for
// MaxInFlight for ever.
func TestCancelledBeforeHandled(t *testing.T) {
	var calls atomic.Int64
	for name, s := range map[string]*httpx.Server{
		"Handle": {Handle: func(r *httpx.Request) {
			if calls.Add(1); r.Resource() == "/gone" {
				<-r.Gone()
			}
			r.RespondString(200, "hai")
		}},
		"Handler": {Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if calls.Add(1); r.URL.Path == "/gone" {
				<-r.Context().Done()
			}
		})},
	} {
		t.Run(name, func(t *testing.T) {
			s.MaxInFlight = 1
			inH1Dial(t, s, func(t *testing.T, dial func() raw) {
				for _, behind := range []string{
					"GET /behind HTTP/1.1\r\nHost: h\r\n\r\n",
					"POST /behind HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi",
				} {
					calls.Store(0)
					c := dial()
					c.say(getOf("/gone") + behind)
					closeWrite(c)
					c.response("GET")
					c.closed()
					if n := calls.Load(); n != 1 {
						t.Errorf("%d calls, want 1", n)
					}
					c.Close()
				}
				c := dial()
				defer c.Close()
				c.say(getOf("/"))
				if resp, _ := c.response("GET"); resp.StatusCode != 200 {
					t.Errorf("then status %d", resp.StatusCode)
				}
			})
		})
	}
}

// TestRequestTimeoutOfStream holds that RequestTimeout ends a stream that began
// in time, and goes on beyond ResponseTimeout.
func TestRequestTimeoutOfStream(t *testing.T) {
	s := &httpx.Server{RequestTimeout: 10 * time.Second, ResponseTimeout: 3 * time.Second, Handle: func(r *httpx.Request) {
		timer.Delay(r.Context(), time.Second, func(ctx context.Context) error {
			w, err := r.Start(200, nil)
			for err == nil {
				_, err = w.Write([]byte("hai"))
				w.Flush()
				timer.Sleep(ctx, time.Second)
			}
			return nil
		})
	}}
	inH1Dial(t, s, func(t *testing.T, dial func() raw) {
		begun := time.Now()
		c := dial()
		defer c.Close()
		c.say(getOf("/"))
		if _, err := io.ReadAll(c.Reader); time.Since(begun) != 10*time.Second {
			t.Errorf("ended after %v, %v", time.Since(begun), err)
		}
	})
}
