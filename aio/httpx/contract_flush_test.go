package httpx_test

import (
	"io"
	"net/http"
)

// get11 is a request as most cases begin with.
const get11 = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

var flushContracts = []contract{{
	name: "sends the header before the body",
	serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-A", "b")
		w.(http.Flusher).Flush()
		s.await("header seen")
		io.WriteString(w, "body")
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(get11)
		for _, line := range p.head().lines {
			s.saw("%s", line)
		}
		s.signal("header seen")
		p.expect("4\r\nbody\r\n0\r\n\r\n")
		p.probe()
	},
}, {
	name: "sends each piece",
	serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
		for _, piece := range []string{"one", "two", "three"} {
			io.WriteString(w, piece)
			w.(http.Flusher).Flush()
			s.await(piece)
		}
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(get11)
		for _, line := range p.head().lines {
			s.saw("%s", line)
		}
		for _, piece := range []string{"3\r\none\r\n", "3\r\ntwo\r\n", "5\r\nthree\r\n"} {
			p.expect(piece)
			s.signal(piece[3 : len(piece)-2])
		}
		p.expect("0\r\n\r\n")
	},
}, {
	name: "with a declared length",
	serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "6")
		io.WriteString(w, "one")
		w.(http.Flusher).Flush()
		s.await("one")
		io.WriteString(w, "two")
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(get11)
		for _, line := range p.head().lines {
			s.saw("%s", line)
		}
		p.expect("one")
		s.signal("one")
		p.expect("two")
		p.probe()
	},
}, {
	name: "header changed behind it",
	serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		w.Header().Set("X-Late", "b")
		w.WriteHeader(404)
	},
	send: []string{get11},
}, {
	name: "of HEAD and 204",
	serve: func(_ *side, w http.ResponseWriter, r *http.Request) {
		if r.Method != "HEAD" {
			w.WriteHeader(204)
		}
		w.(http.Flusher).Flush()
		w.(http.Flusher).Flush()
	},
	send: []string{"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", get11},
}, {
	name: "to HTTP/1.0",
	serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "one")
		w.(http.Flusher).Flush()
		io.WriteString(w, "two")
	},
	send: []string{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"},
}, {
	name: "FlushError of a client that is gone",
	serve: func(s *side, w http.ResponseWriter, r *http.Request) {
		s.signal("handled")
		<-r.Context().Done()
		var err error
		for range 10000 { // the kernel may take some
			w.Write(make([]byte, 1000))
			if err = w.(interface{ FlushError() error }).FlushError(); err != nil {
				break
			}
		}
		s.served("failed: %v", err != nil)
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(get11)
		s.await("handled")
		p.Close()
	},
}}
