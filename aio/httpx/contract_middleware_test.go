package httpx_test

import (
	"bufio"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"strings"
)

// statusWriter notes status and size, as middleware that logs does.
type statusWriter struct {
	http.ResponseWriter
	status, size int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = 200
	}
	n, err := w.ResponseWriter.Write(p)
	w.size += n
	return n, err
}

func (w *statusWriter) Flush() { w.ResponseWriter.(http.Flusher).Flush() }

func (w *statusWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.ResponseWriter.(http.Hijacker).Hijack()
}

// logging notes what a handler answers.
func logging(s *side, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lw := &statusWriter{ResponseWriter: w}
		defer func() { s.served("logged: %s %d %d", r.URL, lw.status, lw.size) }()
		h.ServeHTTP(lw, r)
	})
}

// packedWriter packs what is written.
type packedWriter struct {
	http.ResponseWriter
	z *gzip.Writer
}

func (w *packedWriter) WriteHeader(status int) {
	w.Header().Del("Content-Length")
	w.ResponseWriter.WriteHeader(status)
}

func (w *packedWriter) Write(p []byte) (int, error) {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", http.DetectContentType(p))
	}
	return w.z.Write(p)
}

func (w *packedWriter) Flush() {
	w.z.Flush()
	w.ResponseWriter.(http.Flusher).Flush()
}

// packing packs the body for clients that accept it.
func packing(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Add("Vary", "Accept-Encoding")
		z := gzip.NewWriter(w)
		defer z.Close()
		h.ServeHTTP(&packedWriter{w, z}, r)
	})
}

// recovering answers with 500 for a handler that panics.
func recovering(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler {
					panic(v)
				}
				http.Error(w, "sorry", 500)
			}
		}()
		h.ServeHTTP(w, r)
	})
}

// inside is a case of a handler within all of these.
func inside(name string, h http.HandlerFunc, visit func(s *side)) contract {
	return contract{
		name: name,
		serve: func(s *side, w http.ResponseWriter, r *http.Request) {
			logging(s, recovering(packing(h))).ServeHTTP(w, r)
		},
		visit: visit,
	}
}

// visits makes requests for the root, by raw clients and net/http's, which
// unpacks.
func visits(s *side) {
	s.exchange(get11, head11)
	c := s.web()
	s.do(c, s.request("GET", "/", nil))
	s.do(c, s.request("GET", "/", nil))
}

var middlewareContracts = []contract{
	inside("short", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, page) }, visits),
	inside("long", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, strings.Repeat(page, 10000))
	}, visits),
	inside("nothing", func(http.ResponseWriter, *http.Request) {}, func(s *side) { s.exchange(get11) }),
	inside("with a length", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "4")
		w.WriteHeader(201)
		io.WriteString(w, "body")
	}, visits),
	inside("204", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, func(s *side) { s.exchange(get11) }),
	inside("flushed", func(w http.ResponseWriter, _ *http.Request) {
		for range 3 {
			flushPart(w)
		}
	}, visits),
	inside("panic", func(http.ResponseWriter, *http.Request) { panic("boom") }, func(s *side) { s.exchange(get11, get11) }),
	inside("panic behind the header", func(w http.ResponseWriter, _ *http.Request) {
		flushPart(w)
		panic("boom")
	}, func(s *side) { s.exchange(get11) }),
	inside("ErrAbortHandler", func(w http.ResponseWriter, _ *http.Request) {
		flushPart(w)
		panic(http.ErrAbortHandler)
	}, func(s *side) { s.exchange(get11) }),
	{
		name: "hijacked through it",
		serve: func(s *side, w http.ResponseWriter, r *http.Request) {
			logging(s, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				c, b := s.hijack(w)
				s.gets(b, "early")
				io.WriteString(c, "raw")
				c.Close()
			})).ServeHTTP(w, r)
		},
		visit: func(s *side) {
			p := s.dial()
			p.say(get11 + "early")
			p.rest()
		},
	},
	{
		name: "what the writer is",
		serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
			_, flusher := w.(http.Flusher)
			_, flushErr := w.(interface{ FlushError() error })
			_, hijacker := w.(http.Hijacker)
			_, readerFrom := w.(io.ReaderFrom)
			_, stringWriter := w.(io.StringWriter)
			_, pusher := w.(http.Pusher)
			_, closer := w.(interface{ CloseNotify() <-chan bool })
			s.served("Flusher %v, FlushError %v, Hijacker %v, ReaderFrom %v, StringWriter %v, Pusher %v, CloseNotifier %v",
				flusher, flushErr, hijacker, readerFrom, stringWriter, pusher, closer)
		},
		send: []string{get11},
	},
	{
		name: "written by several goroutines in turn",
		serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
			for range 10 {
				done := make(chan struct{})
				go func() {
					defer close(done)
					flushPart(w)
				}()
				<-done
			}
		},
		send: []string{get11},
	},
	{
		name: "written when the handler has returned",
		serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "body")
			go func() {
				s.await("answered")
				_, err := io.WriteString(w, "more")
				s.served("Write fails: %v", err != nil)
				s.signal("written")
			}()
		},
		visit: func(s *side) {
			p := s.dial()
			p.say(get11)
			p.answer("GET")
			p.probe()
			s.signal("answered")
			s.await("written")
			p.probe()
		},
	},
}
