package httpx_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// opaque hides what a Reader is.
type opaque struct{ io.Reader }

// TestUploads checks what is sent for each kind of body: its framing, the body
// itself, and its trailer.
func TestUploads(t *testing.T) {
	long := strings.Repeat("0123456789", 50_000)
	for name, x := range map[string]struct {
		method  string
		body    io.Reader
		set     func(*http.Request)
		framing string // Content-Length, or TE
		want    string
		trailer string
	}{
		"none, GET":               {method: "GET", framing: "-1"},
		"none, POST":              {method: "POST", framing: "0"},
		"known":                   {method: "POST", body: strings.NewReader("hello"), framing: "5", want: "hello"},
		"known, long":             {method: "PUT", body: strings.NewReader(long), framing: "500000", want: long},
		"of unknown length":       {method: "POST", body: opaque{strings.NewReader("hello")}, framing: "chunked", want: "hello"},
		"of unknown length, long": {method: "POST", body: opaque{strings.NewReader(long)}, framing: "chunked", want: long},
		"empty, unknown, POST":    {method: "POST", body: opaque{strings.NewReader("")}, framing: "chunked"},
		"empty, unknown, GET":     {method: "GET", body: opaque{strings.NewReader("")}, framing: "-1"},
		"unknown, GET":            {method: "GET", body: opaque{strings.NewReader("hello")}, framing: "chunked", want: "hello"},
		"http.NoBody":             {method: "POST", body: http.NoBody, framing: "0"},
		"length said":             {method: "POST", body: opaque{strings.NewReader("hello")}, set: func(r *http.Request) { r.ContentLength = 5 }, framing: "5", want: "hello"},
		"chunked said":            {method: "POST", body: strings.NewReader("hello"), set: func(r *http.Request) { r.TransferEncoding = []string{"chunked"} }, framing: "chunked", want: "hello"},
		"with a trailer": {
			method: "POST", body: opaque{strings.NewReader("hello")}, framing: "chunked", want: "hello", trailer: "sum",
			set: func(r *http.Request) { r.Trailer = http.Header{"X-Sum": {"sum"}} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				framing := r.Header.Get("Content-Length")
				if framing == "" {
					framing = "-1"
				}
				if len(r.TransferEncoding) > 0 {
					framing = r.TransferEncoding[0]
				}
				if err != nil || framing != x.framing || string(body) != x.want || r.Trailer.Get("X-Sum") != x.trailer {
					t.Errorf("got %s, %d bytes, %v, %v", framing, len(body), r.Trailer, err)
				}
			}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
				c := inMemory(new(httpx.Client), n)
				for range 2 {
					req := request(t, x.method, "http://origin", x.body)
					if x.set != nil {
						x.set(req)
					}
					if r, err := c.Do(ctx, req).Await(ctx); err != nil || r.Status != 200 {
						t.Errorf("got %v, %v", r, err)
					}
					// what sends the body has given the connection back
					synctest.Wait()
					if s, ok := x.body.(io.Seeker); ok {
						s.Seek(0, io.SeekStart)
					} else {
						break
					}
				}
				synctest.Wait()
				if n := outgoing(ctx); n != 1 {
					t.Errorf("%d connections", n)
				}
				return nil
			})
		})
	}
}

// TestBadUploads checks that a body that fails, or is not as long as it was
// said to be, fails the request, and that its connection is not used again.
func TestBadUploads(t *testing.T) {
	why := errors.New("why")
	for name, body := range map[string]io.Reader{
		"fails":       io.MultiReader(strings.NewReader("hel"), readerFunc(func([]byte) (int, error) { return 0, why })),
		"is short":    strings.NewReader("hel"),
		"is too long": strings.NewReader("hello, world"),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, echoes, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
				c := inMemory(new(httpx.Client), n)
				req := request(t, "POST", "http://origin", opaque{body})
				req.ContentLength = 5
				_, err := c.Do(ctx, req).Await(ctx)
				failsWith(t, err, httpx.PhaseSend, err)
				if name == "fails" && !errors.Is(err, why) {
					t.Errorf("got %v", err)
				}
				synctest.Wait()
				if n := outgoing(ctx); n != 0 {
					t.Errorf("%d connections", n)
				}
				return nil
			})
		})
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestEarlyAnswer checks that an answer that comes while the body is being sent
// is the answer, that the body is closed, and the connection with it.
func TestEarlyAnswer(t *testing.T) {
	bubbleScript(t, func(n int, c net.Conn, r *bufio.Reader) {
		io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
		silent(n, c, r)
	}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
		c := inMemory(new(httpx.Client), n)
		body, w := io.Pipe()
		r, err := c.Do(ctx, request(t, "POST", "http://origin", body)).Await(ctx)
		wantBody(t, r, err, 413, "no")
		synctest.Wait()
		if _, err := w.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the body was not closed: %v", err)
		}
		if n := outgoing(ctx); n != 0 {
			t.Errorf("%d connections", n)
		}
		return nil
	})
}

// TestExpectContinue checks that a body whose request asks for 100 is sent when
// the server says so, or after a second, and not if it answers otherwise.
func TestExpectContinue(t *testing.T) {
	for name, x := range map[string]struct {
		says   string
		status int
		sent   bool
		after  time.Duration
	}{
		"100":     {says: "HTTP/1.1 100 Continue\r\n\r\n", status: 200, sent: true},
		"nothing": {status: 200, sent: true, after: time.Second},
		"417":     {says: "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n", status: 417},
	} {
		t.Run(name, func(t *testing.T) {
			var sent atomic.Bool
			bubbleScript(t, func(n int, c net.Conn, r *bufio.Reader) {
				io.WriteString(c, x.says)
				if _, err := io.ReadFull(r, make([]byte, 5)); err == nil {
					sent.Store(true)
					io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
				silent(n, c, r)
			}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
				c := inMemory(new(httpx.Client), n)
				req := request(t, "POST", "http://origin", strings.NewReader("hello"))
				req.Header.Set("Expect", "100-continue")
				begin := time.Now()
				r, err := c.Do(ctx, req).Await(ctx)
				wantBody(t, r, err, x.status, "")
				synctest.Wait()
				if d := time.Since(begin); d != x.after || sent.Load() != x.sent {
					t.Errorf("after %v, sent %v", d, sent.Load())
				}
				return nil
			})
		})
	}
}

// TestProgressHedged checks that an upload that is made twice, side by side,
// counts once.
func TestProgressHedged(t *testing.T) {
	var calls, gone atomic.Int32
	bubble(t, slowly(&calls, &gone, 5*time.Second), func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
		c := inMemory(&httpx.Client{Hedge: httpx.Hedge{Delay: time.Second}}, n)
		own, ch := httpx.WithProgress(ctx)
		f := c.Do(own, request(t, "PUT", "http://origin", strings.NewReader("hello")))
		for p := range ch {
			if p.Sent > 5 || p.SendTotal != 5 {
				t.Errorf("told %v", p)
			}
		}
		r, err := f.Await(ctx)
		wantBody(t, r, err, 200, "/\nhello")
		if calls.Load() != 2 {
			t.Errorf("%d requests", calls.Load())
		}
		return nil
	})
}

// TestUpgradedStream checks that the body of a 101 carries what the connection
// does, both ways, for as long as it takes; that bytes behind the header are
// its first; and that its operation ends when it is closed.
func TestUpgradedStream(t *testing.T) {
	bubbleScript(t, func(_ int, c net.Conn, r *bufio.Reader) {
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello ")
		io.Copy(c, r)
	}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
		c := inMemory(&httpx.Client{MaxConnsPerHost: 1}, n)
		req := request(t, "GET", "http://origin", nil)
		req.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"echo"}}
		s, err := c.Stream(ctx, req).Await(ctx)
		if err != nil {
			return err
		}
		both, ok := s.Body.(io.ReadWriteCloser)
		if !ok || s.Status != 101 {
			t.Fatalf("got %d with a %T", s.Status, s.Body)
		}
		b := make([]byte, 6)
		if _, err := io.ReadFull(both, b); err != nil || string(b) != "hello " {
			t.Errorf("got %q, %v", b, err)
		}
		time.Sleep(time.Hour)
		if _, err := io.WriteString(both, "world!"); err != nil {
			t.Errorf("io.WriteString: %v", err)
		}
		if _, err := io.ReadFull(both, b); err != nil || string(b) != "world!" {
			t.Errorf("got %q, %v", b, err)
		}
		if k := aio.LoopOf(ctx).Stats().HTTPRequests; k != 1 {
			t.Errorf("%d requests", k)
		}
		if err := both.Close(); err != nil {
			t.Errorf("both.Close: %v", err)
		}
		synctest.Wait()
		if k := aio.LoopOf(ctx).Stats(); k.HTTPRequests != 0 || k.OutgoingConns != 0 {
			t.Errorf("left: %v", k)
		}
		// The place of the connection is free again. A cancellation ends it,
		// too.
		own, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		if s, err = c.Stream(own, req.Clone(ctx)).Await(ctx); err != nil {
			return err
		}
		cancel(errors.New("why"))
		if _, err := io.ReadAll(s.Body); err == nil {
			t.Error("a body that was cancelled came to its end")
		}
		synctest.Wait()
		if n := outgoing(ctx); n != 0 {
			t.Errorf("%d connections", n)
		}
		return nil
	})
}

// TestUpgradedRoundTrip checks that the body of a RoundTrip's 101 goes on when
// the context of the request has ended, that it holds the loop open, is a
// net.Conn that can be half-closed, and ends with the loop.
func TestUpgradedRoundTrip(t *testing.T) {
	bubbleScript(t, func(_ int, c net.Conn, r *bufio.Reader) {
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		io.Copy(c, r)
	}, func(_ context.Context, t *testing.T, n *aiotest.Network) error {
		c := inMemory(new(httpx.Client), n)
		upgraded := func(ctx context.Context) net.Conn {
			own, cancel := context.WithCancel(ctx)
			defer cancel()
			req := request(t, "GET", "http://origin/echo", nil).WithContext(own)
			req.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"echo"}}
			resp, err := (&http.Client{Transport: c}).Do(req)
			if err != nil {
				t.Fatalf("Do: %v", err)
			}
			return resp.Body.(net.Conn)
		}
		for _, closed := range []bool{true, false} {
			loop := new(aio.Loop)
			begin := time.Now()
			err := loop.Run(context.Background(), func(ctx context.Context) error {
				conn := upgraded(ctx)
				go func() {
					b := make([]byte, 2)
					time.Sleep(time.Hour)
					io.WriteString(conn, "hi")
					if _, err := io.ReadFull(conn, b); err != nil || string(b) != "hi" {
						t.Errorf("got %q, %v", b, err)
					}
					if s := loop.Stats(); s.Kinds["http.tunnel"] != 1 || s.HTTPRequests != 0 {
						t.Errorf("in flight: %v", s)
					}
					loop.Exit(nil)
					if closed {
						if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
							t.Errorf("CloseWrite: %v", err)
						}
						if rest, err := io.ReadAll(conn); err != nil || len(rest) > 0 {
							t.Errorf("then %q, %v", rest, err)
						}
						conn.Close()
					}
				}()
				return nil
			})
			if d := time.Since(begin); closed && (err != nil || d != time.Hour) || !closed && d <= time.Hour {
				t.Errorf("closed %v: the loop ended after %v: %v", closed, d, err)
			}
		}
		return nil
	})
}

// TestRoundTripper checks that a Client can be the Transport of an http.Client,
// which then follows redirects and keeps cookies, and that the request is an
// operation until its body is closed.
func TestRoundTripper(t *testing.T) {
	url := origin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/redirect" {
			http.SetCookie(w, &http.Cookie{Name: "k", Value: "v", Path: "/"})
			http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
			return
		}
		fmt.Fprint(w, r.Header["Cookie"], " ")
		echoes(w, r)
	})
	aiotest.Run(t, func(ctx context.Context) error {
		c := &httpx.Client{Retry: httpx.Retry{Attempts: 3}, Hedge: httpx.Hedge{Delay: 1}}
		resp, err := c.RoundTrip(request(t, "GET", url+"/redirect", nil).WithContext(ctx))
		if err != nil {
			return err
		}
		if resp.StatusCode != 307 {
			t.Errorf("it followed the redirect: %d", resp.StatusCode)
		}
		if n := aio.LoopOf(ctx).Stats().HTTPRequests; n != 1 {
			t.Errorf("%d requests", n)
		}
		resp.Body.Close()
		hc := &http.Client{Transport: c, Jar: httpx.NewJar()}
		resp, err = hc.Do(request(t, "POST", url+"/redirect", strings.NewReader("hello")).WithContext(ctx))
		if err != nil {
			return err
		}
		body, err := io.ReadAll(resp.Body)
		if string(body) != "[k=v] /\nhello" || err != nil {
			t.Errorf("got %q, %v", body, err)
		}
		if n := aio.LoopOf(ctx).Stats().HTTPRequests; n != 0 {
			t.Errorf("%d requests", n)
		}
		if _, err := hc.Get(url); !errors.Is(err, aio.ErrNoLoop) {
			t.Errorf("without a loop: %v", err)
		}
		short, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := hc.Do(request(t, "GET", url, nil).WithContext(short)); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		return nil
	})
}

// TestCancelUploads checks that an upload may be cancelled whenever, and leaves
// nothing: in each form, to a server that reads, and to one that does not.
func TestCancelUploads(t *testing.T) {
	for name, do := range map[string]func(ctx context.Context, t *testing.T, c *httpx.Client) error{
		"Do": func(ctx context.Context, t *testing.T, c *httpx.Client) error {
			body := opaque{strings.NewReader(strings.Repeat("x", 100_000))}
			_, err := c.Do(ctx, request(t, "PUT", "http://origin/", body)).Await(context.WithoutCancel(ctx))
			return err
		},
		"RoundTrip": func(ctx context.Context, t *testing.T, c *httpx.Client) error {
			resp, err := c.RoundTrip(request(t, "PUT", "http://origin/", strings.NewReader("hello")).WithContext(ctx))
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			_, err = io.Copy(io.Discard, resp.Body)
			return err
		},
		"Stream": func(ctx context.Context, t *testing.T, c *httpx.Client) error {
			r, w := io.Pipe()
			f := c.Stream(ctx, request(t, "PUT", "http://origin/", r))
			io.WriteString(w, "hello")
			w.Close()
			s, err := f.Await(context.WithoutCancel(ctx))
			if err != nil {
				return err
			}
			defer s.Body.Close()
			_, err = io.ReadAll(s.Body)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			aiotest.EachCancel(t, func(t *testing.T, looks *aiotest.Looks) {
				bubble(t, echoes, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
					err := do(looks.Context(ctx), t, inMemory(new(httpx.Client), n))
					if err != nil && !errors.Is(err, looks.Cause()) && !errors.Is(err, context.Canceled) {
						t.Errorf("do: %v", err)
					}
					return nil
				})
			})
		})
	}
}

// TestStaleUpload checks that an upload that may be repeated begins again, with
// its whole body, on another connection when the one that was kept turns out to
// be closed, and that one that may not fails.
func TestStaleUpload(t *testing.T) {
	body := strings.Repeat("0123456789", 50_000)
	for key, repeated := range map[string]bool{"": false, "1": true} {
		var got atomic.Int32
		bubbleScript(t, func(n int, c net.Conn, r *bufio.Reader) {
			if n == 1 {
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				http.ReadRequest(r)
				io.ReadFull(r, make([]byte, 100_000)) // and closes
				return
			}
			n, err := io.ReadFull(r, make([]byte, len(body)))
			if err != nil {
				t.Errorf("io.ReadFull: %v", err)
			}
			got.Store(int32(n))
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
			silent(n, c, r)
		}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
			c := inMemory(new(httpx.Client), n)
			r, err := c.Get(ctx, "http://origin").Await(ctx)
			wantBody(t, r, err, 200, "")
			req := request(t, "POST", "http://origin", strings.NewReader(body))
			if key != "" {
				req.Header.Set("Idempotency-Key", key)
			}
			r, err = c.Do(ctx, req).Await(ctx)
			if repeated {
				wantBody(t, r, err, 200, "done")
			} else if !errors.Is(err, aio.ErrConn) && !errors.Is(err, aio.ErrEOF) {
				t.Errorf("got %v, %v", r, err)
			}
			if n := got.Load(); repeated && int(n) != len(body) || !repeated && n != 0 {
				t.Errorf("%d bytes on the second connection", n)
			}
			return nil
		})
	}
}
