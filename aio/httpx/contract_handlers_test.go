package httpx_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// file makes a file of n bytes "0123456789..." in a new folder, both as
// of a date.
func (s *side) file(n int) string {
	name := filepath.Join(s.TempDir(), "file.txt")
	text := strings.Repeat("0123456789", n/10+1)[:n]
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		s.Errorf("os.WriteFile: %v", err)
	}
	at := time.Unix(1e9, 0)
	for _, name := range []string{name, filepath.Dir(name)} {
		if err := os.Chtimes(name, at, at); err != nil {
			s.Errorf("os.Chtimes: %v", err)
		}
	}
	return name
}

// copied is a case of a file of n bytes that the handler copies by hand.
func copied(name string, n int, set func(h http.Header), copyFile func(w io.Writer, f *os.File) (int64, error)) contract {
	return contract{
		name: name,
		serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
			f, err := os.Open(s.file(n))
			if err != nil {
				s.Errorf("os.Open: %v", err)
				return
			}
			defer f.Close()
			if set != nil {
				set(w.Header())
			}
			sent, err := copyFile(w, f)
			s.served("copied %d, %v", sent, err)
		},
		send: []string{get11, head11, getPath("/", "Connection: close")},
	}
}

func copyAll(w io.Writer, f *os.File) (int64, error) { return io.Copy(w, f) }

func setLength(n int) func(h http.Header) {
	return func(h http.Header) { h.Set("Content-Length", fmt.Sprint(n)) }
}

// handled is a case of requests to a handler.
func handled(name string, h func(s *side) http.Handler, requests ...string) contract {
	return contract{
		name:  name,
		serve: func(s *side, w http.ResponseWriter, r *http.Request) { h(s).ServeHTTP(w, r) },
		send:  requests,
	}
}

func files(s *side) http.Handler { return http.FileServer(http.Dir(filepath.Dir(s.file(1000)))) }

// fileWith is a request for a file.
func fileWith(fields ...string) string { return getPath("/file.txt", fields...) }

var handlersContracts = []contract{
	copied("io.Copy of a small file", 100, nil, copyAll),
	copied("io.Copy of a large file", 300000, nil, copyAll),
	copied("io.Copy with a length", 300000, setLength(300000), copyAll),
	copied("io.Copy short of a length", 1000, setLength(2000), copyAll),
	copied("io.CopyN", 300000, setLength(200000), func(w io.Writer, f *os.File) (int64, error) { return io.CopyN(w, f, 200000) }),
	copied("io.CopyN beyond the end", 1000, nil, func(w io.Writer, f *os.File) (int64, error) { return io.CopyN(w, f, 2000) }),
	copied("io.Copy behind a Write", 10000, setLength(10003), func(w io.Writer, f *os.File) (int64, error) {
		io.WriteString(w, "abc")
		return io.Copy(w, f)
	}),
	copied("io.Copy before a Write", 10000, setLength(10003), func(w io.Writer, f *os.File) (int64, error) {
		n, err := io.Copy(w, f)
		io.WriteString(w, "abc")
		return n, err
	}),
	copied("io.Copy through a wrapper", 10000, setLength(10000), func(w io.Writer, f *os.File) (int64, error) {
		return io.Copy(wrapped{w.(http.ResponseWriter)}, f)
	}),
	copied("ReadFrom behind Flush", 10000, nil, func(w io.Writer, f *os.File) (int64, error) {
		w.(http.Flusher).Flush()
		return w.(io.ReaderFrom).ReadFrom(f)
	}),
	copied("ReadFrom of what is no file", 10000, nil, func(w io.Writer, f *os.File) (int64, error) {
		return w.(io.ReaderFrom).ReadFrom(struct{ io.Reader }{f})
	}),
	{
		name: "io.Copy beyond a length",
		serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
			f, err := os.Open(s.file(2000))
			if err != nil {
				s.Errorf("os.Open: %v", err)
				return
			}
			defer f.Close()
			w.Header().Set("Content-Length", "1000")
			n, err := io.Copy(w, f)
			s.served("copied %d, %v", n, err)
		},
		visit: func(s *side) {
			p := s.dial()
			p.say(get11)
			p.answer("GET")
			p.rest()
		},
	},
	{
		name: "ReadFrom of what fails",
		serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
			n, err := w.(io.ReaderFrom).ReadFrom(io.MultiReader(strings.NewReader("part"), failingReader{}))
			s.served("%d, %v", n, err)
			w.WriteHeader(500)
		},
		send: []string{get11},
	},
	{
		name: "ReadFrom with 204",
		serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(204)
			n, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader("body"))
			s.served("%d, %v", n, err)
		},
		send: []string{get11},
	},
	handled("FileServer", files,
		fileWith(), "HEAD /file.txt HTTP/1.1\r\nHost: h\r\n\r\n", getPath("/none"), getPath("/"), getPath("/file.txt/"), getPath("/../file.txt")),
	handled("FileServer with ranges", files,
		fileWith("Range: bytes=0-9"), fileWith("Range: bytes=-5"), fileWith("Range: bytes=995-"), fileWith("Range: bytes=2000-"),
		fileWith("Range: lines=1"), fileWith("Range: bytes=0-9", `If-Range: "x"`)),
	handled("FileServer with conditions", files,
		fileWith("If-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT"), fileWith("If-Modified-Since: Sun, 09 Sep 2001 01:46:39 GMT"),
		fileWith("If-Unmodified-Since: Sun, 09 Sep 2001 01:46:39 GMT")),
	{
		name: "FileServer with two ranges",
		serve: func(s *side, w http.ResponseWriter, r *http.Request) {
			files(s).ServeHTTP(w, r)
		},
		visit: func(s *side) {
			p := s.dial()
			p.say(fileWith("Range: bytes=0-9,20-29"))
			m := p.head()
			s.saw("%s, multipart %v", m.lines[0], strings.Contains(strings.Join(m.lines, "\n"), "multipart/byteranges"))
			n, err := io.CopyN(io.Discard, p.r, m.length)
			s.saw("%d of %d, %v", n, m.length, err)
			p.probe()
		},
	},
	handled("ServeContent", func(*side) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Etag", `"a"`)
			http.ServeContent(w, r, "a.html", time.Unix(1e9, 0), strings.NewReader(page))
		})
	}, get11, head11, getPath("/", `If-None-Match: "a"`), getPath("/", `If-Match: "b"`), getPath("/", "Range: bytes=0-3")),
	handled("StripPrefix", func(s *side) http.Handler {
		return http.StripPrefix("/a", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			s.served("%q %q %q", r.URL.Path, r.URL.RawPath, r.RequestURI)
		}))
	}, getPath("/a/b%2Fc"), getPath("/b")),
	handled("Redirect and NotFound", func(*side) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/none" {
				http.NotFound(w, r)
				return
			}
			http.Redirect(w, r, "../there?a=b", http.StatusFound)
		})
	}, getPath("/a/b"), getPath("/none"), "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"),
	handled("TimeoutHandler in time", func(*side) http.Handler {
		return http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-A", "b")
			w.WriteHeader(201)
			io.WriteString(w, "body")
		}), time.Hour, "late")
	}, get11, head11),
	{
		name: "TimeoutHandler late",
		serve: func(s *side, w http.ResponseWriter, r *http.Request) {
			http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer s.signal("written")
				<-r.Context().Done()
				s.await("answered")
				s.writes(w, "body")
			}), time.Millisecond, "late").ServeHTTP(w, r)
		},
		visit: func(s *side) {
			p := s.dial()
			p.say(get11)
			p.answer("GET")
			s.signal("answered")
			s.await("written")
			p.probe()
		},
	},
	handled("TimeoutHandler with a panic", func(*side) http.Handler {
		return http.TimeoutHandler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), time.Hour, "late")
	}, get11),
	handled("AllowQuerySemicolons", func(s *side) http.Handler {
		return http.AllowQuerySemicolons(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { s.served("%q", r.FormValue("c")) }))
	}, getPath("/?a=b;c=d")),
	{
		name:  "ReverseProxy",
		serve: proxies,
		visit: func(s *side) {
			s.exchange(getPath("/a?b=c"), "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
				chunked11("Trailer: X-A\r\n", "X-A: a\r\n"), getPath("/trailer"), getPath("/hints"), head11)
			c := s.web()
			s.do(c, s.request("GET", "/stream", nil))
		},
	},
	{
		name:  "ReverseProxy of an upgrade",
		serve: proxies,
		visit: func(s *side) {
			p := s.dial()
			p.say("GET /upgrade HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
			p.answer("GET")
			p.say("ping")
			p.expect("pong")
			p.Close() // the proxy's handler returns then
		},
	},
	{
		name: "ReverseProxy without a server behind it",
		serve: func(_ *side, w http.ResponseWriter, r *http.Request) {
			proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "127.0.0.1:0"})
			proxy.ErrorLog = quiet
			proxy.ServeHTTP(w, r)
		},
		send: []string{get11},
	},
	{
		name:  "ReverseProxy of an answer that is cut off",
		serve: proxies,
		visit: func(s *side) {
			s.exchange(getPath("/abort"))
		},
	},
}

// failingReader fails.
type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// proxies is a proxy before itself: its own requests have a field X-Behind.
func proxies(s *side, w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Behind") == "" {
		proxy := &httputil.ReverseProxy{
			Rewrite: func(pr *httputil.ProxyRequest) {
				u, _ := url.Parse(s.url("")) // it is one
				pr.SetURL(u)
				pr.Out.Header.Set("X-Behind", "proxy")
			},
			Transport: s.transport(),
			ErrorLog:  quiet,
		}
		proxy.ServeHTTP(w, r)
		return
	}
	s.served("behind: %s %q, length %d, coding %q", r.Method, r.URL, r.ContentLength, r.TransferEncoding)
	switch r.URL.Path {
	case "/upgrade":
		c, b := s.hijack(w)
		defer c.Close()
		b.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		b.Flush()
		s.gets(b, "ping")
		b.WriteString("pong")
		b.Flush()
	case "/trailer":
		w.Header().Set("Trailer", "X-A")
		io.WriteString(w, "body")
		w.Header().Set("X-A", "a")
	case "/hints":
		w.Header().Set("Link", "</a.css>")
		w.WriteHeader(103)
		io.WriteString(w, "body")
	case "/stream":
		for range 100 {
			flushPart(w)
		}
	case "/abort":
		flushPart(w)
		panic(http.ErrAbortHandler)
	default:
		n, err := io.Copy(w, r.Body)
		s.served("behind: %d, %v, trailer %v", n, err, r.Trailer)
	}
}
