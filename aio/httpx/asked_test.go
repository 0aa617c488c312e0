package httpx_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
	"goaio.example/aio/tcp"
	"goaio.example/aio/timer"
)

// These tests check that an end that the program itself has asked for is not a
// lost error: their loops fail them for any event.

// tooMuch is more than a connection in memory takes unread.
var tooMuch = strings.Repeat("x", 1<<20)

// A deed is what a server does while a client waits for it.
type deed struct {
	handle  func(r *httpx.Request)
	handler http.HandlerFunc // if handle is nil
	body    bool             // the request has a body, which does not come
}

func (d *deed) server() *httpx.Server { return &httpx.Server{Handle: d.handle, Handler: d.handler} }

// asking returns what each kind of request does until it is over.
func asking(t *testing.T) map[string]*deed {
	spawn := func(ctx context.Context, fn func() error) {
		aio.Spawn(ctx, "task", func(ctx context.Context) error {
			err := fn()
			if err != nil && ctx.Done() != nil {
				// the request ends before its children
				<-ctx.Done()
			}
			return err
		})
	}
	deeds := map[string]*deed{
		"no response": {handle: func(r *httpx.Request) { spawn(r.Context(), func() error { <-r.Gone(); return nil }) }},
		"late response": {handle: func(r *httpx.Request) {
			spawn(context.WithoutCancel(r.Context()), func() error {
				<-r.Gone()
				r.RespondString(200, "too late")
				return nil
			})
		}},
		"response that is not read": {handle: func(r *httpx.Request) { r.RespondString(200, tooMuch) }},
		"stream": {handle: func(r *httpx.Request) {
			w, err := r.Start(200, nil)
			if err != nil {
				t.Errorf("r.Start: %v", err)
				return
			}
			spawn(r.Context(), func() error {
				for {
					if _, err := io.WriteString(w, tooMuch); err != nil {
						return err
					}
				}
			})
		}},
		"events": {handle: func(r *httpx.Request) {
			s, err := r.SSE(nil, time.Second)
			if err != nil {
				t.Errorf("r.SSE: %v", err)
				return
			}
			spawn(r.Context(), func() error {
				_, err := sendOn(s, nil)
				return err
			})
		}},
		"idle events": {handle: func(r *httpx.Request) {
			s, err := r.SSE(nil, time.Millisecond)
			if err != nil {
				t.Errorf("r.SSE: %v", err)
				return
			}
			spawn(r.Context(), func() error {
				<-s.Gone()
				return s.Close()
			})
		}},
		"handler that waits":  {handler: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		"handler that writes": {handler: func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, tooMuch) }},
		"handler's events":    {handler: func(w http.ResponseWriter, r *http.Request) { sendOn(httpx.SSE(w, r, time.Second)) }},
	}
	deeds["body"] = &deed{body: true, handle: func(*httpx.Request) { t.Error("called without a body") }}
	deeds["handler that reads"] = &deed{body: true, handler: func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }}
	return deeds
}

// begin has a client make a request that it does not read the response of. It
// returns when the server is waiting.
func (d *deed) begin(b *rig) (end func()) {
	var body io.Reader
	method := "GET"
	r, w := io.Pipe()
	if d.body {
		method, body = "POST", r
	}
	req, err := http.NewRequestWithContext(context.Background(), method, "http://server/events/x", body)
	if err != nil {
		b.Fatalf("http.NewRequestWithContext: %v", err)
	}
	done := make(chan *http.Response, 1)
	go func() {
		resp, _ := b.web.Do(req) // an error is as good
		done <- resp
	}()
	if d.body {
		io.WriteString(w, "half a body")
	}
	synctest.Wait()
	return func() {
		w.CloseWithError(errEnough)
		if resp := <-done; resp != nil {
			resp.Body.Close()
		}
	}
}

// TestAskedClose checks it for Server.Close, and for the loop's cancellation.
func TestAskedClose(t *testing.T) {
	for what, end := range map[string]func(b *rig){
		"Close": func(b *rig) { b.server.Close() },
		"Shutdown, Close": func(b *rig) {
			ctx, cancel := context.WithTimeout(b.ctx, time.Second)
			defer cancel()
			if err := b.server.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
				b.Errorf("Shutdown: %v", err)
			}
			b.server.Close()
		},
		"future": func(b *rig) { b.server.Future().Cancel(errEnough) },
	} {
		for name, d := range asking(t) {
			t.Run(what+"/"+name, func(t *testing.T) {
				inBubbles(t, d.server, func(b *rig) {
					finish := d.begin(b)
					end(b)
					<-b.server.Future().Done()
					finish()
				})
			})
		}
	}
}

// TestAskedFuture checks it for a response's future.
func TestAskedFuture(t *testing.T) {
	for name, h := range map[string]func(r *httpx.Request){
		"Respond": func(r *httpx.Request) { r.RespondString(200, tooMuch).Cancel(errEnough) },
		"Respond, later": func(r *httpx.Request) {
			f := r.RespondString(200, tooMuch)
			timer.Delay(r.Context(), time.Second, func(context.Context) error { f.Cancel(errEnough); return nil })
		},
		"Start": func(r *httpx.Request) {
			w, err := r.Start(200, nil)
			if err != nil {
				t.Errorf("r.Start: %v", err)
				return
			}
			aio.Spawn(r.Context(), "write", func(context.Context) error {
				for {
					if _, err := io.WriteString(w, tooMuch); err != nil {
						return err
					}
				}
			})
			timer.Delay(r.Context(), time.Second, func(context.Context) error { w.Future().Cancel(errEnough); return nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubbles(t, func() *httpx.Server { return &httpx.Server{Handle: h} }, func(b *rig) {
				d := new(deed)
				finish := d.begin(b)
				time.Sleep(time.Minute)
				finish()
			})
		})
	}
}

// TestAskedAbort checks it for http.ErrAbortHandler.
func TestAskedAbort(t *testing.T) {
	abort := func() { panic(http.ErrAbortHandler) }
	task := func(ctx context.Context) {
		aio.Spawn(ctx, "task", func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		timer.Delay(ctx, time.Hour, func(context.Context) error { return errEnough })
	}
	handler := func(before func(w http.ResponseWriter, r *http.Request)) *httpx.Server {
		return &httpx.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			task(r.Context())
			before(w, r)
			abort()
		})}
	}
	handle := func(before func(r *httpx.Request)) *httpx.Server {
		return &httpx.Server{Handle: func(r *httpx.Request) {
			task(r.Context())
			before(r)
			abort()
		}}
	}
	for name, s := range map[string]func() *httpx.Server{
		"handler": func() *httpx.Server { return handler(func(http.ResponseWriter, *http.Request) {}) },
		"handler, header": func() *httpx.Server {
			return handler(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) })
		},
		"handler, body": func() *httpx.Server {
			return handler(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, tooMuch) })
		},
		"handler, SSE": func() *httpx.Server {
			return handler(func(w http.ResponseWriter, r *http.Request) { httpx.SSE(w, r, time.Second) })
		},
		"Handle": func() *httpx.Server { return handle(func(*httpx.Request) {}) },
		"Start":  func() *httpx.Server { return handle(func(r *httpx.Request) { r.Start(200, nil) }) },
		"SSE":    func() *httpx.Server { return handle(func(r *httpx.Request) { r.SSE(nil, time.Second) }) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubbles(t, s, func(b *rig) {
				resp, err := b.web.Get("http://server/")
				if err != nil {
					return
				}
				defer resp.Body.Close()
				if body, err := io.ReadAll(resp.Body); err == nil {
					b.Errorf("got a whole response: %d, %d bytes", resp.StatusCode, len(body))
				}
			})
		})
	}
}

// TestAskedUpgrade checks it for a connection that is ended with sends queued.
func TestAskedUpgrade(t *testing.T) {
	for name, end := range map[string]func(b *rig, c *tcp.Conn){
		"Abort":        func(_ *rig, c *tcp.Conn) { c.Abort() },
		"Close":        func(_ *rig, c *tcp.Conn) { c.Close() },
		"Server.Close": func(b *rig, _ *tcp.Conn) { b.server.Close() },
		"cancel":       func(b *rig, _ *tcp.Conn) { b.server.Future().Cancel(errEnough) },
	} {
		for style, h := range map[string]*tcp.Handler{"stream": nil, "handler": {}} {
			t.Run(name+"/"+style, func(t *testing.T) {
				upgraded := make(chan *tcp.Conn, 1)
				inBubbles(t, func() *httpx.Server {
					return &httpx.Server{Handle: func(r *httpx.Request) {
						c, err := r.Upgrade(nil)
						if err != nil {
							if r.Std().ProtoMajor == 1 {
								t.Errorf("r.Upgrade: %v", err)
							}
							r.RespondString(400, "")
							return
						}
						if h != nil {
							c.SetHandler(*h)
						}
						for range 100 {
							c.Send([]byte(tooMuch[:10<<10]))
						}
						upgraded <- c
					}}
				}, func(b *rig) {
					if b.h2 {
						return
					}
					c := b.dial()
					defer c.Close()
					io.WriteString(c, upgrade)
					end(b, <-upgraded)
				})
			})
		}
	}
}

// TestAskedClient checks it for a client's request, whatever it waits for.
func TestAskedClient(t *testing.T) {
	wait := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for name, h := range map[string]http.HandlerFunc{
		"dial":   nil,
		"header": wait,
		"body": func(w http.ResponseWriter, r *http.Request) {
			http.NewResponseController(w).Flush()
			wait(w, r)
		},
		"retry": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
	} {
		for how, cause := range map[string]error{"cancel": nil, "reason": errEnough, "timeout": context.DeadlineExceeded} {
			t.Run(name+"/"+how, func(t *testing.T) {
				inBubbles(t, func() *httpx.Server { return &httpx.Server{Handler: orNotFound(h)} }, func(b *rig) {
					c := b.client(h != nil)
					ctx, cancel := context.WithCancelCause(b.ctx)
					byCtx, byFuture := c.Get(ctx, "http://server:80/"), c.Get(b.ctx, "http://server:80/")
					req, err := http.NewRequest("GET", "http://server:80/", nil)
					if err != nil {
						b.Fatalf("http.NewRequest: %v", err)
					}
					stream := c.Stream(ctx, req)
					time.Sleep(time.Second)
					cancel(cause)
					byFuture.Cancel(cause)
					<-byCtx.Done() // without a look at the results
					<-byFuture.Done()
					<-stream.Done()
				})
			})
		}
	}
}

func orNotFound(h http.HandlerFunc) http.Handler {
	if h == nil {
		return http.NotFoundHandler()
	}
	return h
}

// client returns a client that repeats requests. Without connect it never has
// a connection.
func (b *rig) client(connect bool) *httpx.Client {
	dial := b.net.DialContext
	if !connect {
		dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
	}
	return &httpx.Client{
		Dialer: &tcp.Dialer{DialContext: dial},
		Retry:  httpx.Retry{Attempts: 3, Backoff: timer.Backoff{Initial: time.Hour, Jitter: -1}},
		Hedge:  httpx.Hedge{Delay: 100 * time.Millisecond},
		H2C:    b.h2,
	}
}
