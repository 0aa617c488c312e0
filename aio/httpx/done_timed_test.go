package httpx_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
	"goaio.example/aio/timer"
)

// doneWant is the wanted argument of Done for a request that depends on time.
type doneWant struct {
	status   int
	outcome  httpx.Outcome
	duration time.Duration
	err      error
}

func (w doneWant) check(t testing.TB, calls told) {
	t.Helper()
	s := calls.next(t)
	if s.Status != w.status || s.Outcome != w.outcome || s.Duration != w.duration || !errors.Is(s.Err, w.err) || (s.Err == nil) != (w.err == nil) {
		t.Errorf("Done was told of %d, %v, %v, %v, want %d, %v, %v, %v",
			s.Status, s.Outcome, s.Duration, s.Err, w.status, w.outcome, w.duration, w.err)
	}
	if len(calls) > 0 {
		t.Errorf("Done was called again: %+v", <-calls)
	}
}

// TestDoneTimed checks the argument of Done when a timeout ends a request, over
// both versions of HTTP.
func TestDoneTimed(t *testing.T) {
	hang := func(*httpx.Request) {}
	for _, c := range []struct {
		name   string
		server func() *httpx.Server
		want   doneWant
	}{
		{
			"deferred", func() *httpx.Server { return &httpx.Server{Handle: later} },
			doneWant{200, httpx.OutcomeAnswered, time.Second, nil},
		},
		{
			"slow handler", func() *httpx.Server {
				return &httpx.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(time.Minute) })}
			},
			doneWant{200, httpx.OutcomeAnswered, time.Minute, nil},
		},
		{
			"no response", func() *httpx.Server { return &httpx.Server{ResponseTimeout: 2 * time.Second, Handle: keep(hang)} },
			doneWant{503, httpx.OutcomeAbandoned, 2 * time.Second, httpx.ErrAbandoned},
		},
		{
			"RequestTimeout", func() *httpx.Server { return &httpx.Server{RequestTimeout: 3 * time.Second, Handle: keep(hang)} },
			doneWant{503, httpx.OutcomeAbandoned, 3 * time.Second, aio.ErrTimeout},
		},
		{
			"RequestTimeout of a handler", func() *httpx.Server {
				return &httpx.Server{RequestTimeout: 3 * time.Second, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					<-r.Context().Done()
				})}
			},
			doneWant{503, httpx.OutcomeAbandoned, 3 * time.Second, nil},
		},
		{
			"RequestTimeout of a stream", func() *httpx.Server {
				return &httpx.Server{RequestTimeout: 3 * time.Second, Handle: keep(func(r *httpx.Request) { r.Start(200, nil) })}
			},
			doneWant{200, httpx.OutcomeAborted, 3 * time.Second, aio.ErrTimeout},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			calls := make(told, 10)
			s := func() *httpx.Server {
				s := c.server()
				s.Done = func(s httpx.RequestStats) { calls <- s }
				return s
			}
			inBubbles(t, s, func(b *rig) {
				b.loop.OnEvent = func(aio.Event) {}
				resp := b.get(context.Background(), "/")
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				synctest.Wait()
				c.want.check(b, calls)
			})
		})
	}
}

// keep is a Handle that does what fn does, and keeps the request for an hour.
func keep(fn func(r *httpx.Request)) func(r *httpx.Request) {
	return func(r *httpx.Request) {
		fn(r)
		timer.Delay(aio.Detach(r.Context()), time.Hour, func(context.Context) error {
			r.Context()
			return nil
		})
	}
}

// TestDoneClientGone checks the argument of Done for a client that does not
// wait for its response, or does not read it.
func TestDoneClientGone(t *testing.T) {
	for _, c := range []struct {
		name   string
		server *httpx.Server
		send   string
		client func(c net.Conn, r *bufio.Reader)
		want   doneWant
	}{
		{
			"while it is deferred", &httpx.Server{Handle: later}, ok,
			func(c net.Conn, _ *bufio.Reader) { c.Close() },
			doneWant{0, httpx.OutcomeGone, 0, aio.ErrEOF},
		},
		{
			"within the body", &httpx.Server{Handle: later}, post("Content-Length: 10", "", "abc"),
			func(c net.Conn, _ *bufio.Reader) { c.Close() },
			doneWant{0, httpx.OutcomeGone, 0, io.ErrUnexpectedEOF},
		},
		{
			"while a handler waits", &httpx.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				<-r.Context().Done()
				panic(http.ErrAbortHandler)
			})}, ok,
			func(c net.Conn, _ *bufio.Reader) { c.Close() },
			doneWant{0, httpx.OutcomeAborted, 0, http.ErrAbortHandler},
		},
		{
			"it half-closes, and is answered", &httpx.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				<-r.Context().Done()
			})}, ok,
			func(c net.Conn, r *bufio.Reader) {
				c.(interface{ CloseWrite() error }).CloseWrite()
				io.Copy(io.Discard, r)
			},
			doneWant{200, httpx.OutcomeAnswered, 0, nil},
		},
		{
			"it does not read", &httpx.Server{WriteTimeout: 5 * time.Second, Handle: func(r *httpx.Request) {
				f := r.Respond(200, nil, make([]byte, 8<<20))
				aio.Spawn(r.Context(), "look", func(context.Context) error {
					<-f.Done()
					f.Result()
					return nil
				})
			}}, ok,
			func(net.Conn, *bufio.Reader) { time.Sleep(time.Minute) },
			doneWant{200, httpx.OutcomeGone, 5 * time.Second, aio.ErrTimeout},
		},
		{
			"it does not read a handler's", &httpx.Server{WriteTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Write(make([]byte, 8<<20))
			})}, ok,
			func(net.Conn, *bufio.Reader) { time.Sleep(time.Minute) },
			doneWant{200, httpx.OutcomeGone, 5 * time.Second, nil},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			calls := make(told, 10)
			c.server.Done = func(s httpx.RequestStats) { calls <- s }
			inH1(t, c.server, func(nc net.Conn, r *bufio.Reader) {
				io.WriteString(nc, c.send)
				synctest.Wait()
				c.client(nc, r)
				synctest.Wait()
				c.want.check(t, calls)
			})
		})
	}
}

// TestDoneServerCloses checks that a request that is cut off by the server is
// not taken for one that the client gave up, and that all calls of Done are
// over when Run returns.
func TestDoneServerCloses(t *testing.T) {
	for name, end := range map[string]func(s *httpx.Server, l *aio.Loop){
		"Close":  func(s *httpx.Server, _ *aio.Loop) { s.Close() },
		"Cancel": func(_ *httpx.Server, l *aio.Loop) { l.Cancel(nil) },
	} {
		for _, style := range []string{"Handle", "Handler"} {
			t.Run(name+"/"+style, func(t *testing.T) {
				calls := make(told, 10)
				s := func() *httpx.Server {
					s := &httpx.Server{Done: func(s httpx.RequestStats) { calls <- s }}
					if style == "Handle" {
						s.Handle = keep(func(r *httpx.Request) { r.Start(200, nil) })
					} else {
						s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
							w.(http.Flusher).Flush()
							<-r.Context().Done()
							panic(http.ErrAbortHandler)
						})
					}
					return s
				}
				eachProtocol(t, func(b *rig) {
					b.loop.OnEvent = func(aio.Event) {}
					server := s()
					server.H2C = b.h2
					b.loop.Run(context.Background(), func(ctx context.Context) error {
						ln, err := b.net.Listen("server:80")
						if err != nil {
							return err
						}
						if err := server.StartOn(ctx, ln); err != nil {
							return err
						}
						resp := b.get(context.Background(), "/")
						defer resp.Body.Close()
						synctest.Wait()
						end(server, b.loop)
						synctest.Wait() // or the client leaves first
						return nil
					})
					if len(calls) != 1 {
						b.Fatalf("Done was called %d times before Run has returned", len(calls))
					}
					if s := <-calls; s.Status != 200 || s.Outcome != httpx.OutcomeAborted || s.Err == nil {
						b.Errorf("Done was told of %d, %v, %v", s.Status, s.Outcome, s.Err)
					}
					b.web.CloseIdleConnections()
				})
			})
		}
	}
}
