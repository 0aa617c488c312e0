package httpx_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// stuckBody is a request's body whose Read, and perhaps Close, does not return
// before the end.
type stuckBody struct {
	read, close <-chan struct{}
	closed      atomic.Int32
}

func (b *stuckBody) Read([]byte) (int, error) {
	<-b.read
	return 0, io.EOF
}

func (b *stuckBody) Close() error {
	b.closed.Add(1)
	<-b.close
	return nil
}

// TestStuckUpload checks that a Read, and a Close, of the request's body that
// do not return do not keep a request from ending, whether it is answered or
// cancelled. They are left behind as an operation.
func TestStuckUpload(t *testing.T) {
	why := errors.New("why")
	for _, h2 := range []bool{false, true} {
		for name, x := range map[string]struct {
			answered, streams bool
			closes            bool // Close returns
		}{
			"answered":                {answered: true, closes: true},
			"answered, Close hangs":   {answered: true},
			"streamed":                {answered: true, streams: true, closes: true},
			"streamed, Close hangs":   {answered: true, streams: true},
			"cancelled":               {closes: true},
			"cancelled, Close hangs":  {},
			"unstreamed":              {streams: true, closes: true},
			"unstreamed, Close hangs": {streams: true},
		} {
			t.Run(name+protocolName(h2), func(t *testing.T) {
				bubbleEarly(t, h2, x.answered, func(ctx context.Context, t *testing.T, c *httpx.Client) error {
					end := make(chan struct{})
					body := &stuckBody{read: end, close: end}
					if x.closes {
						gone := make(chan struct{})
						close(gone)
						body.close = gone
					}
					begin := time.Now()
					req := request(t, "POST", "http://origin/", body)
					own, cancel := context.WithCancelCause(ctx)
					defer cancel(nil)
					var err error
					if x.streams {
						f := c.Stream(own, req)
						if time.Sleep(time.Second); !x.answered {
							cancel(why)
						}
						var s *httpx.Stream
						if s, err = f.Await(ctx); err == nil {
							readsAs(t, s, "answer")
						}
					} else {
						f := c.Do(own, req)
						if time.Sleep(time.Second); !x.answered {
							cancel(why)
						}
						var r *httpx.Response
						if r, err = f.Await(ctx); x.answered {
							wantBody(t, r, err, 200, "answer")
						}
					}
					if (err != nil) == x.answered || !x.answered && !errors.Is(err, why) || time.Since(begin) != time.Second {
						t.Errorf("after %v: %v", time.Since(begin), err)
					}
					synctest.Wait()
					if k := aio.LoopOf(ctx).Stats(); k.HTTPRequests != 0 || k.Kinds["http.upload"] == 0 || body.closed.Load() != 1 {
						t.Errorf("the body was closed %d times; left are %v", body.closed.Load(), k)
					}
					close(end)
					synctest.Wait()
					if k := aio.LoopOf(ctx).Stats().Kinds["http.upload"]; k != 0 {
						t.Errorf("%d uploads are left", k)
					}
					return nil
				})
			})
		}
	}
}

// bubbleEarly runs main with a client of a server that answers a request, if it
// does, after half a second, and before its body has come.
func bubbleEarly(t *testing.T, h2, answers bool, main func(ctx context.Context, t *testing.T, c *httpx.Client) error) {
	t.Helper()
	if h2 {
		bubbleFrames(t, nil, func(_ int, p *framePeer) {
			r, _, ok := p.head()
			if time.Sleep(time.Second / 2); ok && answers {
				p.answer(r.id, "answer")
			}
			for ok {
				_, err := p.frame()
				ok = err == nil
			}
		}, func(ctx context.Context, t *testing.T, c *httpx.Client, _ *aiotest.Network) error {
			return main(ctx, t, c)
		})
		return
	}
	bubbleScript(t, func(n int, c net.Conn, r *bufio.Reader) {
		if time.Sleep(time.Second / 2); answers {
			answerPath(c, "answer")
		}
		silent(n, c, r)
	}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
		return main(ctx, t, inMemory(new(httpx.Client), n))
	})
}

// TestSharedDrainStuck checks that a connection over HTTP/2 whose server does
// not read delays neither CloseIdleConnections nor the loop's end nor the
// closing of an unread response.
func TestSharedDrainStuck(t *testing.T) {
	aiotest.RunBubble(t, func(_ context.Context, t *testing.T) error {
		var n aiotest.Network
		ln, err := n.Listen("origin:80")
		if err != nil {
			return err
		}
		over := make(chan struct{})
		stop := serveConns(ln, func(_ int, c net.Conn) {
			defer c.Close()
			p := newFramePeer(c, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30})
			p.WriteWindowUpdate(0, 1<<30)
			if r, ok := p.request(); ok {
				p.answerHead(r.id, "200", false)
				p.WriteData(r.id, false, make([]byte, 1000))
			}
			p.head() // of the upload, of which nothing is read
			<-over
		})
		defer func() {
			close(over)
			stop()
		}()
		l, why := new(aio.Loop), errors.New("why")
		c := inMemory(&httpx.Client{H2C: true, Timeouts: httpx.Timeouts{Send: -1}}, &n)
		begin := time.Now()
		l.Run(context.Background(), func(ctx context.Context) error {
			s, err := c.Stream(ctx, request(t, "GET", "http://origin", nil)).Await(ctx)
			if err != nil {
				t.Errorf("c.Stream: %v", err)
				return err
			}
			f := c.Do(ctx, request(t, "POST", "http://origin", io.LimitReader(endlessly{}, 8<<20)))
			time.Sleep(time.Second)
			c.CloseIdleConnections()
			s.Body.Close()
			// from here on package http2 waits for locks, so that the bubble's
			// time stands still
			l.Cancel(why)
			_, err = f.Await(context.Background())
			failsWith(t, err, httpx.PhaseSend, why)
			return nil
		})
		if d := time.Since(begin); d != time.Second {
			t.Errorf("the loop's end took %v, not 1 s", d)
		}
		return nil
	})
}

// TestSharedUploadPanics checks that a panic, and a Goexit, in the Read of a
// body that is sent over HTTP/2 fails its request only.
func TestSharedUploadPanics(t *testing.T) {
	for name, do := range map[string]func(){"panics": func() { panic("Read") }, "calls Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			bubbleFrames(t, nil, func(_ int, p *framePeer) { p.answersAll() },
				func(_ context.Context, t *testing.T, c *httpx.Client, _ *aiotest.Network) error {
					var events atomic.Int32
					l := &aio.Loop{CatchPanics: true, OnEvent: func(aio.Event) { events.Add(1) }}
					return l.Run(context.Background(), func(ctx context.Context) error {
						body := readerFunc(func([]byte) (int, error) { do(); return 0, io.EOF })
						begin := time.Now()
						r, err := c.Do(ctx, request(t, "POST", "http://origin/", body)).Await(ctx)
						if err == nil || time.Since(begin) != 0 {
							t.Errorf("after %v: %v, %v", time.Since(begin), r, err)
						}
						// a Goexit ends package http2's goroutine, and its
						// stream is left
						if name != "panics" {
							return nil
						}
						// The stream is reset, and the event delivered:
						// framePeer takes one request at a time.
						synctest.Wait()
						r, err = c.Get(ctx, "http://origin/next").Await(ctx)
						wantBody(t, r, err, 200, "/next")
						if events.Load() == 0 {
							t.Error("after a panic in Read: no event, want one")
						}
						return nil
					})
				})
		})
	}
}
