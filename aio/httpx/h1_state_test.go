package httpx_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
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
					t.Fatalf("n.Dial: %v", err)
				}
				return raw{t, c, bufio.NewReader(c)}
			})
			return nil
		})
	})
}

func getOf(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n" }

func closeWrite(c raw) { c.Conn.(interface{ CloseWrite() error }).CloseWrite() }

// TestSilentHandlerOfClientGone checks that a handler which writes nothing ends
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

// TestCancelledBeforeHandled checks that no function is called for a request of
// a client that is known to be gone, and that such a request does not count for
// MaxInFlight forever.
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

// TestRequestTimeoutOfStream checks that RequestTimeout ends a stream that
// began in time, and goes on beyond ResponseTimeout.
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

// TestDiesAfterAnswer checks that a Handle which panics, or otherwise does not
// return, when it has answered changes nothing of what is said of the answer.
func TestDiesAfterAnswer(t *testing.T) {
	const size = 1 << 20 // more than the connection takes at once
	for path, die := range map[string]bool{"/": false, "/panic": true, "/abort": true, "/goexit": true} {
		t.Run(path, func(t *testing.T) {
			var log bytes.Buffer
			var f *aio.Future[int]
			s := &httpx.Server{AccessLog: slog.New(slog.NewTextHandler(&log, nil)), Handle: func(r *httpx.Request) {
				f = r.Respond(200, nil, make([]byte, size))
				behave(r.Resource())
			}}
			inH1Dial(t, s, func(t *testing.T, dial func() raw) {
				c := dial()
				defer c.Close()
				c.say(getOf(path))
				synctest.Wait()
				if _, body := c.response("GET"); len(body) != size {
					t.Errorf("%d bytes", len(body))
				}
				synctest.Wait()
				if n, err := f.Result(); n != size || err != nil {
					t.Errorf("the future has %d, %v", n, err)
				}
				if !strings.Contains(log.String(), "status=200 in=0 out=1048576 ") {
					t.Errorf("logged: %s", log.String())
				}
				if die {
					c.closed()
				}
				c.Close()
				synctest.Wait()
				if n := httpx.H1Conns(s); n != 0 {
					t.Errorf("%d connections are kept in the list", n)
				}
			})
		})
	}
}

// TestHijackedBeforeDying checks that a connection which was taken over stays
// with its new owner, whatever happens to the handler.
func TestHijackedBeforeDying(t *testing.T) {
	for _, path := range []string{"/", "/panic", "/abort"} {
		for _, body := range []string{"GET", "POST"} {
			t.Run(body+path, func(t *testing.T) {
				s := &httpx.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					c, _, err := http.NewResponseController(w).Hijack()
					if err != nil {
						t.Errorf("Hijack: %v", err)
						return
					}
					go func() {
						defer c.Close()
						time.Sleep(time.Second)
						io.WriteString(c, "hai")
					}()
					behave(r.URL.Path)
				})}
				inH1Dial(t, s, func(t *testing.T, dial func() raw) {
					c := dial()
					defer c.Close()
					text := getOf(path)
					if body == "POST" {
						text = "POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n"
					}
					c.say(text)
					if got, err := io.ReadAll(c.Reader); string(got) != "hai" || err != nil {
						t.Errorf("got %q, %v", got, err)
					}
				})
			})
		}
	}
}

// TestHijackEndsRead checks that a Read of the body that waits ends when the
// connection is taken over.
func TestHijackEndsRead(t *testing.T) {
	s := &httpx.Server{BodyTimeout: -1, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		over := make(chan error)
		go func() {
			_, err := r.Body.Read(make([]byte, 1))
			over <- err
		}()
		synctest.Wait()
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Errorf("Hijack: %v", err)
			return
		}
		defer c.Close()
		if err := <-over; err == nil {
			t.Error("the Read has no error")
		}
	})}
	inH1Dial(t, s, func(t *testing.T, dial func() raw) {
		c := dial()
		defer c.Close()
		c.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n")
		c.closed()
	})
}

// TestDrainWhileSkipping checks that a connection on which the rest of a body
// is dropped is given a moment when the server drains, for that and for a
// request that is on its way, and is then closed without a reset.
func TestDrainWhileSkipping(t *testing.T) {
	const size = 100 << 10 // of which two bytes come at once
	for name, sends := range map[string]bool{"sends on": true, "stops": false} {
		for when, before := range map[string]bool{"drain after": false, "drain before": true} {
			t.Run(name+"/"+when, func(t *testing.T) {
				var goOn chan bool
				s := &httpx.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if io.WriteString(w, "hai"); r.Method == "POST" {
						w.(http.Flusher).Flush()
						<-goOn
					}
				})}
				inH1Dial(t, s, func(t *testing.T, dial func() raw) {
					goOn = make(chan bool, 1)
					c := dial()
					defer c.Close()
					c.say(fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\nhi", size+2))
					synctest.Wait()
					if before {
						go s.Shutdown(t.Context())
						synctest.Wait()
					}
					goOn <- true
					c.response("POST")
					synctest.Wait()
					begun := time.Now()
					if !before {
						go s.Shutdown(t.Context())
					}
					if sends {
						for range 10 {
							time.Sleep(20 * time.Millisecond)
							c.say(strings.Repeat("x", size/10))
						}

						c.say(getOf("/"))
						if resp, body := c.response("GET"); body != "hai" || !resp.Close {
							t.Errorf("got %q, close %v", body, resp.Close)
						}
						return
					}
					if n, err := io.Copy(io.Discard, c.Reader); n > 0 || err != nil || time.Since(begun) > 250*time.Millisecond {
						t.Errorf("%d bytes, %v after %v", n, err, time.Since(begun))
					}
				})
			})
		}
	}
}

// TestUpgradeElsewhere checks that no byte is lost that comes while a
// connection is taken over by another goroutine, as Handle returns.
func TestUpgradeElsewhere(t *testing.T) {
	const conns, size = 200, 100
	s := &httpx.Server{Handle: func(r *httpx.Request) {
		go func() {
			c, err := r.Upgrade(nil)
			if err != nil {
				t.Errorf("r.Upgrade: %v", err)
				return
			}
			defer c.Close()
			io.CopyN(c, c, size)
		}()
		for range rand.IntN(200) {
			runtime.Gosched()
		}
	}}
	serve(t, s, func(addr string) {
		var all sync.WaitGroup
		defer all.Wait()
		for range conns {
			all.Go(func() {
				c := dialRaw(t, addr)
				defer c.Close()
				c.say(upgrade)
				for range size / 10 {
					c.say("0123456789")
					runtime.Gosched()
				}
				c.response("GET")
				got, err := io.ReadAll(c.Reader)
				if want := strings.Repeat("0123456789", size/10); err != nil || string(got) != want {
					t.Errorf("got %q, %v", got, err)
				}
			})
		}
	})
}
