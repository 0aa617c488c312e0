package httpx_test

import (
	"bufio"
	"context"
	"net"
	"net/http/httptrace"
	"net/textproto"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// TestHooksThatDoNotReturn checks that a hook of a trace that panics, or calls
// Goexit, fails no request but its own, and that each request ends.
func TestHooksThatDoNotReturn(t *testing.T) {
	ways := map[string]func(){"panics": func() { panic("hook") }, "calls Goexit": runtime.Goexit}
	for name, x := range map[string]struct {
		first, second func(do func()) *httptrace.ClientTrace // nil: no trace
		fails         [2]bool
	}{
		"GotConn on a kept connection": {second: onGotConn, fails: [2]bool{false, true}},
		"GotConn on a new connection":  {first: onGotConn, fails: [2]bool{true, false}},
		"WroteHeaders":                 {second: onWroteHeaders, fails: [2]bool{false, true}},
		"PutIdleConn":                  {first: onPutIdleConn},
	} {
		for how, do := range ways {
			t.Run(name+" "+how, func(t *testing.T) {
				bubbleScript(t, func(_ int, c net.Conn, r *bufio.Reader) {
					time.Sleep(time.Second)
					answersPaths(c, r, "/1")
				}, func(_ context.Context, t *testing.T, n *aiotest.Network) error {
					c := inMemory(&httpx.Client{MaxConnsPerHost: 1}, n)
					l := &aio.Loop{CatchPanics: true, OnEvent: func(aio.Event) {}}
					// which fails with the panic
					l.Run(context.Background(), func(ctx context.Context) error {
						traced := func(with func(func()) *httptrace.ClientTrace) context.Context {
							if with == nil {
								return ctx
							}
							return httptrace.WithClientTrace(ctx, with(do))
						}
						fs := [2]*aio.Future[*httpx.Response]{}
						fs[0] = c.Get(traced(x.first), "http://origin/1")
						synctest.Wait()
						fs[1] = c.Get(traced(x.second), "http://origin/1")
						synctest.Wait()
						for i, f := range fs {
							own, cancel := context.WithTimeout(context.Background(), 20*time.Second)
							if _, err := f.Await(own); (err != nil) != x.fails[i] || own.Err() != nil {
								t.Errorf("request %d: got %v; want an error: %v", i+1, err, x.fails[i])
							}
							cancel()
						}
						return nil
					})
					return nil
				})
			})
		}
	}
}

func onGotConn(do func()) *httptrace.ClientTrace {
	return &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { do() }}
}

func onWroteHeaders(do func()) *httptrace.ClientTrace {
	return &httptrace.ClientTrace{WroteHeaders: do}
}

func onPutIdleConn(do func()) *httptrace.ClientTrace {
	return &httptrace.ClientTrace{PutIdleConn: func(error) { do() }}
}

// TestSharedHooksThatPanic checks that a hook of a trace that panics fails no
// request but its own over HTTP/2, whose connection goes on, and that a hook is
// called once.
func TestSharedHooksThatPanic(t *testing.T) {
	for name, hooked := range map[string]func(do func()) *httptrace.ClientTrace{
		"GotConn":      onGotConn,
		"WroteHeaders": onWroteHeaders,
		"WroteRequest": func(do func()) *httptrace.ClientTrace {
			return &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { do() }}
		},
		"WroteHeaderField": func(do func()) *httptrace.ClientTrace {
			return &httptrace.ClientTrace{WroteHeaderField: func(name string, _ []string) {
				if name == ":path" {
					do()
				}
			}}
		},
		"GotFirstResponseByte": func(do func()) *httptrace.ClientTrace { return &httptrace.ClientTrace{GotFirstResponseByte: do} },
		"Got1xxResponse": func(do func()) *httptrace.ClientTrace {
			return &httptrace.ClientTrace{Got1xxResponse: func(int, textproto.MIMEHeader) error { do(); return nil }}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var conns atomic.Int32
			bubbleFrames(t, nil, func(_ int, p *framePeer) {
				conns.Add(1)
				for r, ok := p.request(); ok; r, ok = p.request() {
					if r.path == "/hooked" {
						p.answerHead(r.id, "103", false)
					}
					time.Sleep(time.Second)
					p.answer(r.id, r.path)
				}
			}, func(_ context.Context, t *testing.T, c *httpx.Client, _ *aiotest.Network) error {
				l := &aio.Loop{CatchPanics: true, OnEvent: func(aio.Event) {}}
				return l.Run(context.Background(), func(ctx context.Context) error {
					r, err := c.Get(ctx, "http://origin/first").Await(ctx)
					wantBody(t, r, err, 200, "/first")
					var calls atomic.Int32
					own := httptrace.WithClientTrace(ctx, hooked(func() { calls.Add(1); panic("hook") }))
					beside := c.Get(ctx, "http://origin/beside")
					_, err = c.Get(own, "http://origin/hooked").Await(ctx)
					if err == nil || calls.Load() != 1 {
						t.Errorf("the hook was called %d times, and the request got %v", calls.Load(), err)
					}
					r, err = beside.Await(ctx)
					wantBody(t, r, err, 200, "/beside")
					if conns.Load() != 1 {
						t.Errorf("%d connections, not 1", conns.Load())
					}
					return nil
				})
			})
		})
	}
}
