package httpx_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// get10 is a request of HTTP/1.0 with fields.
func get10(fields ...string) string {
	return "GET / HTTP/1.0\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n"
}

// tellsRequest answers with the request's path and body.
func tellsRequest(_ *side, w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %v", r.URL.Path, b, err)
}

// pipelined is a case of requests that are sent at once; methods are theirs.
func pipelined(name string, serve func(s *side, w http.ResponseWriter, r *http.Request), requests ...string) contract {
	return contract{
		name:  "pipelined " + name,
		serve: serve,
		visit: func(s *side) {
			p := s.dial()
			p.say(strings.Join(requests, ""))
			for _, r := range requests {
				method, _, _ := strings.Cut(r, " ")
				if !p.answer(method) {
					break
				}
			}
			p.probe()
		},
	}
}

func getPath(path string, fields ...string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: h\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n"
}

var connContracts = []contract{
	{
		name:  "HTTP/1.0",
		serve: tellsRequest,
		send:  []string{get10()},
	},
	{
		name:  "HTTP/1.0 with keep-alive",
		serve: tellsRequest,
		send:  []string{get10("Connection: keep-alive"), get10("Connection: Keep-Alive"), get10("Connection: keep-alive, close")},
	},
	{
		name: "HTTP/1.0 with keep-alive and a long body",
		serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, strings.Repeat("a", 5000))
		},
		send: []string{get10("Connection: keep-alive")},
	},
	{
		name: "HTTP/1.0 with keep-alive and a declared length",
		serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5000")
			io.WriteString(w, strings.Repeat("a", 5000))
		},
		send: []string{get10("Connection: keep-alive"), get10("Connection: keep-alive")},
	},
	{
		name: "HTTP/1.0 with keep-alive and Connection: close of the handler",
		serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
		},
		send: []string{get10("Connection: keep-alive")},
	},
	{
		name:  "HTTP/1.0 with a body and keep-alive",
		serve: tellsRequest,
		send:  []string{"POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc", get10("Connection: keep-alive")},
	},
	{
		name:  "HTTP/1.0 HEAD with keep-alive",
		serve: tellsRequest,
		send:  []string{"HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", get10("Connection: keep-alive")},
	},
	{
		name:  "HTTP/1.0 without keep-alive behind one with it",
		serve: tellsRequest,
		send:  []string{get10("Connection: keep-alive"), get10()},
	},
	{
		name:  "HTTP/1.1 with keep-alive",
		serve: tellsRequest,
		send:  []string{getPath("/", "Connection: keep-alive"), get11},
	},
	{
		name:  "close by the client",
		serve: tellsRequest,
		send:  []string{getPath("/", "Connection: close")},
	},
	{
		name:  "close and keep-alive by the client",
		serve: tellsRequest,
		send:  []string{getPath("/", "Connection: keep-alive, close")},
	},
	{
		name: "close by the handler",
		serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			w.(http.Flusher).Flush()
			io.WriteString(w, "body")
		},
		send: []string{get11},
	},
	{
		name: "close by the handler behind the header",
		serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "body")
			w.(http.Flusher).Flush()
			w.Header().Set("Connection", "close")
		},
		send: []string{get11},
	},
	{
		name: "close by the client, read to the end",
		serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, strings.Repeat("a", 100000))
		},
		visit: func(s *side) {
			p := s.dial()
			p.say(getPath("/", "Connection: close"))
			p.answer("GET")
			_, err := p.Read(make([]byte, 1))
			s.saw("end: %v", err)
		},
	},
	{
		name:  "end of what the client sends, between requests",
		serve: tellsRequest,
		visit: func(s *side) {
			p := s.dial()
			p.say(get11)
			p.answer("GET")
			p.closeWrite()
			p.rest()
		},
	},
	{
		name:  "end of what the client sends, within a header",
		serve: tellsRequest,
		visit: func(s *side) {
			p := s.dial()
			p.say("GET / HTTP/1.1\r\nHo")
			p.closeWrite()
			p.rest()
		},
	},
	{
		name:  "byte by byte",
		serve: tellsRequest,
		visit: func(s *side) {
			p := s.dial()
			for _, b := range post11("abcde") {
				p.say(string(b))
			}
			p.answer("POST")
			p.probe()
		},
	},
	{
		name:  "many requests",
		serve: tellsRequest,
		visit: func(s *side) {
			c := s.web()
			for i := range 20 {
				s.do(c, s.request("POST", fmt.Sprint("/", i), strings.NewReader(strings.Repeat("a", i))))
			}
		},
	},
	pipelined("in order", tellsRequest, getPath("/1"), getPath("/2"), getPath("/3")),
	pipelined("with bodies", tellsRequest, post11("abcde"), chunked11("", ""), getPath("/3"), post11("fghij")),
	pipelined("with a body unread", func(_ *side, w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) },
		post11("abcde"), chunked11("", ""), getPath("/3")),
	pipelined("with HEAD", tellsRequest, head11, getPath("/2"), head11),
	pipelined("with close in the middle", tellsRequest, getPath("/1"), getPath("/2", "Connection: close"), getPath("/3")),
	pipelined("with HTTP/1.0 in the middle", tellsRequest, getPath("/1"), get10(), getPath("/3")),
	pipelined("with close by the handler", func(_ *side, w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/2" {
			w.Header().Set("Connection", "close")
		}
	}, getPath("/1"), getPath("/2"), getPath("/3")),
	pipelined("with a panic in the middle", func(s *side, w http.ResponseWriter, r *http.Request) {
		s.served("%s", r.URL.Path)
		if r.URL.Path == "/2" {
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, r.URL.Path)
	}, getPath("/1"), getPath("/2"), getPath("/3")),
	pipelined("with what is refused in the middle", tellsRequest, getPath("/1"), getPath("/2", "no colon"), getPath("/3")),
	pipelined("with a longer body than was declared", tellsRequest, post11("abcdeGET / HTTP/1.1\r\nHost: h\r\n\r\n"), getPath("/2")),
	pipelined("with an empty line between", tellsRequest, post11("abcde"), "\r\n"+getPath("/2")),
	pipelined("with OPTIONS *", tellsRequest, getPath("/1"), "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", getPath("/3")),
	pipelined("with an expectation", tellsRequest, getPath("/1"), expecting("Content-Length: 3")+"abc", getPath("/3")),
	pipelined("one after the other", func(s *side, w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		running := s.running
		s.mu.Unlock()
		s.served("%s, running %d", r.URL.Path, running)
		writeLong(w)
	}, getPath("/1"), getPath("/2"), getPath("/3")),
}
