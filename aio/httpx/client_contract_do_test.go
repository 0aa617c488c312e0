package httpx_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing/synctest"
	"time"

	"goaio.example/aio/httpx"
)

// fetch makes a request by Do, or by an http.Client whose response is read, and
// notes what came.
func (s *clientSide) fetch(req *http.Request) {
	r, err := s.fetched(req)
	if err != nil {
		s.saw("%s", failure(err))
		return
	}
	r.Header.Del("Date")
	r.Header.Del("Connection")
	s.saw("%d from %s, %s", r.Status, r.URL.Path, clipBody(r.Body))
	s.saw("header %s", fieldsOf(r.Header))
	if len(r.Trailer) > 0 {
		s.saw("trailer %s", fieldsOf(r.Trailer))
	}
}

func (s *clientSide) fetched(req *http.Request) (*httpx.Response, error) {
	if s.ours != nil {
		own := req.Context()
		return s.ours.Do(own, req.WithContext(context.Background())).Await(context.WithoutCancel(own))
	}
	resp, err := (&http.Client{Transport: s.rt, Jar: s.jar}).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	return &httpx.Response{Status: resp.StatusCode, Header: resp.Header, Trailer: resp.Trailer, Body: body, URL: resp.Request.URL}, nil
}

// fetches is a case of a request whose response is read whole.
func fetches(name, method string, body func() io.Reader, serve func(w http.ResponseWriter, r *http.Request)) clientContract {
	return clientContract{
		name:  name,
		serve: func(_ *clientSide, w http.ResponseWriter, r *http.Request) { serve(w, r) },
		visit: func(s *clientSide) {
			for range 2 {
				s.fetch(s.request(method, "/from", made(body)))
				synctest.Wait()
			}
		},
	}
}

// answersText answers with what it was sent.
func answersText(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	io.WriteString(w, r.Method+" "+r.URL.Path+" "+string(b))
}

// sendsOn redirects from /from to /to.
func sendsOn(code int) func(w http.ResponseWriter, r *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/from" {
			http.Redirect(w, r, "/to", code)
			return
		}
		answersText(w, r)
	}
}

func (s *clientSide) keepsCookies() {
	s.jar = httpx.NewJar()
	if s.ours != nil {
		s.ours.Jar = s.jar
	}
}

var clientDoContracts = []clientContract{
	fetches("GET", "GET", nil, answersText),
	fetches("POST", "POST", text("hello"), answersText),
	fetches("POST of a stream", "POST", streamed("hello"), answersText),
	fetches("PUT, long", "PUT", textOf(300_000), answersText),
	fetches("HEAD", "HEAD", nil, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "100") }),
	fetches("204", "GET", nil, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }),
	fetches("404", "GET", nil, http.NotFound),
	fetches("chunked", "GET", nil, func(w http.ResponseWriter, _ *http.Request) {
		for range 3 {
			io.WriteString(w, "piece")
			http.NewResponseController(w).Flush()
			time.Sleep(time.Second)
		}
	}),
	fetches("a trailer", "GET", nil, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-T")
		io.WriteString(w, strings.Repeat("x", 5000))
		w.Header().Set("X-T", "1")
	}),
	fetches("gzip", "GET", nil, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(gzipped("hello"))
	}),
	fetches("gzip with a trailer", "GET", nil, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Trailer", "X-T")
		w.Write(gzipped("hello"))
		http.NewResponseController(w).Flush()
		w.Header().Set("X-T", "1")
	}),
	fetches("cut off", "GET", nil, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "hello")
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}),
	fetches("301 of POST", "POST", text("hello"), sendsOn(301)),
	fetches("307 of POST", "POST", text("hello"), sendsOn(307)),
	fetches("308 of a stream", "POST", streamed("hello"), sendsOn(308)),
	fetches("in circles", "GET", nil, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/from", http.StatusFound) }),
	{
		name: "cookies",
		serve: func(s *clientSide, w http.ResponseWriter, r *http.Request) {
			s.served("%s: %q", r.URL.Path, r.Header["Cookie"])
			http.SetCookie(w, &http.Cookie{Name: "k", Value: "v", Path: "/"})
			if r.URL.Path == "/from" {
				http.Redirect(w, r, "/to", http.StatusFound)
			}
		},
		visit: func(s *clientSide) {
			s.keepsCookies()
			s.fetch(s.request("GET", "/from", nil))
			s.fetch(s.request("GET", "/again", nil))
		},
	},
	{
		name: "cancelled at each second",
		serve: func(_ *clientSide, w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			if r.URL.Path == "/from" {
				http.Redirect(w, r, "/to", http.StatusFound)
				return
			}
			for range 3 {
				io.WriteString(w, "piece")
				http.NewResponseController(w).Flush()
				time.Sleep(time.Second)
			}
		},
		visit: func(s *clientSide) {
			for i := range 6 {
				ctx, cancel := context.WithTimeout(s.ctx, time.Duration(i)*time.Second+time.Second/2)
				begin := time.Now()
				s.fetch(s.request("GET", "/from", nil).WithContext(ctx))
				s.saw("after %v", time.Since(begin))
				cancel()
				time.Sleep(time.Minute)
			}
		},
	},
}
