package httpx_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// TestShortForms checks that each short form sends its method, URL, type and
// body.
func TestShortForms(t *testing.T) {
	url := origin(t, echoes)
	type form = func(ctx context.Context, url string) *aio.Future[*httpx.Response]
	type bodyForm = func(ctx context.Context, url, contentType string, body []byte) *aio.Future[*httpx.Response]
	c := new(httpx.Client)
	aiotest.Run(t, func(ctx context.Context) error {
		for method, forms := range map[string][]form{
			"GET": {httpx.Get, c.Get}, "HEAD": {httpx.Head, c.Head}, "DELETE": {httpx.Delete, c.Delete},
		} {
			for _, f := range forms {
				r, err := f(ctx, url+"/a%20b?q=1&r").Await(ctx)
				want := "/a%20b?q=1&r\n"
				if method == "HEAD" {
					want = ""
				}
				wantBody(t, r, err, 200, want)
				if err == nil && r.Header.Get("Got-Method") != method {
					t.Errorf("%s sent %s", method, r.Header.Get("Got-Method"))
				}
			}
		}
		for method, forms := range map[string][]bodyForm{
			"POST": {httpx.Post, c.Post}, "PUT": {httpx.Put, c.Put}, "PATCH": {httpx.Patch, c.Patch},
		} {
			for _, f := range forms {
				r, err := f(ctx, url+"/x", "text/x", []byte("hello")).Await(ctx)
				wantBody(t, r, err, 200, "/x\nhello")
				if err == nil && (r.Header.Get("Got-Method") != method || r.Header.Get("Got-Type") != "text/x") {
					t.Errorf("%s sent %v", method, r.Header)
				}
				r, err = f(ctx, url+"/x", "", nil).Await(ctx)
				wantBody(t, r, err, 200, "/x\n")
			}
		}
		return nil
	})
}

// TestDo checks what the seed's http-client does: method, headers, body, and
// the Host set from the URL unless it is given.
func TestDo(t *testing.T) {
	url := origin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X-Two"] = r.Header["X-Two"]
		echoes(w, r)
	})
	aiotest.Run(t, func(ctx context.Context) error {
		for host, set := range map[string]func(*http.Request){
			strings.TrimPrefix(url, "http://"): func(*http.Request) {},
			"by.field.example":                 func(r *http.Request) { r.Host = "by.field.example" },
			"by.header.example":                func(r *http.Request) { r.Header.Set("Host", "by.header.example") },
		} {
			req := request(t, "BREW", url+"/pot", strings.NewReader("coffee"))
			req.Header["X-Two"] = []string{"1", "2"}
			set(req)
			r, err := httpx.Do(ctx, req).Await(ctx)
			wantBody(t, r, err, 200, "/pot\ncoffee")
			if err != nil {
				continue
			}
			if r.Header.Get("Got-Method") != "BREW" || r.Header.Get("Got-Host") != host || len(r.Header["X-Two"]) != 2 {
				t.Errorf("sent %v, not %s", r.Header, host)
			}
			if r.Proto != "HTTP/1.1" || r.URL.Path != "/pot" {
				t.Errorf("response from %v by %s", r.URL, r.Proto)
			}
		}
		return nil
	})
}

// TestStatuses checks that a response is a response, whatever its status.
func TestStatuses(t *testing.T) {
	url := origin(t, func(w http.ResponseWriter, r *http.Request) {
		status := map[string]int{"/204": 204, "/304": 304, "/404": 404, "/500": 500}[r.URL.Path]
		w.WriteHeader(status)
	})
	aiotest.Run(t, func(ctx context.Context) error {
		for path, status := range map[string]int{"/204": 204, "/304": 304, "/404": 404, "/500": 500} {
			r, err := httpx.Get(ctx, url+path).Await(ctx)
			wantBody(t, r, err, status, "")
		}
		return nil
	})
}

// TestNoLoop checks that every function fails with ErrNoLoop without a loop,
// and with ErrLoopDone after it, runs nothing, and closes the request's body.
func TestNoLoop(t *testing.T) {
	var over context.Context
	aiotest.Run(t, func(ctx context.Context) error {
		over = ctx
		return nil
	})
	const url = "http://127.0.0.1:1"
	c := new(httpx.Client)
	for want, ctx := range map[error]context.Context{aio.ErrNoLoop: context.Background(), aio.ErrLoopDone: over} {
		var closed atomic.Int32
		body := func() *http.Request {
			return request(t, "POST", url, closer{strings.NewReader("x"), func() { closed.Add(1) }})
		}
		for i, f := range []*aio.Future[*httpx.Response]{
			httpx.Do(ctx, body()), httpx.Get(ctx, url), httpx.Head(ctx, url), httpx.Delete(ctx, url),
			httpx.Post(ctx, url, "", nil), httpx.Put(ctx, url, "", nil), httpx.Patch(ctx, url, "", nil),
			c.Do(ctx, body()), c.Get(ctx, url), c.Head(ctx, url), c.Delete(ctx, url),
			c.Post(ctx, url, "", nil), c.Put(ctx, url, "", nil), c.Patch(ctx, url, "", nil),
			c.Get(ctx, "::"),
		} {
			if _, err := f.Result(); !errors.Is(err, want) {
				t.Errorf("function %d: got %v, not %v", i, err, want)
			}
		}
		if _, err := c.Stream(ctx, body()).Result(); !errors.Is(err, want) {
			t.Errorf("Stream: got %v, not %v", err, want)
		}
		if n := closed.Load(); n != 3 {
			t.Errorf("%d of 3 bodies closed", n)
		}
	}
}

// closer is a body that tells when it is closed.
type closer struct {
	io.Reader
	closed func()
}

func (c closer) Close() error { c.closed(); return nil }

// TestBodiesAreClosed checks that a request's body is closed, however the
// request ends.
func TestBodiesAreClosed(t *testing.T) {
	url := origin(t, echoes)
	aiotest.Run(t, func(ctx context.Context) error {
		for _, to := range []string{url, "http://127.0.0.1:1", "foo://x", "http://"} {
			for _, again := range []bool{false, true} {
				var closed atomic.Int32
				req := request(t, "POST", to, closer{strings.NewReader("x"), func() { closed.Add(1) }})
				if again {
					req.GetBody = func() (io.ReadCloser, error) {
						return closer{strings.NewReader("x"), func() { closed.Add(1) }}, nil
					}
				}
				httpx.Do(ctx, req).Await(ctx)
				want := int32(1)
				if again {
					want = 2
				}
				aiotest.Eventually(t, func() bool { return closed.Load() >= want })
			}
		}
		return nil
	})
}

// TestErrorsSay checks that errors name method, URL and phase, and keep
// secrets.
func TestErrorsSay(t *testing.T) {
	c := &httpx.Client{Guard: func(context.Context, netip.AddrPort) error { return errors.New("no") }}
	aiotest.Run(t, func(ctx context.Context) error {
		for url, want := range map[string]string{
			"http://user:secret@127.0.0.1:1/path?key=secret#secret": `GET "http://xxxxx@127.0.0.1:1/path?...": dial: `,
			"foo://user:secret@x/":       `GET "foo://xxxxx@x/": request: `,
			"http://user:secret@ho st/":  `GET "invalid URL": request: `,
			"http://user:secret/x@host/": `GET "invalid URL": request: `,
			"http://ho st/":              `GET "invalid URL": request: invalid character " " in host name`,
		} {
			_, err := c.Get(ctx, url).Await(ctx)
			if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: got %v, not %s...", url, err, want)
			}
		}
		_, err := c.Do(ctx, &http.Request{}).Await(ctx)
		failsWith(t, err, httpx.PhaseRequest, err)
		return nil
	})
}

// TestStats checks that a request is counted and named while it is in flight,
// and neither before nor after.
func TestStats(t *testing.T) {
	asked, answer := make(chan bool), make(chan bool)
	url := origin(t, func(w http.ResponseWriter, _ *http.Request) {
		asked <- true
		<-answer
		w.Write(bytes.Repeat([]byte("x"), 1000))
	})
	aiotest.Run(t, func(ctx context.Context) error {
		l := aio.LoopOf(ctx)
		f := httpx.Get(ctx, url+"/path?secret")
		<-asked
		s := l.Stats()
		if s.HTTPRequests != 1 || s.Kinds["http.request.out"] != 1 || s.OutgoingConns != 1 {
			t.Errorf("in flight: %v", s)
		}
		var named bool
		for op := range l.Ops() {
			named = named || op.Name == "GET /path"
		}
		if !named {
			t.Error("no operation is named GET /path")
		}
		answer <- true
		if _, err := f.Await(ctx); err != nil {
			return err
		}
		if s = l.Stats(); s.HTTPRequests != 0 || s.OutgoingConns != 1 || s.BytesIn < 1000 || s.BytesOut < 20 {
			t.Errorf("afterwards: %v", s)
		}
		return nil
	})
}
