package httpx_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio/httpx"
)

// TestPipelinedAnswersBounded checks that a client which sends many requests at
// once and reads no response makes the server hold little more than the mark of
// a connection's queue, and that every request is answered once the client
// reads: with responses that are sent one by one, and with small ones, which
// are gathered.
func TestPipelinedAnswersBounded(t *testing.T) {
	for _, size := range []int{100 << 10, 10 << 10, 1 << 10} {
		t.Run(fmt.Sprint(size), func(t *testing.T) { pipelinedAnswersBounded(t, size) })
	}
}

func pipelinedAnswersBounded(t *testing.T, size int) {
	requests := 10 << 20 / size
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
				if n := calls.Load(); n*int64(size) > 2<<20 {
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

// TestHeadTimeoutEndsWithHead checks that the timeout of a head stops when the
// head has arrived: it ends neither the exchange nor the connection.
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

// TestIdleTimeoutAfterBody checks that the idle timeout, which does not hold
// while a body comes, holds again after it.
func TestIdleTimeoutAfterBody(t *testing.T) {
	const idle = 10 * time.Second
	for name, s := range map[string]*httpx.Server{
		"Handle":  {Handle: answers},
		"Handler": {Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })},
		"unread":  {Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hai") })},
	} {
		t.Run(name, func(t *testing.T) {
			s.IdleTimeout = idle
			inH1Dial(t, s, func(t *testing.T, dial func() raw) {
				c := dial()
				defer c.Close()
				c.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nha")
				time.Sleep(time.Second)
				c.say("ii")
				c.response("POST")
				begun := time.Now()
				c.closed()
				if took := time.Since(begun); took != idle {
					t.Errorf("closed after %v, want %v", took, idle)
				}
			})
		})
	}
}

// TestHandleReturnsAfterClientLeft checks that a request ends that is not
// answered when Handle returns, and whose client has left before.
func TestHandleReturnsAfterClientLeft(t *testing.T) {
	for _, text := range []string{getOf("/"), "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"} {
		var goOn chan bool
		s := &httpx.Server{Handle: func(r *httpx.Request) {
			<-r.Gone()
			<-goOn
		}}
		inH1Dial(t, s, func(t *testing.T, dial func() raw) {
			goOn = make(chan bool)
			c := dial()
			c.say(text)
			synctest.Wait()
			c.Close()
			synctest.Wait()
			// the loop fails the test if the request is left at its end
			goOn <- true
		})
	}
}

// TestSkipBounded checks how much of an unread body of unknown length is
// dropped.
func TestSkipBounded(t *testing.T) {
	const bound, chunk = 256 << 10, 1 << 10
	s := &httpx.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hai") })}
	inH1Dial(t, s, func(t *testing.T, dial func() raw) {
		c := dial()
		defer c.Close()
		c.say("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
		c.response("POST")
		piece := fmt.Sprintf("%x\r\n%s\r\n", chunk, strings.Repeat("x", chunk))
		over := make(chan bool)
		go func() {
			defer close(over)
			c.closed()
		}()
		isOver := func() bool {
			synctest.Wait()
			select {
			case <-over:
				return true
			default:
				return false
			}
		}
		sent := 0
		for ; sent < 2*bound && !isOver(); sent += chunk {
			c.say(piece)
		}
		if sent < bound-chunk || sent > bound+chunk {
			t.Errorf("%d bytes were taken, want about %d", sent, bound)
		}
	})
}

// TestSkipTimed checks that what is left of an unread body must come in time,
// also behind an answer that was gathered.
func TestSkipTimed(t *testing.T) {
	const limit = 5 * time.Second
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hai") })
	for _, before := range []int{0, 1, 2} {
		for _, drips := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d before, drips %v", before, drips), func(t *testing.T) {
				inH1Dial(t, &httpx.Server{BodyTimeout: limit, Handler: handler}, func(t *testing.T, dial func() raw) {
					var drip sync.WaitGroup
					defer drip.Wait()
					c := dial()
					defer c.Close()
					c.say(strings.Repeat(getOf("/"), before) + "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n")
					begun := time.Now()
					if drips {
						drip.Go(func() {
							for err := error(nil); err == nil; _, err = io.WriteString(c, "x") {
								time.Sleep(100 * time.Millisecond)
							}
						})
					}
					for range before {
						c.response("GET")
					}
					c.response("POST")
					c.closed()
					if took := time.Since(begun); took > limit+time.Second {
						t.Errorf("closed after %v, want %v", took, limit)
					}
				})
			})
		}
	}
}

// TestGatheredAnswerGoesInTime checks that an answer does not wait for the
// handler of the request behind it.
func TestGatheredAnswerGoesInTime(t *testing.T) {
	for name, s := range map[string]*httpx.Server{
		"Handle": {Handle: func(r *httpx.Request) {
			if r.Resource() == "/slow" {
				time.Sleep(time.Minute)
			}
			r.RespondString(200, "hai")
		}},
		"Handler": {Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				time.Sleep(time.Minute)
			}
			io.WriteString(w, "hai")
		})},
	} {
		t.Run(name, func(t *testing.T) {
			inH1Dial(t, s, func(t *testing.T, dial func() raw) {
				c := dial()
				defer c.Close()
				begun := time.Now()
				c.say(getOf("/") + getOf("/slow"))
				c.response("GET")
				if took := time.Since(begun); took > time.Millisecond {
					t.Errorf("the first answer came after %v", took)
				}
				c.response("GET")
			})
		})
	}
}

// TestDeferredClientLeaves checks that the leaving of a deferred request's
// client is noticed although nothing waits for it.
func TestDeferredClientLeaves(t *testing.T) {
	for _, text := range []string{getOf("/"), "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"} {
		var deferred *httpx.Request
		s := &httpx.Server{Handle: func(r *httpx.Request) { deferred = r }}
		inH1Dial(t, s, func(t *testing.T, dial func() raw) {
			c := dial()
			c.say(text)
			synctest.Wait()
			c.Close()
			synctest.Wait()
			if _, err := deferred.RespondString(200, "hai").Result(); err == nil {
				t.Error("the answer has no error")
			}
		})
	}
}

// TestGatheredAnswersOfMuteClient checks that no answer is lost of those that
// are gathered and sent while the client does not read, however large they are,
// and that the server's own holding up does not count as the client's time for
// a head.
func TestGatheredAnswersOfMuteClient(t *testing.T) {
	for _, c := range []struct{ requests, size int }{{400, 20 << 10}, {4000, 1000}, {6000, 20}} {
		for name, pause := range map[string]time.Duration{"quick": 0, "slow": 2 * time.Millisecond} {
			t.Run(fmt.Sprintf("%d of %d bytes, %s", c.requests, c.size, name), func(t *testing.T) {
				body := strings.Repeat("x", c.size)
				s := &httpx.Server{WriteTimeout: time.Hour, IdleTimeout: time.Hour, Handle: func(r *httpx.Request) {
					time.Sleep(pause)
					r.RespondString(200, body)
				}}
				inH1Dial(t, s, func(t *testing.T, dial func() raw) {
					conn := dial()
					defer conn.Close()
					said := make(chan bool)
					go func() {
						defer close(said)
						conn.say(strings.Repeat(getOf("/"), c.requests))
					}()
					time.Sleep(time.Minute)
					for i := range c.requests {
						if resp, got := conn.response("GET"); len(got) != c.size || resp.Close {
							t.Fatalf("answer %d has %d bytes, close %v", i, len(got), resp.Close)
						}
					}
					<-said
				})
			})
		}
	}
}
