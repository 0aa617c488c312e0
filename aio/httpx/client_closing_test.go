package httpx_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// closings are the ways in which a server over HTTP/2 ends a request that it
// has got, which is the second one of its first connection.
var closings = map[string]struct {
	end func(p *framePeer, r framed)
	// refused says that the client knows that the request was not processed
	// (RFC 9113, section 8.7).
	refused bool
	same    bool // the connection is used again
}{
	"close":               {end: func(*framePeer, framed) {}},
	"GOAWAY before it":    {end: func(p *framePeer, r framed) { p.WriteGoAway(r.id-2, http2.ErrCodeNo, nil) }, refused: true},
	"GOAWAY at it":        {end: func(p *framePeer, r framed) { p.WriteGoAway(r.id, http2.ErrCodeNo, nil) }},
	"GOAWAY at the most":  {end: func(p *framePeer, _ framed) { p.WriteGoAway(1<<31-1, http2.ErrCodeNo, nil) }},
	"GOAWAY for an error": {end: func(p *framePeer, r framed) { p.WriteGoAway(r.id-2, http2.ErrCodeEnhanceYourCalm, nil) }, refused: true},
	"REFUSED_STREAM":      {end: func(p *framePeer, r framed) { p.WriteRSTStream(r.id, http2.ErrCodeRefusedStream) }, refused: true, same: true},
}

// TestSharedClosing checks what happens to a request whose connection over
// HTTP/2 the server closes at that moment: it is made again if the server says
// that it was not processed, or if to repeat it does no harm, and at most once
// otherwise. The next request finds the connection that was made for it.
func TestSharedClosing(t *testing.T) {
	opaqueBody := func(s string) io.Reader { return opaque{strings.NewReader(s)} }
	for how, x := range closings {
		for name, y := range map[string]struct {
			method string
			body   io.Reader
			key    bool
			again  bool // it is repeated although it may have been processed
			once   bool // it cannot be repeated at all
		}{
			"GET":            {method: "GET", again: true},
			"HEAD":           {method: "HEAD", again: true},
			"POST":           {method: "POST", body: strings.NewReader("body")},
			"POST, no body":  {method: "POST"},
			"POST with key":  {method: "POST", body: strings.NewReader("body"), key: true, again: true},
			"POST of stream": {method: "POST", body: opaqueBody("body"), once: true},
			"PUT":            {method: "PUT", body: strings.NewReader("body")},
		} {
			t.Run(how+"/"+name, func(t *testing.T) {
				var conns, runs atomic.Int32
				bubbleFrames(t, nil, func(n int, p *framePeer) {
					conns.Add(1)
					for k := 1; ; k++ {
						r, ok := p.request()
						switch {
						case !ok:
							return
						case n == 1 && k == 2:
							if x.end(p, r); x.same {
								continue
							}
							return
						case r.path == "/x":
							if runs.Add(1); r.method == "POST" && string(r.body) != "body" && y.body != nil {
								t.Errorf("the body is %q", r.body)
							}
						}
						p.answerHead(r.id, "200", true)
					}
				}, func(ctx context.Context, t *testing.T, c *httpx.Client, _ *aiotest.Network) error {
					r, err := c.Get(ctx, "http://origin/1").Await(ctx)
					wantBody(t, r, err, 200, "")
					req := request(t, y.method, "http://origin/x", y.body)
					if y.key {
						req.Header.Set("Idempotency-Key", "1")
					}
					answered := !y.once && (y.again || x.refused)
					begin := time.Now()
					r, err = c.Do(ctx, req).Await(ctx)
					if answered {
						wantBody(t, r, err, 200, "")
					} else if err == nil {
						t.Errorf("got %v", r)
					}
					if got := runs.Load() == 1; got != answered || time.Since(begin) != 0 {
						t.Errorf("it was carried out %d times after the first, in %v", runs.Load(), time.Since(begin))
					}
					synctest.Wait()
					r, err = c.Get(ctx, "http://origin/3").Await(ctx)
					wantBody(t, r, err, 200, "")
					want := int32(2)
					if x.same {
						want = 1
					}
					if conns.Load() != want || outgoing(ctx) != 1 {
						t.Errorf("%d connections, of which %d are left; want %d", conns.Load(), outgoing(ctx), want)
					}
					return nil
				})
			})
		}
	}
}

// TestSharedUselessServer checks that a server over HTTP/2 that closes each
// connection when it gets a request is not dialed forever, and that what a
// request has got of an answer is not asked for again.
func TestSharedUselessServer(t *testing.T) {
	for name, end := range map[string]func(p *framePeer, r framed){
		"closes":              func(*framePeer, framed) {},
		"refuses":             func(p *framePeer, _ framed) { p.WriteGoAway(0, http2.ErrCodeNo, nil) },
		"closes behind a 103": func(p *framePeer, r framed) { p.answerHead(r.id, "103", false) },
		"closes within":       func(p *framePeer, r framed) { p.answerHead(r.id, "200", false) },
	} {
		t.Run(name, func(t *testing.T) {
			var conns atomic.Int32
			bubbleFrames(t, nil, func(_ int, p *framePeer) {
				conns.Add(1)
				if r, ok := p.request(); ok {
					end(p, r)
					// a reset would take what was sent with it
					time.Sleep(time.Second)
				}
			}, func(ctx context.Context, t *testing.T, c *httpx.Client, _ *aiotest.Network) error {
				begin := time.Now()
				r, err := c.Get(ctx, "http://origin/").Await(ctx)
				if err == nil {
					t.Errorf("got %v", r)
				}
				most, long := int32(1), time.Second
				switch name {
				case "closes":
					most, long = 6, 7*time.Second
				// which package http2 takes at its word, with growing intervals
				case "refuses":
					most, long = 8, 2*time.Minute
				}
				if conns.Load() > most || time.Since(begin) > long {
					t.Errorf("%d connections in %v", conns.Load(), time.Since(begin))
				}
				if synctest.Wait(); outgoing(ctx) != 0 {
					t.Errorf("%d connections are left", outgoing(ctx))
				}
				return nil
			})
		})
	}
}

// TestSharedUnused checks that a request over HTTP/2 is made on another
// connection if the existing one, which was never used, turns out to be closed.
func TestSharedUnused(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		bubbleFrames(t, []http2.Setting{{ID: http2.SettingMaxConcurrentStreams, Val: 1}}, func(n int, p *framePeer) {
			if n == 2 {
				// it is dialed for the second request, which gets the first
				// connection
				time.Sleep(2 * time.Second)
				return
			}
			for r, ok := p.request(); ok; r, ok = p.request() {
				time.Sleep(time.Second)
				p.answer(r.id, fmt.Sprint(r.path, " on ", n))
			}
		}, func(ctx context.Context, t *testing.T, c *httpx.Client, n *aiotest.Network) error {
			slowSecondDial(c, n, n.DialContext)
			r, err := c.Get(ctx, "http://origin/0").Await(ctx)
			wantBody(t, r, err, 200, "/0 on 1")
			first := c.Get(ctx, "http://origin/1")
			synctest.Wait()
			second := c.Get(ctx, "http://origin/2")
			r, err = first.Await(ctx)
			wantBody(t, r, err, 200, "/1 on 1")
			r, err = second.Await(ctx)
			wantBody(t, r, err, 200, "/2 on 1")
			// the second connection is made, and then closed
			time.Sleep(11 * time.Second)
			third := c.Get(ctx, "http://origin/3")
			synctest.Wait()
			req := request(t, method, "http://origin/4", http.NoBody)
			r, err = c.Do(ctx, req).Await(ctx)
			wantBody(t, r, err, 200, "/4 on 3")
			r, err = third.Await(ctx)
			wantBody(t, r, err, 200, "/3 on 1")
			return nil
		})
	}
}

// TestSharedHeadOvertaken checks that a request over HTTP/2 is made again if
// repeating it does no harm and its connection ends after the head of its
// response has arrived but before the request gets it.
func TestSharedHeadOvertaken(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		t.Run(method, func(t *testing.T) {
			bubbleFrames(t, nil, func(n int, p *framePeer) {
				if n > 1 {
					p.answersAll()
					return
				}
				// the second answer is the one that is overtaken
				for k := range 2 {
					if r, ok := p.request(); ok {
						p.answerHead(r.id, "200", k == 0)
					}
				}
				// a reset would take what was sent with it
				time.Sleep(time.Second)
				p.Conn.(interface{ Abort() error }).Abort()
			}, func(ctx context.Context, t *testing.T, c *httpx.Client, _ *aiotest.Network) error {
				r, err := c.Get(ctx, "http://origin/0").Await(ctx)
				wantBody(t, r, err, 200, "")
				held, goOn := make(chan struct{}), make(chan struct{})
				var times atomic.Int32
				own := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotFirstResponseByte: func() {
					// the connection is not read meanwhile
					if times.Add(1) == 1 {
						close(held)
						<-goOn
					}
				}})
				first := c.Do(own, request(t, method, "http://origin/1", http.NoBody))
				<-held
				time.Sleep(2 * time.Second)
				// writing it shows that the connection has ended
				r, err = c.Get(ctx, "http://origin/2").Await(ctx)
				wantBody(t, r, err, 200, "/2")
				r, err = first.Await(ctx)
				if close(goOn); method == "GET" {
					wantBody(t, r, err, 200, "/1")
				} else if err == nil {
					t.Errorf("a POST whose connection has ended: got %v; want an error", r)
				}
				return nil
			})
		})
	}
}
