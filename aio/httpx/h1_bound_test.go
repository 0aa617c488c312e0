package httpx_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio/httpx"
)

// TestPipelinedAnswersBounded holds that a client which sends many requests at
// once and reads no response makes the server hold little more than the mark of
// a connection's queue, and that every request is answered once the client
// reads.
func TestPipelinedAnswersBounded(t *testing.T) {
	const requests, size = 500, 100 << 10
	body := strings.Repeat("x", size)
	var calls atomic.Int64
	for name, s := range map[string]*httpx.Server{
		"Handle": {Handle: func(r *httpx.Request) {
			calls.Add(1)
			r.RespondString(200, body)
		}},
		"Handle, bytes": {Handle: func(r *httpx.Request) {
			calls.Add(1)
			r.Respond(200, nil, []byte(body))
		}},
		"Handler": {Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			w.Write([]byte(body))
		})},
	} {
		t.Run(name, func(t *testing.T) {
			calls.Store(0)
			inH1Dial(t, s, func(t *testing.T, dial func() raw) {
				c := dial()
				defer c.Close()
				said := make(chan bool)
				go func() {
					defer close(said)
					c.say(strings.Repeat(getOf("/"), requests))
				}()
				synctest.Wait()
				if n := calls.Load(); n*size > 2<<20 {
					t.Errorf("%d requests of %d were handled, whose answers have %d bytes each", n, requests, size)
				}
				for range requests {
					if _, got := c.response("GET"); len(got) != size {
						t.Fatalf("an answer of %d bytes", len(got))
					}
				}
				<-said
			})
		})
	}
}

// TestHeadTimeoutEndsWithHead holds that the time in which a head must come ends
// when it has come: neither its exchange nor the connection is ended by it.
func TestHeadTimeoutEndsWithHead(t *testing.T) {
	s := &httpx.Server{HeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			time.Sleep(5 * time.Second)
		}
		w.Write([]byte("hai"))
	})}
	inH1Dial(t, s, func(t *testing.T, dial func() raw) {
		c := dial()
		defer c.Close()
		for _, path := range []string{"/", "/slow", "/"} {
			text := getOf(path)
			c.say(text[:10])
			time.Sleep(900 * time.Millisecond)
			c.say(text[10:])
			if resp, body := c.response("GET"); body != "hai" || resp.Close {
				t.Fatalf("%s: %q, close %v", path, body, resp.Close)
			}
			time.Sleep(5 * time.Second)
		}
	})
}
