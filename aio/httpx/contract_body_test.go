package httpx_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// long11 is the header of a request with a body of n bytes.
func long11(n int) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", n)
}

// unread is a case of a body of n bytes of which the handler reads only the
// first. The client sends it while it reads the answer, and must get that.
func unread(name string, n, first int) contract {
	return contract{
		name: name,
		serve: func(s *side, w http.ResponseWriter, r *http.Request) {
			s.gets(r.Body, strings.Repeat("a", first))
			io.WriteString(w, "answer")
		},
		visit: func(s *side) {
			p := s.dial()
			p.say(long11(n))
			done := make(chan struct{})
			go func() {
				defer close(done)
				// as far as it is taken
				for left := n; left > 0; left -= 1 << 14 {
					if _, err := p.Write(make([]byte, min(left, 1<<14))); err != nil {
						return
					}
				}
			}()
			p.answer("POST")
			if n > 1<<20 {
				p.rest()
				p.Close()
			}
			<-done
			if n < 1<<20 {
				p.probe()
			}
		},
	}
}

// readAll notes what a body has.
func (s *side) readAll(r io.Reader) {
	b, err := io.ReadAll(r)
	s.served("read %s, %v", clipBody(b), err)
}

var bodyContracts = []contract{
	unread("unread and small", 1000, 0),
	unread("unread but within what is drained", 200<<10, 0),
	unread("unread and beyond what is drained", 5<<20, 0),
	unread("read in part, the rest small", 1000, 10),
	unread("read in part, the rest large", 5<<20, 10),
	{
		name: "read",
		serve: func(s *side, w http.ResponseWriter, r *http.Request) {
			s.readAll(r.Body)
			s.readAll(r.Body)
		},
		send: []string{post11("abcde"), chunked11("", ""), get11},
	},
	{
		name: "read piece by piece",
		serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
			for _, piece := range []string{"one", "two"} {
				s.gets(r.Body, piece)
				s.signal(piece)
			}
			s.readAll(r.Body)
		},
		visit: func(s *side) {
			p := s.dial()
			p.say("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
			s.await("one")
			p.say("3;ext=x\r\ntw")
			p.say("o\r\n")
			s.await("two")
			p.say("0\r\n\r\n")
			p.answer("POST")
			p.probe()
		},
	},
	{
		name: "one Read to its end",
		serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
			b := make([]byte, 10)
			n, err := io.ReadAtLeast(r.Body, b, 5)
			s.served("read %q, %v", b[:n], err)
			n, err = r.Body.Read(b)
			s.served("read %q, %v", b[:n], err)
			n, err = r.Body.Read(nil)
			s.served("read %q, %v", b[:n], err)
		},
		send: []string{post11("abcde")},
	},
	{
		name: "closed, then read",
		serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
			s.gets(r.Body, "ab")
			s.served("Close: %v", r.Body.Close())
			s.readAll(r.Body)
			s.served("Close: %v", r.Body.Close())
		},
		send: []string{post11("abcde"), chunked11("", ""), post11("abcde")},
	},
	{
		name: "none closed, then read",
		serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
			s.served("Close: %v", r.Body.Close())
			s.readAll(r.Body)
		},
		send: []string{get11},
	},
	{
		name: "read when the handler has returned",
		serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
			go func() {
				s.await("answered")
				_, err := r.Body.Read(make([]byte, 1))
				s.served("Read: %v", err)
				s.signal("read")
			}()
		},
		visit: func(s *side) {
			p := s.dial()
			p.say(post11("abcde"))
			p.answer("POST")
			p.probe()
			s.signal("answered")
			s.await("read")
		},
	},
	{
		name: "read while it is answered",
		serve: func(s *side, w http.ResponseWriter, r *http.Request) {
			s.gets(r.Body, "ab")
			io.WriteString(w, "echo ")
			s.readAll(r.Body)
			io.WriteString(w, "done")
		},
		send: []string{post11("abcde"), post11("abcde")},
	},
	{
		name: "read behind a Flush",
		serve: func(s *side, w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			s.readAll(r.Body)
		},
		send: []string{post11("abcde"), chunked11("", "")},
	},
	{
		name: "echoed",
		serve: func(s *side, w http.ResponseWriter, r *http.Request) {
			n, err := io.Copy(w, r.Body)
			s.served("copied %d, %v", n, err)
		},
		send: []string{post11("abcde"), long11(100) + strings.Repeat("a", 100)},
	},
	{
		name: "cut off",
		serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
			s.readAll(r.Body)
		},
		visit: func(s *side) {
			p := s.dial()
			p.say(post11("ab"))
			p.closeWrite()
			p.rest()
			s.returned()
		},
	},
	{
		name: "cut off within a chunk",
		serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
			s.readAll(r.Body)
		},
		visit: func(s *side) {
			p := s.dial()
			p.say("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")
			p.closeWrite()
			p.rest()
			s.returned()
		},
	},
	{
		name: "malformed chunk",
		serve: func(s *side, w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			s.served("read %q, fails %v", b, err != nil)
			_, again := r.Body.Read(make([]byte, 1))
			s.served("the same again: %v", again == err)
			w.WriteHeader(400)
		},
		send: []string{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nx\r\nabc\r\n0\r\n\r\n"},
	},
	{
		name: "malformed chunk, unread",
		serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "answer")
		},
		send: []string{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nx\r\nabc\r\n0\r\n\r\n"},
	},
	{
		name: "MaxBytesReader",
		serve: func(s *side, w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, 3)
			b, err := io.ReadAll(r.Body)
			s.served("read %q, %v", b, err)
			if err != nil {
				w.WriteHeader(413)
			}
		},
		send: []string{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", post11("abcde")},
	},
	{
		name: "MaxBytesReader behind a wrapper",
		serve: func(s *side, w http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(http.MaxBytesReader(wrapped{w}, r.Body, 3))
			s.served("read: %v", err)
			w.WriteHeader(413)
		},
		send: []string{post11("abcde")},
	},
	{
		name: "MaxBytesHandler",
		serve: func(s *side, w http.ResponseWriter, r *http.Request) {
			http.MaxBytesHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, err := io.Copy(w, r.Body)
				s.served("read: %v", err)
			}), 4).ServeHTTP(w, r)
		},
		send: []string{post11("abcde")},
	},
	{
		name: "replaced by the handler",
		serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader("other"))
			s.readAll(r.Body)
		},
		send: []string{post11("abcde"), post11("abcde")},
	},
	{
		name: "large, read by the handler",
		serve: func(s *side, w http.ResponseWriter, r *http.Request) {
			n, err := io.Copy(io.Discard, r.Body)
			s.served("read %d, %v", n, err)
			fmt.Fprint(w, n)
		},
		visit: func(s *side) {
			c := s.web()
			for range 2 {
				s.do(c, s.request("POST", "/", strings.NewReader(strings.Repeat("a", 3<<20))))
				s.do(c, s.request("POST", "/", struct{ io.Reader }{strings.NewReader(strings.Repeat("a", 3<<20))}))
			}
		},
	},
}
