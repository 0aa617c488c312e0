package httpx_test

import (
	"bufio"
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
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
