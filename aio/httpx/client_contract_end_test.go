package httpx_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing/synctest"
	"time"
)

// pauses is a handler that pauses where the path says.
func pauses(s *clientSide, w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/head" {
		s.served("its ctx ends: %v", ends(r.Context()))
		// an answer could come before the client's end is known there
		panic(http.ErrAbortHandler)
	}
	io.WriteString(w, "hello")
	http.NewResponseController(w).Flush()
	if r.URL.Path == "/body" {
		s.served("its ctx ends: %v", ends(r.Context()))
		panic(http.ErrAbortHandler)
	}
}

// endsBy is a case of a request whose context ends.
func endsBy(name, path string, end func(ctx context.Context) (context.Context, context.CancelFunc)) clientContract {
	return clientContract{
		name: name, serve: pauses,
		visit: func(s *clientSide) {
			ctx, cancel := end(s.ctx)
			defer cancel()
			begin := time.Now()
			s.do(s.request("GET", path, nil).WithContext(ctx))
			s.saw("after %v", time.Since(begin))
			synctest.Wait()
			s.get("/")
		},
	}
}

func cancelsLater(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	time.AfterFunc(time.Second, cancel)
	return ctx, cancel
}

func cancelsNow(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx, cancel
}

func deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Second)
}

var errCause = errors.New("the cause")

var clientEndContracts = []clientContract{
	endsBy("cancelled before", "/", cancelsNow),
	endsBy("cancelled in the header", "/head", cancelsLater),
	endsBy("cancelled in the body", "/body", cancelsLater),
	endsBy("cancelled behind it", "/", cancelsLater),
	endsBy("too late for the header", "/head", deadline),
	endsBy("too late for the body", "/body", deadline),
	{
		name: "cancelled behind the header", serve: pauses,
		visit: func(s *clientSide) {
			ctx, cancel := context.WithCancel(s.ctx)
			resp, err := s.rt.RoundTrip(s.request("GET", "/body", nil).WithContext(ctx))
			if err != nil {
				s.Fatalf("s.rt.RoundTrip: %v", err)
			}
			cancel()
			synctest.Wait()
			s.body(resp)
		},
	},
	{
		name: "cancelled with a cause", serve: pauses,
		visit: func(s *clientSide) {
			ctx, cancel := context.WithCancelCause(s.ctx)
			time.AfterFunc(time.Second, func() { cancel(errCause) })
			_, err := s.rt.RoundTrip(s.request("GET", "/head", nil).WithContext(ctx))
			s.saw("the cause: %v, context.Canceled: %v", errors.Is(err, errCause), errors.Is(err, context.Canceled))
		},
	},
	{
		name: "Timeout of an http.Client", serve: pauses,
		visit: func(s *clientSide) {
			for _, path := range []string{"/head", "/body"} {
				begin := time.Now()
				hc := &http.Client{Transport: s.rt, Timeout: time.Second}
				resp, err := hc.Do(s.request("GET", path, nil))
				if err == nil {
					s.body(resp)
				} else {
					s.saw("%s", failure(err))
				}
				s.saw("after %v", time.Since(begin))
			}
		},
	},
}

// reuse is a case of how many connections some requests take.
func reuse(name string, serve func(s *clientSide, w http.ResponseWriter, r *http.Request), visit func(s *clientSide)) clientContract {
	return clientContract{name: name, serve: serve, visit: func(s *clientSide) {
		visit(s)
		synctest.Wait()
		s.saw("%d connections", s.conns.Load())
	}}
}

func saysHello(_ *clientSide, w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	io.WriteString(w, "hello")
}

// halfRead makes a request and closes its body when half is read.
func halfRead(s *clientSide) {
	resp, err := s.rt.RoundTrip(s.request("GET", "/", nil))
	if err != nil {
		s.Fatalf("s.rt.RoundTrip: %v", err)
	}
	synctest.Wait() // everything that the server sends has arrived
	io.CopyN(io.Discard, resp.Body, resp.ContentLength/2)
	resp.Body.Close()
	synctest.Wait()
}

var clientConnContracts = []clientContract{
	reuse("one after the other", saysHello, func(s *clientSide) {
		for range 3 {
			s.get("/")
			synctest.Wait()
		}
	}),
	reuse("POSTs", saysHello, func(s *clientSide) {
		for range 3 {
			s.do(s.request("POST", "/", strings.NewReader("hello")))
			synctest.Wait()
		}
	}),
	reuse("of HEAD and 204", func(_ *clientSide, w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/204" {
			w.WriteHeader(204)
		} else {
			w.Header().Set("Content-Length", "10")
		}
	}, func(s *clientSide) {
		s.do(s.request("HEAD", "/", nil))
		synctest.Wait()
		s.get("/204")
		synctest.Wait()
		s.do(s.request("HEAD", "/", nil))
	}),
	reuse("Close", saysHello, func(s *clientSide) {
		for range 3 {
			r := s.request("GET", "/", nil)
			r.Close = true
			s.do(r)
			synctest.Wait()
		}
	}),
	reuse("the server's Connection: close", func(_ *clientSide, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		io.WriteString(w, "hello")
	}, func(s *clientSide) {
		for range 3 {
			s.get("/")
			time.Sleep(10 * time.Second)
		}
	}),
	reuse("half read, short", saysHello, func(s *clientSide) { halfRead(s); halfRead(s) }),
	reuse("half read, long", func(_ *clientSide, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "500000")
		for range 10 {
			w.Write(make([]byte, 50_000))
		}
	}, func(s *clientSide) { halfRead(s); halfRead(s) }),
	reuse("not read", saysHello, func(s *clientSide) {
		for range 2 {
			resp, err := s.rt.RoundTrip(s.request("GET", "/", nil))
			if err != nil {
				s.Fatalf("s.rt.RoundTrip: %v", err)
			}
			synctest.Wait()
			resp.Body.Close()
			synctest.Wait()
		}
	}),
	reuse("idle for long", saysHello, func(s *clientSide) {
		for _, d := range []time.Duration{0, time.Minute, 2 * time.Minute} {
			time.Sleep(d)
			s.get("/")
			synctest.Wait()
		}
	}),
	reuse("side by side", func(_ *clientSide, w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Second)
		io.WriteString(w, r.URL.Path)
	}, func(s *clientSide) {
		s.get("/first")
		var all sync.WaitGroup
		begin := time.Now()
		for _, path := range []string{"/a", "/b", "/c"} {
			all.Go(func() {
				resp, err := s.rt.RoundTrip(s.request("GET", path, nil))
				if err != nil {
					s.Errorf("s.rt.RoundTrip: %v", err)
					return
				}
				if b, err := io.ReadAll(resp.Body); err != nil || string(b) != path {
					s.Errorf("%s got %q, %v", path, b, err)
				}
				resp.Body.Close()
			})
		}
		all.Wait()
		s.saw("all after %v", time.Since(begin))
		synctest.Wait()
	}),
	reuse("CloseIdleConnections", saysHello, func(s *clientSide) {
		s.get("/")
		synctest.Wait()
		(&http.Client{Transport: s.rt}).CloseIdleConnections()
		synctest.Wait()
		s.get("/")
	}),
	reuse("behind a panic of the server's", func(_ *clientSide, w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/panic" {
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, "hello")
	}, func(s *clientSide) {
		s.get("/")
		synctest.Wait()
		s.get("/panic")
		synctest.Wait()
		s.get("/")
	}),
}

// redirects is a case of a redirect that an http.Client follows.
func redirects(name, method string, code int, location string, body func() io.Reader) clientContract {
	return clientContract{
		name: name,
		serve: func(s *clientSide, w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/from" {
				w.Header().Set("Location", location)
				w.WriteHeader(code)
				io.WriteString(w, "elsewhere")
				return
			}
			b, err := io.ReadAll(r.Body)
			s.served("%s %s, %q, %s, referer %q, %q", r.Method, r.URL, b, failure(err),
				strings.TrimPrefix(r.Referer(), s.url), r.Header["X-A"])
			io.WriteString(w, "arrived")
		},
		visit: func(s *clientSide) {
			r := s.request(method, "/from", made(body))
			r.Header.Set("X-A", "1")
			resp, err := (&http.Client{Transport: s.rt}).Do(r)
			if err != nil {
				s.saw("%s", failure(err))
				return
			}
			s.saw("%s from %s", resp.Status, resp.Request.URL.Path)
			s.body(resp)
		},
	}
}

var clientRedirectContracts = []clientContract{
	redirects("301 of GET", "GET", 301, "/to", nil),
	redirects("302 of POST", "POST", 302, "/to", text("hello")),
	redirects("303 of PUT", "PUT", 303, "/to", text("hello")),
	redirects("307 of POST", "POST", 307, "/to?q", text("hello")),
	redirects("308 of POST", "POST", 308, "/to", text("hello")),
	redirects("307 of a stream", "POST", 307, "/to", streamed("hello")),
	redirects("302 of HEAD", "HEAD", 302, "to", nil),
	redirects("nowhere", "GET", 302, "", nil),
	redirects("to what is no URL", "GET", 302, "http://%zz/", nil),
	redirects("to another scheme", "GET", 302, "ftp://origin/", nil),
	redirects("304", "GET", 304, "/to", nil),
}
